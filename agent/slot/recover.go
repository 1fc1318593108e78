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
// becomes active. An error means that the disk could not be written.
func (s *Store) Recover(model string, judge Judge) (Found, error) {
	now, activeErr := s.Active(model)
	if activeErr == nil {
		if now.IsZero() {
			return Found{}, nil
		}
		var m *bundle.Manifest
		if m, activeErr = s.Check(now.Envelope, judge); activeErr == nil {
			return Found{Active: now, Manifest: m}, nil
		}
	}
	return s.fallBack(model, now, activeErr, judge)
}

// FallBack makes the previous version active if it is whole and judge accepts
// it, because of why the active one cannot serve.
func (s *Store) FallBack(model string, why error, judge Judge) (Found, error) {
	now, err := s.Active(model)
	return s.fallBack(model, now, errors.Join(why, err), judge)
}

func (s *Store) fallBack(model string, now Pointer, why error, judge Judge) (Found, error) {
	before, err := s.Previous(model)
	if err != nil || before.IsZero() || before == now {
		return Found{Why: fmt.Sprintf("%s %s cannot serve: %v", model, now.Version, errors.Join(why, err))}, nil
	}
	m, err := s.Check(before.Envelope, judge)
	if err != nil {
		return Found{Why: fmt.Sprintf("%s %s cannot serve: %v; nor can %s: %v", model, now.Version, why, before.Version, err)}, nil
	}
	if err := s.RollBack(model, before); err != nil {
		return Found{}, err
	}
	return Found{Active: before, Manifest: m, Why: fmt.Sprintf("%s %s cannot serve: %v", model, now.Version, why)}, nil
}
