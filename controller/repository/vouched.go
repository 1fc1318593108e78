package repository

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// NotVouchedError says why no device would take a bundle, and who can do what
// about it.
type NotVouchedError struct{ Why string }

func (e *NotVouchedError) Error() string { return e.Why }

func notVouched(format string, args ...any) error {
	return &NotVouchedError{fmt.Sprintf(format, args...)}
}

// Who signs what has expired.
const (
	ownerRenews     = "the fleet's owner runs squadron keys renew, and squadron keys push"
	publisherRenews = "its publisher runs squadron publish with a bundle that is published already"
)

// Vouched fails unless devices would find that a publisher vouches for a bundle;
// with a *NotVouchedError if they would not.
func (r *Repository) Vouched(ctx context.Context, b store.Bundle, now time.Time) error {
	s, err := load(ctx, r.store.View)
	if err != nil {
		return err
	}
	return s.vouched(b, now)
}

// vouched asks what a device asks, in its order.
func (s *state) vouched(b store.Bundle, now time.Time) error {
	for _, e := range s.owners() {
		if now.After(e.At) {
			return notVouched("%s expired on %s: %s", e.File, e.At.Format(time.DateOnly), e.Remedy)
		}
	}
	path := trust.TargetPath(b.Name, b.Version)
	by, ok := s.targets.Covering(path)
	if !ok {
		return notVouched("targets.json lets nobody publish %s: the fleet's owner runs squadron keys delegate", b.Name)
	}
	file := trust.FileName(by.Role)
	role, ok := s.roles[by.Role]
	if !ok {
		return notVouched("no publisher vouches for it, for %s has signed nothing yet: its publisher runs squadron publish with the bundle", by.Role)
	}
	if s.targets.SignedFor(by.Role, role) != nil {
		return notVouched("%s is not signed by the key that targets.json names for %s now: its publisher runs squadron publish with that key and --other-key, or, if the former key was stolen, the owner delegates to another name", file, by.Role)
	}
	if now.After(role.Expires()) {
		return notVouched("%s expired on %s: %s", file, role.Expires().Format(time.DateOnly), publisherRenews)
	}
	have, ok := role.Digest(path)
	if !ok || have != b.Digest {
		return notVouched("no publisher vouches for it, or for another bundle of that version: its publisher runs squadron publish with the bundle")
	}
	return s.installable(b, by, role)
}

// installable refuses what a device finds vouched for, and may not install.
func (s *state) installable(b store.Bundle, by trust.Delegation, role trust.Targets) error {
	minimum, err := role.Minimum(b.Name)
	if err != nil {
		return err
	}
	if minimum != "" && trust.Older(b.Version, minimum) {
		return notVouched("its publisher allows no version below %s: roll a newer one out, or have the publisher give a lower one with squadron publish --minimum-version and --lower-minimum", minimum)
	}
	if !slices.ContainsFunc(by.Keys, func(k trust.PublicKey) bool { return string(k.ID()) == b.KeyID }) {
		return notVouched("key %.12s signed the bundle, which targets.json does not name for %s any more: pack the model as another version with the present key and publish that, or have the owner delegate to both keys", b.KeyID, by.Role)
	}
	return nil
}

// Minimums are, for each of the bundles, the lowest version of its model that a
// device may install; empty is any.
func (r *Repository) Minimums(ctx context.Context, bundles []store.Bundle) ([]string, error) {
	s, err := load(ctx, r.store.View)
	if err != nil {
		return nil, err
	}
	byRole := map[string]map[string]string{}
	for name, role := range s.roles {
		if byRole[name], err = role.Minimums(); err != nil {
			return nil, fmt.Errorf("%s: %w", trust.FileName(name), err)
		}
	}
	minimums := make([]string, len(bundles))
	for i, b := range bundles {
		if by, ok := s.targets.Covering(trust.TargetPath(b.Name, b.Version)); ok {
			minimums[i] = byRole[by.Role][b.Name]
		}
	}
	return minimums, nil
}

// Expiry is until when a file that a person signed is believed.
type Expiry struct {
	File   string
	At     time.Time
	Remedy string // who does what
}

// Expiring lists the files of the owner and of the publishers that are not
// believed any more at a time.
func (r *Repository) Expiring(ctx context.Context, at time.Time) ([]Expiry, error) {
	s, err := load(ctx, r.store.View)
	if err != nil {
		return nil, err
	}
	all := s.owners()
	for _, role := range s.sortedRoles() {
		if _, delegated := s.targets.Delegation(role); delegated {
			all = append(all, Expiry{trust.FileName(role), s.roles[role].Expires(), publisherRenews})
		}
	}
	return slices.DeleteFunc(all, func(e Expiry) bool { return at.Before(e.At) }), nil
}

// owners are the expiries of what the owner signed.
func (s *state) owners() []Expiry {
	return []Expiry{
		{trust.FileName(trust.RoleRoot), s.root.Expires(), ownerRenews},
		{trust.FileName(trust.RoleTargets), s.targets.Expires(), ownerRenews},
	}
}
