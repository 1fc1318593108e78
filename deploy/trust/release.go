package trust

import (
	"encoding/json"
	"fmt"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Release is what a publisher vouches for: one version of a model, and what it
// says of the model's other versions.
type Release struct {
	Model, Version string
	Digest         bundle.Digest // of the envelope
	Length         int64         // of the envelope, in bytes
	// Minimum forbids lower versions of the model; empty leaves what is in force.
	Minimum string
	// Lower lets Minimum be below the one that is in force.
	Lower bool
}

// Path is the release's target.
func (r Release) Path() string { return TargetPath(r.Model, r.Version) }

// Release has the role vouch for r, and reports whether that changes it. It
// refuses to lower the model's minimum version unless r says that it may.
func (t Targets) Release(r Release) (changed bool, err error) {
	present, err := t.Minimum(r.Model)
	if err != nil {
		return false, fmt.Errorf("vouch for %s: %w", r.Path(), err)
	}
	lower := r.Minimum != "" && present != "" && Older(r.Minimum, present)
	if lower && !r.Lower {
		return false, fmt.Errorf("vouch for %s: no version of %s below %s may be installed, and %s is lower: leave --minimum-version out to keep that, or allow older versions again with --lower-minimum", r.Path(), r.Model, present, r.Minimum)
	}
	f := t.m.Signed.Targets[r.Path()]
	have, ok := t.Digest(r.Path())
	if ok && have == r.Digest && f.Length == r.Length && (r.Minimum == "" || r.Minimum == present) {
		return false, nil
	}
	if lower {
		if err := t.lowerMinimum(r.Model, r.Minimum); err != nil {
			return false, fmt.Errorf("vouch for %s: %w", r.Path(), err)
		}
	}
	return true, t.Put(r.Path(), r.Digest, r.Length, r.Minimum)
}

// Minimum is the lowest version of a model that may be installed; empty is any.
func (t Targets) Minimum(model string) (string, error) {
	minimum, err := minimumOf(t.m.Signed.Targets, model)
	if err != nil {
		return "", fmt.Errorf("minimum version of %s: %w", model, err)
	}
	return minimum, nil
}

// Minimums are the lowest versions that may be installed, by model; a model
// without one is not in it.
func (t Targets) Minimums() (map[string]string, error) {
	minimums := map[string]string{}
	for path, f := range t.m.Signed.Targets {
		minimum, err := minimumIn(path, f)
		if err != nil {
			return nil, fmt.Errorf("minimum versions: %w", err)
		}
		if minimum != "" {
			minimums[modelOf(path)] = higher(minimums[modelOf(path)], minimum)
		}
	}
	return minimums, nil
}

// lowerMinimum has every target of a model that gives a minimum give this one.
func (t Targets) lowerMinimum(model, minimum string) error {
	c, err := customOf(minimum)
	if err != nil {
		return err
	}
	for path, f := range t.m.Signed.Targets {
		if modelOf(path) == model && f.Custom != nil {
			f.Custom = c
		}
	}
	return nil
}

// customOf is a minimum as a target gives it; nil for none.
func customOf(minimum string) (*json.RawMessage, error) {
	if minimum == "" {
		return nil, nil
	}
	if err := bundle.ValidVersion(minimum); err != nil {
		return nil, fmt.Errorf("minimum: %w", err)
	}
	b, err := json.Marshal(struct {
		Squadron custom `json:"squadron"`
	}{custom{minimum}})
	return (*json.RawMessage)(&b), err
}
