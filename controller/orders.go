package controller

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Start implements api.Orders.
func (f *fleet) Start(ctx context.Context, ask api.StartRollout, who string) (s rollout.State, err error) {
	err = f.turn(ctx, func(t *turn) error {
		s, err = t.start(ask, who)
		return err
	})
	return s, err
}

// Abort implements api.Orders.
func (f *fleet) Abort(ctx context.Context, id wire.RolloutID, who string) (s rollout.State, err error) {
	err = f.turn(ctx, func(t *turn) error {
		s, err = t.abort(id, who)
		return err
	})
	return s, err
}

// start plans a rollout and opens its first wave.
func (t *turn) start(ask api.StartRollout, who string) (rollout.State, error) {
	plan, err := t.plan(ask)
	if err != nil {
		return rollout.State{}, err
	}
	if err := t.vacant(ask.Model); err != nil {
		return rollout.State{}, err
	}
	members, err := t.members(plan)
	if err != nil {
		return rollout.State{}, err
	}
	s, err := rollout.New(plan, t.now)
	if err != nil {
		return rollout.State{}, api.Refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	what := fmt.Sprintf("started rollout %s of %s to %d devices", s.ID, s.What(), len(members))
	if err := t.tx.Audit(t.ctx, t.now, who, what); err != nil {
		return rollout.State{}, err
	}
	t.rollouts[s.Model] = s
	err = t.step(s.Model, rollout.Started{Members: members})
	return t.rollouts[s.Model], err
}

// vacant refuses a second running rollout of a model. The database is asked,
// which knows of one whatever this process remembers.
func (t *turn) vacant(model string) error {
	running, err := t.tx.RunningRollout(t.ctx, model)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return api.Refuse(http.StatusConflict, "rollout %s of %s is running, %s: wait for it, or abort it",
		running.ID, running.What(), running.Sentence())
}

// plan makes a plan of what an operator asks for.
func (t *turn) plan(ask api.StartRollout) (rollout.Plan, error) {
	release, err := t.release(ask)
	if err != nil {
		return rollout.Plan{}, err
	}
	waves, err := rollout.ParseWaves(ask.Waves)
	if err != nil {
		return rollout.Plan{}, api.Refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	for i, site := range ask.Sites {
		if slices.Contains(ask.Sites[:i], site) {
			return rollout.Plan{}, api.Refuse(http.StatusUnprocessableEntity, "site %.80s is named twice", site)
		}
		if err := wire.ValidateID(string(site)); err != nil {
			return rollout.Plan{}, api.Refuse(http.StatusUnprocessableEntity, "site %v", err)
		}
	}
	return rollout.Plan{
		ID: newID(t.now), Model: ask.Model, Waves: waves, Sites: ask.Sites, DeadlineSeconds: t.fleet.deadlineSeconds,
		Release: release,
	}, nil
}

// release is what an operator wants to be run: a published version, or none.
func (t *turn) release(ask api.StartRollout) (rollout.Release, error) {
	if ask.Remove {
		if ask.Version != "" {
			return rollout.Release{}, api.Refuse(http.StatusUnprocessableEntity, "a removal of %.80s names no version: it takes off whichever there is", ask.Model)
		}
		return rollout.Release{}, nil
	}
	b, err := t.tx.Bundle(t.ctx, ask.Model, ask.Version)
	if errors.Is(err, store.ErrNotFound) {
		return rollout.Release{}, api.Refuse(http.StatusNotFound, "%.80s %.80s is not published here: publish its bundle first", ask.Model, ask.Version)
	}
	if err != nil {
		return rollout.Release{}, err
	}
	return rollout.Release{Version: b.Version, Digest: b.Digest, EnvelopeBytes: b.EnvelopeBytes}, t.vouched(b)
}

// vouched refuses a bundle that no device would take.
func (t *turn) vouched(b store.Bundle) error {
	err := t.fleet.trust.Vouched(t.ctx, b, t.now)
	if no := new(repository.NotVouchedError); errors.As(err, &no) {
		return api.Refuse(http.StatusUnprocessableEntity, "no device would take %s %s: %s", b.Name, b.Version, no.Why)
	}
	return err
}

// members are the devices that a plan covers: of a removal, those that have the
// model or are to have it. What a device goes back to after a halt is its standing
// order: what it happens to run this minute may be something that it is on its way
// back from.
func (t *turn) members(p rollout.Plan) ([]rollout.Member, error) {
	devices, err := t.tx.Devices(t.ctx)
	if err != nil {
		return nil, err
	}
	var members []rollout.Member
	withheld := 0
	for _, row := range devices {
		if !p.Includes(row.Site) {
			continue
		}
		d := &record{Device: row}
		if p.Removes() && !has(d, p.Model) {
			continue
		}
		m := wire.DesiredModel{Name: p.Model, Version: p.Release.Version, Digest: p.Release.Digest, Size: p.Release.EnvelopeBytes, Rollout: p.ID, Attempt: 1}
		if why := holds(row.Device, ordered(d, m, t.now)); why != nil {
			return nil, api.Refuse(http.StatusUnprocessableEntity, "device %s cannot be ordered to run %s too: %v", row.Device, p.Model, why)
		}
		members = append(members, rollout.Member{Device: row.Device, Current: wanted(d, p.Model), Online: row.Online, Withheld: row.Withheld})
		if row.Withheld != "" {
			withheld++
		}
	}
	if withheld > 0 && withheld == len(members) {
		return nil, api.Refuse(http.StatusUnprocessableEntity, "there is no device to order: %s %s", members[0].Device, members[0].Withheld)
	}
	if len(members) == 0 && p.Removes() {
		return nil, api.Refuse(http.StatusUnprocessableEntity, "there is nothing to remove: no device %s runs %.80s or is ordered to", where(p.Sites), p.Model)
	}
	if len(members) == 0 {
		return nil, api.Refuse(http.StatusUnprocessableEntity, "there is no device to order: none %s has ever connected", where(p.Sites))
	}
	return members, nil
}

// has reports whether a device is ordered to run a model, or runs it all the same.
func has(d *record, model string) bool {
	runs := func(m wire.ModelState) bool { return m.Name == model && !m.Digest.IsZero() }
	return !wanted(d, model).IsZero() || d.State != nil && slices.ContainsFunc(d.State.Models, runs)
}

// others are the models that a device has been ordered to run beside one.
func others(d *record, model string) []wire.DesiredModel {
	if d.Desired == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(d.Desired.Models), func(m wire.DesiredModel) bool { return m.Name == model })
}

func where(sites []wire.SiteID) string {
	if len(sites) == 0 {
		return "of this fleet"
	}
	names := make([]string, len(sites))
	for i, s := range sites {
		names[i] = string(s)
	}
	return "in " + strings.Join(names, ", ")
}

// abort stops a rollout that runs: the one that the database holds under this
// id, whichever of the model this process took for the newest. A brake must not
// hang on what is remembered.
func (t *turn) abort(id wire.RolloutID, who string) (rollout.State, error) {
	s, err := t.tx.Rollout(t.ctx, id)
	if err != nil {
		return rollout.State{}, err
	}
	if s.Phase != rollout.Running {
		return rollout.State{}, api.Refuse(http.StatusConflict, "rollout %s does not run any more: %s", id, s.Sentence())
	}
	if err := t.tx.Audit(t.ctx, t.now, who, "aborted rollout "+string(id)); err != nil {
		return rollout.State{}, err
	}
	t.rollouts[s.Model] = s
	err = t.step(s.Model, rollout.Abort{Who: who})
	return t.rollouts[s.Model], err
}

// newID names a rollout: when it began, and a little chance.
func newID(now time.Time) wire.RolloutID {
	return wire.RolloutID(now.Format("20060102-150405-") + strings.ToLower(rand.Text()[:4]))
}
