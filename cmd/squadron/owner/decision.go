package owner

import (
	"errors"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/cmd/squadron/durable"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// decision is the owner's next root and targets in the making. Every key that
// has to sign is opened, and every file is made, before save writes the first:
// what fails before leaves the folder as it was.
type decision struct {
	folder  Folder
	now     time.Time
	before  trust.Root    // the newest root of the folder
	root    trust.Root    // the next one, once changeRoot made it
	targets trust.Targets // the folder's, or the next once changeTargets made it

	newRoot, newTargets bool
}

// decide begins with what the folder holds.
func (f Folder) decide(now time.Time) (*decision, error) {
	before, err := f.Root()
	if err != nil {
		return nil, err
	}
	targets, err := f.Targets()
	if err != nil {
		return nil, err
	}
	return &decision{folder: f, now: now, before: before, root: before, targets: targets}, nil
}

// changeRoot makes and signs the next root. Fresh are keys that it brings in
// and that must sign as well.
func (d *decision) changeRoot(fresh []trust.PrivateKey, change func(trust.Root) error) error {
	old, threshold := d.before.Keys(trust.RoleRoot)
	signers, err := d.folder.private("the next root", old, threshold)
	if err != nil {
		return err
	}
	next, err := d.folder.Root()
	if err != nil {
		return err
	}
	next.Next(d.now.Add(rootLife))
	if err := change(next); err != nil {
		return err
	}
	if err := errors.Join(signRoot(next, signers), signRoot(next, fresh)); err != nil {
		return err
	}
	if err := next.Follows(d.before); err != nil {
		return fmt.Errorf("the next root: %w", err)
	}
	d.root, d.newRoot = next, true
	return nil
}

// changeTargets makes the next targets, and signs it for the root of the same
// decision. Fresh are keys which that root names and which have no file yet.
func (d *decision) changeTargets(fresh []trust.PrivateKey, change func(trust.Targets) error) error {
	d.targets.Next(d.now.Add(targetsLife))
	if err := change(d.targets); err != nil {
		return err
	}
	signers := fresh
	if len(fresh) == 0 {
		keys, threshold := d.root.Keys(trust.RoleTargets)
		var err error
		if signers, err = d.folder.private("targets.json", keys, threshold); err != nil {
			return err
		}
	}
	for _, k := range signers {
		if err := d.targets.Sign(k); err != nil {
			return err
		}
	}
	d.newTargets = true
	return d.targets.SignedBy(d.root)
}

// save writes what was decided: the root last, which is what others begin with.
func (d *decision) save() error {
	var files []durable.File
	if d.newTargets {
		b, err := d.targets.Encode()
		if err != nil {
			return err
		}
		files = append(files, public(d.folder.path(targetsFile), b))
	}
	if d.newRoot {
		b, err := d.root.Encode()
		if err != nil {
			return err
		}
		version := trust.VersionedName(d.root.Version(), trust.RoleRoot)
		files = append(files, public(d.folder.path(version), b), public(d.folder.path(rootFile), b))
	}
	return durable.Replace(files...)
}

// public is a file that anybody may read.
func public(name string, b []byte) durable.File {
	return durable.File{Name: name, Body: append(b, '\n'), Mode: 0o644}
}
