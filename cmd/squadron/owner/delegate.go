package owner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// Rights are the models that a publisher may publish, and the keys of which any
// may sign.
type Rights struct {
	Models []trust.Pattern `json:"models"`
	Keys   []trust.KeyID   `json:"keys"`
}

// Change is what a delegation gives a publisher in place of what it had.
type Change struct {
	Before Rights `json:"before"` // none for a publisher that is new
	After  Rights `json:"after"`
}

// Added are the rights that are new.
func (c Change) Added() Rights { return c.After.beyond(c.Before) }

// Removed are the rights that go away.
func (c Change) Removed() Rights { return c.Before.beyond(c.After) }

// Same reports whether the publisher had the very rights that it is given.
func (c Change) Same() bool {
	return slices.Equal(c.Before.Models, c.After.Models) && slices.Equal(c.Before.Keys, c.After.Keys)
}

// None reports whether there are no rights.
func (r Rights) None() bool { return len(r.Models)+len(r.Keys) == 0 }

// String names the rights there are: "models a, b and keys 0123456789ab".
func (r Rights) String() string {
	var parts []string
	if len(r.Models) > 0 {
		parts = append(parts, "models "+r.ModelList())
	}
	if len(r.Keys) > 0 {
		parts = append(parts, "keys "+r.KeyList())
	}
	return strings.Join(parts, " and ")
}

// ModelList names the models for a person.
func (r Rights) ModelList() string {
	names := make([]string, len(r.Models))
	for i, m := range r.Models {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

// KeyList names the keys for a person.
func (r Rights) KeyList() string {
	names := make([]string, len(r.Keys))
	for i, k := range r.Keys {
		names[i] = k.Short()
	}
	return strings.Join(names, ", ")
}

// beyond are the rights in r that other does not cover.
func (r Rights) beyond(other Rights) Rights {
	more := Rights{Models: []trust.Pattern{}, Keys: []trust.KeyID{}}
	for _, m := range r.Models {
		if !slices.ContainsFunc(other.Models, func(o trust.Pattern) bool { return o.Covers(m) }) {
			more.Models = append(more.Models, m)
		}
	}
	for _, k := range r.Keys {
		if !slices.Contains(other.Keys, k) {
			more.Keys = append(more.Keys, k)
		}
	}
	return more
}

// RightsOf are those that a delegation gives.
func RightsOf(d trust.Delegation) Rights {
	r := Rights{Models: d.Models(), Keys: []trust.KeyID{}}
	for _, k := range d.Keys {
		if !slices.Contains(r.Keys, k.ID()) {
			r.Keys = append(r.Keys, k.ID())
		}
	}
	return r
}

// Delegate lets a publisher publish models, with these keys and no others. It
// refuses to take a right away unless it may replace what there is, and signs
// nothing if the publisher has just that already.
func (f Folder) Delegate(publisher string, models []trust.Pattern, keys []trust.PublicKey, replace bool, now time.Time) (Change, error) {
	if err := CheckPublisher(publisher); err != nil {
		return Change{}, err
	}
	targets, err := f.Targets()
	if err != nil {
		return Change{}, err
	}
	next := trust.Delegation{Role: publisher, Keys: keys, Threshold: 1, Paths: paths(models)}
	had, _ := targets.Delegation(publisher)
	change := Change{Before: RightsOf(had), After: RightsOf(next)}
	if gone := change.Removed(); !gone.None() && !replace {
		return change, fmt.Errorf("delegate to %s: it has %s, and would lose %s: give what it shall keep as well, with --models and with --public for each key, or --replace to take that away; nothing was signed", publisher, change.Before, gone)
	}
	if change.Same() {
		return change, nil
	}
	return change, f.changeTargets(now, func(t trust.Targets) error { return t.Delegate(next) })
}
