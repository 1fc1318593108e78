package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// takeover is how a controller comes to sign with another online key, in the
// order in which a person does it. A push alone cannot: the controller would
// take a root under which it may not sign.
type takeover []string

func takeoverBy(f owner.Folder, key trust.KeyID) takeover {
	file := f.FileOf(key)
	if file == "" {
		file = "the file of key " + key.Short()
	}
	return takeover{
		fmt.Sprintf("copy %s to the controller's machine", file),
		fmt.Sprintf("copy %s and %s into the folder that its configuration names as trust, unless it is this one", filepath.Join(f.Dir, "*.root.json"), filepath.Join(f.Dir, "targets.json")),
		"set online_key_file in its configuration to the copied key, and passphrase_file to what opens it",
		"restart the controller, which takes over root and targets as it starts",
		"run squadron keys push, which then finds that the controller has all of it",
	}
}

// sentence is the steps for where one line is all there is.
func (t takeover) sentence() string { return strings.Join(t, "; ") }

func (t takeover) tell(w io.Writer) {
	for i, step := range t {
		fmt.Fprintf(w, "  %d. %s\n", i+1, step)
	}
}
