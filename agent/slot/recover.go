package slot

import (
	"errors"
	"fmt"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Found is what boot recovery found of a model.
type Found struct {
	Active   Pointer // verified to the last byte; zero if there is none
	Manifest *bundle.Manifest
	// Why says what was not usable, and is empty if all was.
	Why string
}

// Recover finds the version to serve after a start: the active one, if each of
// its bytes is there and judge accepts it, or else the previous one, which then
// becomes active. Last is what its caller saw serve last: it counts where the
// disk changed the active pointer.
func (s *Store) Recover(model string, last Pointer, judge Judge) Found {
	now, err := s.Active(model)
	if errors.Is(err, errDamaged) && !last.IsZero() {
		if m, bad := s.Check(last.Envelope, judge); bad == nil {
			return s.repaired(model, Found{Active: last, Manifest: m, Why: err.Error()})
		}
	}
	if err == nil && now.IsZero() {
		return Found{}
	}
	if err == nil {
		var m *bundle.Manifest
		if m, err = s.Check(now.Envelope, judge); err == nil {
			return Found{Active: now, Manifest: m}
		}
	}
	return s.FallBack(model, err, judge)
}

// FallBack makes the previous version active, if it is whole and judge accepts
// it, because of why the active one cannot serve. If the disk does not take the
// pointer, the previous version is found all the same, and again next time.
func (s *Store) FallBack(model string, why error, judge Judge) Found {
	// An active pointer that cannot be read is why we are here.
	now, _ := s.Active(model)
	before, err := s.Previous(model)
	if err != nil || before.IsZero() || before == now {
		return Found{Why: fmt.Sprintf("%s cannot serve: %v", named(model, now), errors.Join(why, err))}
	}
	m, err := s.Check(before.Envelope, judge)
	if err != nil {
		return Found{Why: fmt.Sprintf("%s cannot serve: %v; nor can %s: %v", named(model, now), why, before.Version, err)}
	}
	return s.repaired(model, Found{Active: before, Manifest: m, Why: fmt.Sprintf("%s cannot serve: %v", named(model, now), why)})
}

// repaired points to what was found, if the disk takes that.
func (s *Store) repaired(model string, found Found) Found {
	if err := s.RollBack(model, found.Active); err != nil {
		found.Why += fmt.Sprintf("; nor does the disk take that: %v", err)
	}
	return found
}

// named is a version in a sentence; it has no number if its pointer is unreadable.
func named(model string, p Pointer) string {
	if p.Version == "" {
		return "the active version of " + model
	}
	return model + " " + p.Version
}
