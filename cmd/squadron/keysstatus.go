package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/home"
	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type keysStatusCommand struct {
	Dir        string        `placeholder:"DIR" default:"trust" type:"path" help:"The owner's folder."`
	Controller controllerURL `help:"Address of the controller, which knows what was pushed to it, and what publishers signed last: until when that is believed, and which minimum versions it gives. Without it, those whose keys lie in DIR/keys are shown." env:"SQUADRON_CONTROLLER" placeholder:"URL" optional:""`
}

func (keysStatusCommand) Help() string {
	return "Examples:\n\n  squadron keys status\n  squadron keys status --controller http://127.0.0.1:8080\n\nWith --controller it says which of this folder's files were not pushed there yet. root.json is believed for five years, targets.json for two: squadron keys renew signs them anew. A publisher's role is believed for a year: publishing any of its bundles again signs it anew, from half a year on."
}

// trustStatus is what the owner has decided.
type trustStatus struct {
	Root    fileStatus   `json:"root"`
	Targets fileStatus   `json:"targets"`
	Roles   []roleStatus `json:"roles"`
}

type fileStatus struct {
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
	// There is what the controller has of it; nil if none was asked.
	There *fileThere `json:"controller,omitempty"`
}

type roleStatus struct {
	Role      string        `json:"role"`
	May       string        `json:"may"`
	Threshold int           `json:"threshold"`
	Keys      []trust.KeyID `json:"keys"`
	// Expires is when a publisher's role does; nil if that is not known here.
	Expires *time.Time `json:"expires,omitempty"`
	// Minimums are the lowest versions that devices may install, by model.
	Minimums map[string]string `json:"minimum_versions,omitempty"`
}

func (c keysStatusCommand) Run(ctx context.Context, s program.Streams) error {
	f := owner.Folder{Dir: c.Dir}
	status, err := statusOf(f)
	if err != nil {
		return exit.AsUsage(err)
	}
	if err := c.addThere(ctx, f, &status); err != nil {
		return remote(fmt.Errorf("what was pushed: %w", err), "")
	}
	if err := c.addPublishers(ctx, f, &status); err != nil {
		return remote(fmt.Errorf("what publishers signed: %w", err), "")
	}
	return s.Print(status, func(w io.Writer) {
		now := time.Now()
		status.Root.tell(w, "root.json", now)
		status.Targets.tell(w, "targets.json", now)
		row := table(w, "ROLE", "MAY", "SIGN", "KEYS", "BELIEVED UNTIL", "MINIMUM VERSIONS")
		for _, r := range status.Roles {
			ids := make([]string, len(r.Keys))
			for i, k := range r.Keys {
				ids[i] = k.Short()
			}
			row(r.Role, r.May, fmt.Sprintf("%d of %d", r.Threshold, len(r.Keys)), strings.Join(ids, " "), r.until(now), r.minimums())
		}
		row()
	})
}

func (f fileStatus) tell(w io.Writer, name string, now time.Time) {
	fmt.Fprintf(w, "%s %d, believed until %s%s\n", name, f.Version, f.Expires.Format(time.DateOnly), soon(f.Expires, now))
	if f.There != nil {
		f.There.tell(w)
	}
}

// soon warns within half a year.
func soon(expires, now time.Time) string {
	return warning(expires, now, 182*24*time.Hour, "squadron keys renew")
}

// until is a publisher's expiry, with a warning from thirty days before.
func (r roleStatus) until(now time.Time) string {
	if r.Expires == nil {
		return ""
	}
	return r.Expires.Format(time.DateOnly) + warning(*r.Expires, now, 30*24*time.Hour, "publish again")
}

// minimums are "meter-dial 1.0.0, meter-reader 2.0.0".
func (r roleStatus) minimums() string {
	list := slices.Sorted(maps.Keys(r.Minimums))
	for i, model := range list {
		list[i] = model + " " + r.Minimums[model]
	}
	return strings.Join(list, ", ")
}

func warning(expires, now time.Time, ahead time.Duration, remedy string) string {
	switch {
	case now.After(expires):
		return ": EXPIRED; " + remedy
	case expires.Sub(now) < ahead:
		return ": soon; " + remedy
	}
	return ""
}

// addPublishers finds out what each publisher signed last: by the file
// that the controller has, or by what the key in the owner's folder signed last.
func (c keysStatusCommand) addPublishers(ctx context.Context, f owner.Folder, status *trustStatus) error {
	targets, err := f.Targets()
	if err != nil {
		return err
	}
	for i := range status.Roles {
		role := &status.Roles[i]
		if d, ok := targets.Delegation(role.Role); !ok || d.Role == trust.OrdersRole {
			continue
		}
		b, err := c.roleFile(ctx, f, role.Role)
		if err != nil {
			return err
		}
		if b == nil {
			continue // it has signed nothing yet, as far as is known here
		}
		file, err := trust.ParseTargets(b)
		if err == nil {
			err = targets.SignedFor(role.Role, file)
		}
		if err != nil {
			role.May += " (its newest file is not signed by its key)"
			continue
		}
		expires := file.Expires()
		role.Expires = &expires
		if role.Minimums, err = file.Minimums(); err != nil {
			return fmt.Errorf("%s: %w", trust.FileName(role.Role), err)
		}
	}
	return nil
}

// roleFile is a publisher's newest file; nil if there is none.
func (c keysStatusCommand) roleFile(ctx context.Context, f owner.Folder, role string) ([]byte, error) {
	if c.Controller != "" {
		return api.NewClient(string(c.Controller), "", whoami()).Metadata(ctx, trust.FileName(role))
	}
	b, err := home.Of(f.KeyFile(role)).Load()
	if err != nil {
		return nil, err
	}
	last, err := trust.ReadLast(b)
	return last.File, err
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
	status := trustStatus{Root: fileStatus{Version: root.Version(), Expires: root.Expires()}, Targets: fileStatus{Version: targets.Version(), Expires: targets.Expires()}}
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
