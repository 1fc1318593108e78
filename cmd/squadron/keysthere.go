package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/controller/api"
)

// fileThere is what a controller has of one of the owner's files.
type fileThere struct {
	Version int64      `json:"version"`
	State   thereState `json:"state"`
	Next    takeover   `json:"next,omitempty"` // what brings the controller level, in this order
}

// thereState is how the owner's file and the controller's compare.
type thereState string

const (
	pushed   thereState = "pushed"   // the controller has this very file
	unpushed thereState = "unpushed" // the controller has an older one
	outdated thereState = "outdated" // the controller has a newer one
	apart    thereState = "apart"    // the controller has another file of the same version
)

func (t fileThere) tell(w io.Writer) {
	switch t.State {
	case unpushed:
		fmt.Fprintf(w, "  NOT PUSHED: the controller has version %d. ", t.Version)
	case outdated:
		fmt.Fprintf(w, "  OUTDATED: the controller has version %d, which another copy of this folder made; go on from that copy.\n", t.Version)
	case apart:
		fmt.Fprintf(w, "  ANOTHER FILE: the controller has a version %d too, which another copy of this folder made, or another fleet's owner; go on from that copy.\n", t.Version)
	}
	switch len(t.Next) {
	case 0:
	case 1:
		fmt.Fprintf(w, "Next: %s\n", t.Next.sentence())
	default:
		fmt.Fprintln(w, "Next:")
		t.Next.tell(w)
	}
}

// addThere compares the owner's files with the controller's, if one is named.
func (c keysStatusCommand) addThere(ctx context.Context, f owner.Folder, status *trustStatus) error {
	if c.Controller == "" {
		return nil
	}
	root, rootErr := f.Root()
	targets, targetsErr := f.Targets()
	has, hasErr := hasOf(ctx, api.NewClient(string(c.Controller), "", whoami()))
	if err := errors.Join(rootErr, targetsErr, hasErr); err != nil {
		return err
	}
	next := takeover{fmt.Sprintf("squadron keys push --dir %s --controller %s", c.Dir, c.Controller)}
	if has.outlives(root, f) != nil {
		next = takeoverBy(f, onlineKey(root))
	}
	var err error
	if status.Root.There, err = compare(root, has.root, next); err != nil {
		return err
	}
	status.Targets.There, err = compare(targets, has.targets, next)
	return err
}

// ownersFile is root.json or targets.json.
type ownersFile interface {
	Version() int64
	Encode() ([]byte, error)
}

// compare says what the controller has of a file, and next if that is less.
func compare(own, there ownersFile, next takeover) (*fileThere, error) {
	a, errA := own.Encode()
	b, errB := there.Encode()
	if err := errors.Join(errA, errB); err != nil {
		return nil, err
	}
	t := &fileThere{Version: there.Version(), State: pushed}
	switch {
	case own.Version() > there.Version():
		t.State, t.Next = unpushed, next
	case own.Version() < there.Version():
		t.State = outdated
	case !bytes.Equal(a, b):
		t.State = apart
	}
	return t, nil
}
