package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// attempt is a release that is about to be published.
type attempt struct {
	release trust.Release
	signers []trust.KeyID // of the bundle, as it says
	file    string        // of the publisher's private key
	key     trust.KeyID
}

// check asks the controller who may publish the release, before gigabytes are
// sent. It is the owner's word as the controller shows it: one that lies about it
// can refuse, as it can anyway.
func (a attempt) check(ctx context.Context, client *api.Client) error {
	b, err := client.Metadata(ctx, trust.FileName(trust.RoleTargets))
	if err != nil {
		return err
	}
	targets, err := trust.ParseTargets(b)
	if err != nil {
		return fmt.Errorf("the controller's %w", err)
	}
	return a.allowedBy(targets)
}

// allowedBy fails unless a device would take the release of this key and of the
// bundle's.
func (a attempt) allowedBy(targets trust.Targets) error {
	by, ok := targets.Covering(a.release.Path())
	if !ok {
		return fmt.Errorf("nobody may publish %s, and nothing was sent: the fleet's owner runs squadron keys delegate %s, and squadron keys push", a.release.Model, a.grant(targets))
	}
	may := owner.RightsOf(by)
	if !slices.Contains(may.Keys, a.key) {
		return fmt.Errorf("%s alone may publish %s, with key %s, and %s has key %s; nothing was sent: %s", by.Role, a.release.Model, may.KeyList(), a.file, a.key.Short(), a.instead(targets, by))
	}
	if !slices.ContainsFunc(a.signers, func(k trust.KeyID) bool { return slices.Contains(may.Keys, k) }) {
		return fmt.Errorf("%s alone may publish %s, with key %s, and the bundle is signed by key %s; nothing was sent: pack it again with squadron pack --key %s", by.Role, a.release.Model, may.KeyList(), owner.Rights{Keys: a.signers}.KeyList(), a.file)
	}
	return nil
}

// grant is what the owner gives squadron keys delegate for the key to publish
// the model, and what it could before.
func (a attempt) grant(targets trust.Targets) string {
	publisher, models, others := "PUBLISHER", []string{a.release.Model}, ""
	if has, ok := a.roleOf(targets); ok {
		may := owner.RightsOf(has)
		publisher = has.Role
		models = append(strings.Split(may.ModelList(), ", "), models...)
		if len(may.Keys) > 1 {
			others = ", and --public for each other key that it has"
		}
	}
	return fmt.Sprintf("%s --models '%s' --public %s%s", publisher, strings.Join(models, ","), owner.PublicFile(a.file), others)
}

// instead is what to do where another publisher has the model. A key signs for
// one publisher alone.
func (a attempt) instead(targets trust.Targets, by trust.Delegation) string {
	if has, ok := a.roleOf(targets); ok {
		return fmt.Sprintf("have %s pack and publish it, or pack it under a name that %s may publish with this key: %s", by.Role, has.Role, owner.RightsOf(has).ModelList())
	}
	models := strings.ReplaceAll(owner.RightsOf(by).ModelList(), ", ", ",")
	return fmt.Sprintf("pack and publish it with that key, or the fleet's owner runs squadron keys delegate %s --models '%s' --public %s, and --public for each key that it has, and squadron keys push", by.Role, models, owner.PublicFile(a.file))
}

// roleOf is the publisher that the key is of already.
func (a attempt) roleOf(targets trust.Targets) (trust.Delegation, bool) {
	for _, d := range targets.Delegations() {
		if d.Role != trust.OrdersRole && slices.Contains(owner.RightsOf(d).Keys, a.key) {
			return d, true
		}
	}
	return trust.Delegation{}, false
}
