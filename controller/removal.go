package controller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// RemoveBundle implements api.Orders. It is a turn, so that no rollout of the
// bundle starts meanwhile.
func (f *fleet) RemoveBundle(ctx context.Context, name, version, who string) (b store.Bundle, err error) {
	err = f.turn(ctx, func(t *turn) error {
		b, err = t.removeBundle(name, version, who)
		return err
	})
	return b, err
}

func (t *turn) removeBundle(name, version, who string) (store.Bundle, error) {
	b, err := t.tx.Bundle(t.ctx, name, version)
	if errors.Is(err, store.ErrNotFound) {
		return b, api.Refuse(http.StatusNotFound, "%.80s %.80s is not published here", name, version)
	}
	if err != nil {
		return b, err
	}
	for _, check := range []func(store.Bundle) error{t.notRolledOut, t.notOnDevices, t.notBaseline} {
		if err := check(b); err != nil {
			return b, err
		}
	}
	what := fmt.Sprintf("removed %s %s, %s, which %s published", b.Name, b.Version, b.Digest, b.By)
	return b, errors.Join(t.tx.RemoveBundle(t.ctx, name, version), t.tx.Audit(t.ctx, t.now, who, what))
}

// notRolledOut refuses while a running rollout spreads the bundle, or would
// send a device back to it.
func (t *turn) notRolledOut(b store.Bundle) error {
	s, err := t.tx.RunningRollout(t.ctx, b.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	needs := s.Release.Digest == b.Digest
	for _, d := range s.Devices {
		needs = needs || d.Previous.Digest == b.Digest
	}
	if !needs {
		return nil
	}
	return api.Refuse(http.StatusConflict, "%s %s is needed by rollout %s, which runs: wait for it, or abort it", b.Name, b.Version, s.ID)
}

// notOnDevices refuses while a device is ordered to run the bundle, runs it, or
// wants it. A device that runs it may have to fetch it again.
func (t *turn) notOnDevices(b store.Bundle) error {
	devices, err := t.tx.Devices(t.ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, d := range devices {
		if needs(d, b) {
			names = append(names, d.String())
		}
	}
	if len(names) == 0 {
		return nil
	}
	const named = 3
	text := strings.Join(names[:min(named, len(names))], ", ")
	if len(names) > named {
		text += fmt.Sprintf(" and %d more", len(names)-named)
	}
	return api.Refuse(http.StatusConflict, "%s %s is ordered or runs on %s: roll out another version there first", b.Name, b.Version, text)
}

func needs(d store.Device, b store.Bundle) bool {
	if wanted(&record{Device: d}, b.Name).Digest == b.Digest {
		return true
	}
	if d.State == nil {
		return false
	}
	for _, m := range d.State.Models {
		if m.Digest == b.Digest || m.WantedD == b.Digest {
			return true
		}
	}
	return false
}

// notBaseline refuses while a device that joins would be ordered to run the
// bundle: a release of the model that was last done in some site.
func (t *turn) notBaseline(b store.Bundle) error {
	list, err := t.tx.DoneRollouts(t.ctx, b.Name)
	if err != nil {
		return err
	}
	later := map[wire.SiteID]bool{}
	for _, s := range list {
		if s.Release.Digest == b.Digest && standsSomewhere(s, later) {
			return api.Refuse(http.StatusConflict, "%s %s is what a device that joins is ordered to run, since rollout %s: roll out another version first",
				b.Name, b.Version, s.ID)
		}
		if len(s.Sites) == 0 {
			return nil
		}
		for _, site := range s.Sites {
			later[site] = true
		}
	}
	return nil
}

// standsSomewhere reports whether a rollout covers a site that no later one did.
func standsSomewhere(s rollout.State, later map[wire.SiteID]bool) bool {
	for _, site := range s.Sites {
		if !later[site] {
			return true
		}
	}
	return len(s.Sites) == 0
}
