// Package adopt decides what becomes of a device whose order is newer than any
// that the controller ever gave it: the database was put back to an older one, or
// lost, and the device knows better than it. It is pure.
//
// It owns the verdict: what the device wants becomes its order here, word for
// word, or none is given to it. It refuses to take a part of it, for the rest would
// be withdrawn, and to believe anything but names: that bytes of that name and
// digest are published, and may be installed, is for the caller to say. A device
// that lies gets an order that it made up itself, of what is published for everybody.
//
//	versions, err := adopt.Versions(state)
//	// look each of them up
//	models, why := adopt.Judge(state, published)
package adopt

import (
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// MaxModels is how many models one order holds.
const MaxModels = 8

// Version is a version of a model, by its name.
type Version struct{ Model, Version string }

// Published is what is known here of a version; the zero value is of one that is
// not published.
type Published struct {
	Digest        bundle.Digest
	EnvelopeBytes int64
	// Unfit says why no device would take it now, and who does what about it.
	Unfit string
}

// Versions are what a device wants, each model once. The error is why no order
// could say that; it begins with a verb.
func Versions(said wire.State) ([]Version, error) {
	var versions []Version
	seen := map[string]bool{}
	for _, m := range said.Models {
		if m.WantedD.IsZero() {
			continue
		}
		if err := bundle.ValidName(m.Name); err != nil {
			return nil, fmt.Errorf("wants a model of no %w", err)
		}
		if err := bundle.ValidVersion(m.Wanted); err != nil {
			return nil, fmt.Errorf("wants %s of no %w", m.Name, err)
		}
		if seen[m.Name] {
			return nil, fmt.Errorf("wants two versions of %s", m.Name)
		}
		seen[m.Name] = true
		versions = append(versions, Version{m.Name, m.Wanted})
	}
	if n := len(versions); n > MaxModels {
		return nil, fmt.Errorf("wants %d models, and an order holds %d", n, MaxModels)
	}
	return versions, nil
}

// Judge makes an order's models of what a device wants, whose Versions are well.
// why is what the device wants that it cannot be ordered; it begins with a verb.
func Judge(said wire.State, published map[Version]Published) (models []wire.DesiredModel, why string) {
	models = []wire.DesiredModel{}
	var missing []string
	for _, m := range said.Models {
		if m.WantedD.IsZero() {
			continue
		}
		have := published[Version{m.Name, m.Wanted}]
		if no := unlike(have, m.WantedD); no != "" {
			missing = append(missing, fmt.Sprintf("%s %s (%s), %s", m.Name, m.Wanted, m.WantedD.Short(), no))
			continue
		}
		models = append(models, desired(m, have))
	}
	if len(missing) > 0 {
		return nil, "wants " + strings.Join(missing, "; and ")
	}
	return models, ""
}

// unlike tells why what is published is not what a device wants, and what to do.
func unlike(have Published, want bundle.Digest) string {
	switch {
	case have.Digest.IsZero():
		return "which is not published here: publish the same bundle again, and it is adopted"
	case have.Digest != want:
		return fmt.Sprintf("and the bundle of that version here is another, %s: if nothing needs that one, remove it and publish the device's, and it is adopted", have.Digest.Short())
	case have.Unfit != "":
		return "which no device would take now: " + have.Unfit
	}
	return ""
}

// desired repeats a device's words in an order, so that it finds nothing new there.
func desired(m wire.ModelState, have Published) wire.DesiredModel {
	d := wire.DesiredModel{Name: m.Name, Version: m.Wanted, Digest: m.WantedD, Size: have.EnvelopeBytes}
	if wire.ValidateID(string(m.Rollout)) == nil {
		d.Rollout, d.Attempt = m.Rollout, m.Attempt
	}
	return d
}
