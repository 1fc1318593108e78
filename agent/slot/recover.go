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
// becomes active.
func (s *Store) Recover(model string, judge Judge) Found {
	now, err := s.Active(model)
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
		return Found{Why: fmt.Sprintf("%s %s cannot serve: %v", model, now.Version, errors.Join(why, err))}
	}
	m, err := s.Check(before.Envelope, judge)
	if err != nil {
		return Found{Why: fmt.Sprintf("%s %s cannot serve: %v; nor can %s: %v", model, now.Version, why, before.Version, err)}
	}
	found := Found{Active: before, Manifest: m, Why: fmt.Sprintf("%s %s cannot serve: %v", model, now.Version, why)}
	if err := s.RollBack(model, before); err != nil {
		found.Why += fmt.Sprintf("; nor does the disk take that: %v", err)
	}
	return found
}
