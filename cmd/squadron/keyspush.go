package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type keysPushCommand struct {
	Dir string `placeholder:"DIR" default:"trust" type:"path" help:"The owner's folder."`
	controllerFlags
}

func (keysPushCommand) Help() string {
	return "Example:\n\n  squadron keys push --controller http://127.0.0.1:8080\n\nNo private key is needed, nor leaves this machine. What the controller has already is not sent again. A new online key cannot be pushed: the controller starts with it (squadron keys rotate online says how)."
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
	has, err := hasOf(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := has.outlives(root, f); err != nil {
		return nil, err
	}
	pushed := []api.PutMetadata{}
	for v := has.root.Version() + 1; v <= root.Version(); v++ {
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
	if targets.Version() <= has.targets.Version() {
		return pushed, nil
	}
	b, err := f.TargetsBytes()
	if err != nil {
		return pushed, err
	}
	put, err := client.PutMetadata(ctx, trust.RoleTargets, b)
	if err != nil {
		return pushed, fmt.Errorf("targets %d: %w", targets.Version(), err)
	}
	return append(pushed, put), nil
}

// controllerHas is what a controller has of the owner's files.
type controllerHas struct {
	root    trust.Root
	targets trust.Targets
}

func hasOf(ctx context.Context, client *api.Client) (h controllerHas, err error) {
	root, err := client.Metadata(ctx, trust.FileName(trust.RoleRoot))
	if err != nil {
		return h, err
	}
	if h.root, err = trust.ParseRoot(root); err != nil {
		return h, fmt.Errorf("the controller's %w", err)
	}
	targets, err := client.Metadata(ctx, trust.FileName(trust.RoleTargets))
	if err != nil {
		return h, err
	}
	if h.targets, err = trust.ParseTargets(targets); err != nil {
		return h, fmt.Errorf("the controller's %w", err)
	}
	return h, nil
}

// outlives fails if the owner's newest root names another online key than the
// one that the controller signs with: it has to start with that key first.
func (h controllerHas) outlives(root trust.Root, f owner.Folder) error {
	now, next := onlineKey(h.root), onlineKey(root)
	if root.Version() <= h.root.Version() || now == next {
		return nil
	}
	return fmt.Errorf("root %d names the online key %s, and the controller signs with %s, which it cannot change while it runs; nothing was sent; next: %s", root.Version(), next.Short(), now.Short(), takeoverBy(f, next).sentence())
}

// onlineKey is the key that a root lets sign what is newest.
func onlineKey(r trust.Root) trust.KeyID {
	keys, _ := r.Keys(trust.RoleTimestamp)
	if len(keys) == 0 {
		return ""
	}
	return keys[0].ID()
}
