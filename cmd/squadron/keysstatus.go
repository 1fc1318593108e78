package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type keysStatusCommand struct {
	Dir string `placeholder:"DIR" default:"trust" type:"path" help:"The owner's folder."`
}

func (keysStatusCommand) Help() string { return "Example:\n\n  squadron keys status" }

// trustStatus is what the owner has decided.
type trustStatus struct {
	Root    fileStatus   `json:"root"`
	Targets fileStatus   `json:"targets"`
	Roles   []roleStatus `json:"roles"`
}

type fileStatus struct {
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

type roleStatus struct {
	Role      string        `json:"role"`
	May       string        `json:"may"`
	Threshold int           `json:"threshold"`
	Keys      []trust.KeyID `json:"keys"`
}

func (c keysStatusCommand) Run(s program.Streams) error {
	status, err := statusOf(owner.Folder{Dir: c.Dir})
	if err != nil {
		return exit.AsUsage(err)
	}
	return s.Print(status, func(w io.Writer) {
		now := time.Now()
		fmt.Fprintf(w, "root.json %d, believed until %s%s\n", status.Root.Version, status.Root.Expires.Format(time.DateOnly), soon(status.Root.Expires, now))
		fmt.Fprintf(w, "targets.json %d, believed until %s%s\n", status.Targets.Version, status.Targets.Expires.Format(time.DateOnly), soon(status.Targets.Expires, now))
		row := table(w, "ROLE", "MAY", "SIGN", "KEYS")
		for _, r := range status.Roles {
			ids := make([]string, len(r.Keys))
			for i, k := range r.Keys {
				ids[i] = k.Short()
			}
			row(r.Role, r.May, fmt.Sprintf("%d of %d", r.Threshold, len(r.Keys)), strings.Join(ids, " "))
		}
		row()
	})
}

// soon warns within half a year.
func soon(expires, now time.Time) string {
	switch {
	case now.After(expires):
		return ": EXPIRED; squadron keys renew"
	case expires.Sub(now) < 182*24*time.Hour:
		return ": soon; squadron keys renew"
	}
	return ""
}

func statusOf(f owner.Folder) (trustStatus, error) {
	root, err := f.Root()
	if err != nil {
		return trustStatus{}, err
	}
	targets, err := f.Targets()
	if err != nil {
		return trustStatus{}, err
	}
	status := trustStatus{Root: fileStatus{root.Version(), root.Expires()}, Targets: fileStatus{targets.Version(), targets.Expires()}}
	for _, role := range []struct{ name, may string }{
		{trust.RoleRoot, "name the keys of all roles"},
		{trust.RoleTargets, "say who may publish and order"},
		{trust.RoleTimestamp, "say what is newest (the controller)"},
	} {
		keys, threshold := root.Keys(role.name)
		status.Roles = append(status.Roles, roleOf(role.name, role.may, threshold, keys))
	}
	for _, d := range targets.Delegations() {
		may := "publish " + strings.Join(d.Paths, ", ")
		if d.Role == trust.OrdersRole {
			may = "order devices (the controller)"
		}
		status.Roles = append(status.Roles, roleOf(d.Role, may, d.Threshold, d.Keys))
	}
	return status, nil
}

func roleOf(name, may string, threshold int, keys []trust.PublicKey) roleStatus {
	r := roleStatus{Role: name, May: may, Threshold: threshold}
	for _, k := range keys {
		r.Keys = append(r.Keys, k.ID())
	}
	return r
}

type keysPushCommand struct {
	Dir string `placeholder:"DIR" default:"trust" type:"path" help:"The owner's folder."`
	controllerFlags
}

func (keysPushCommand) Help() string {
	return "Example:\n\n  squadron keys push --controller http://127.0.0.1:8080\n\nNo private key is needed, nor leaves this machine. What the controller has already is not sent again."
}

func (c keysPushCommand) Run(ctx context.Context, s program.Streams) error {
	pushed, err := push(ctx, owner.Folder{Dir: c.Dir}, c.client())
	if err != nil {
		return remote(fmt.Errorf("push %s: %w", c.Dir, err), "")
	}
	return s.Print(pushed, func(w io.Writer) {
		if len(pushed) == 0 {
			fmt.Fprintln(w, "The controller has all of it already.")
		}
		for _, p := range pushed {
			fmt.Fprintf(w, "The controller took version %d of %s.\n", p.Version, trust.FileName(p.Role))
		}
	})
}

// push offers the roots that the controller does not have, in their order, and
// then targets.json, once the folder is seen to hold both.
func push(ctx context.Context, f owner.Folder, client *api.Client) ([]api.PutMetadata, error) {
	root, rootErr := f.Root()
	targets, targetsErr := f.Targets()
	if err := cmp.Or(rootErr, targetsErr); err != nil {
		return nil, exit.AsUsage(err)
	}
	pushed, err := pushRoots(ctx, f, root.Version(), client)
	if err != nil {
		return pushed, err
	}
	return pushTargets(ctx, f, targets.Version(), client, pushed)
}

func pushRoots(ctx context.Context, f owner.Folder, newest int64, client *api.Client) ([]api.PutMetadata, error) {
	pushed := []api.PutMetadata{}
	have, err := client.Metadata(ctx, trust.FileName(trust.RoleRoot))
	if err != nil {
		return nil, err
	}
	theirs, err := trust.ParseRoot(have)
	if err != nil {
		return nil, fmt.Errorf("the controller's %w", err)
	}
	for v := theirs.Version() + 1; v <= newest; v++ {
		b, err := f.RootBytes(v)
		if err != nil {
			return pushed, err
		}
		put, err := client.PutMetadata(ctx, trust.RoleRoot, b)
		if err != nil {
			return pushed, fmt.Errorf("root %d: %w", v, err)
		}
		pushed = append(pushed, put)
	}
	return pushed, nil
}

func pushTargets(ctx context.Context, f owner.Folder, newest int64, client *api.Client, pushed []api.PutMetadata) ([]api.PutMetadata, error) {
	have, err := client.Metadata(ctx, trust.FileName(trust.RoleTargets))
	if err != nil {
		return pushed, err
	}
	theirs, err := trust.ParseTargets(have)
	if err != nil {
		return pushed, fmt.Errorf("the controller's %w", err)
	}
	if newest <= theirs.Version() {
		return pushed, nil
	}
	b, err := f.TargetsBytes()
	if err != nil {
		return pushed, err
	}
	put, err := client.PutMetadata(ctx, trust.RoleTargets, b)
	if err != nil {
		return pushed, fmt.Errorf("targets %d: %w", newest, err)
	}
	return append(pushed, put), nil
}
