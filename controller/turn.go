package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/controller/adopt"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// turn is one transaction of the fleet in the making: what it has read and
// changed, and what is to be told once it is durable.
type turn struct {
	ctx      context.Context // of the transaction, which lives as long as the turn
	fleet    *fleet
	tx       *store.Tx
	now      time.Time
	devices  map[wire.Device]*record
	rollouts map[string]rollout.State // changed ones, by model
	out      outbox
	events   []api.DeviceEvent
	gone     []wire.Device
	notes    []note
	known    map[adopt.Version]adopt.Published // looked up already
}

// record is a device that the turn has to do with.
type record struct {
	store.Device
	isNew bool
}

func newTurn(ctx context.Context, f *fleet) *turn {
	return &turn{
		ctx: ctx, fleet: f, now: time.Now().UTC(),
		devices: map[wire.Device]*record{}, rollouts: map[string]rollout.State{}, known: map[adopt.Version]adopt.Published{},
	}
}

// device reads a device once in a turn, or makes one that was never heard of.
func (t *turn) device(d wire.Device) (*record, error) {
	if r, ok := t.devices[d]; ok {
		return r, nil
	}
	row, err := t.tx.Device(t.ctx, d)
	r := &record{Device: row}
	if errors.Is(err, store.ErrNotFound) {
		r = &record{Device: store.Device{Device: d, FirstSeen: t.now, LastSeen: t.now}, isNew: true}
	} else if err != nil {
		return nil, err
	}
	t.devices[d] = r
	return r, nil
}

// rollout is the newest of a model as this turn sees it.
func (t *turn) rollout(model string) (rollout.State, bool) {
	if s, ok := t.rollouts[model]; ok {
		return s, true
	}
	s, ok := t.fleet.rollouts[model]
	return s, ok
}

// models lists those that have a rollout, in the same order every time.
func (t *turn) models() []string {
	names := slices.Collect(maps.Keys(t.fleet.rollouts))
	slices.Sort(names)
	return names
}

// step gives an event to a model's rollout and takes up what it wants done.
func (t *turn) step(model string, e rollout.Event) error {
	s, ok := t.rollout(model)
	if !ok {
		return nil
	}
	next, actions := rollout.Step(s, e, t.now)
	if next.Revision == s.Revision {
		return nil
	}
	t.rollouts[model] = next
	for _, a := range actions {
		if err := t.act(next, a); err != nil {
			return fmt.Errorf("rollout %s: %w", next.ID, err)
		}
	}
	return nil
}

func (t *turn) act(s rollout.State, a rollout.Action) error {
	switch a := a.(type) {
	case rollout.Order:
		return t.order(a.Device, s.Model, a.Release, s.ID, a.Attempt)
	case rollout.Restore:
		return t.order(a.Device, s.Model, a.Previous, s.ID, a.Attempt)
	case rollout.Announce:
		t.notes = append(t.notes, noteOf(s.ID, a.Text))
		return t.tx.Audit(t.ctx, t.now, "rollout "+string(s.ID), a.Text)
	}
	return fmt.Errorf("unknown action %T", a)
}

// order makes a release what the device shall run; the zero release takes the
// model away. An order that no message can hold is not given, nor one to a device
// whose order is withheld: the one before stands, everybody else is heard, and the
// rollout, if it is one, waits for the device in vain.
func (t *turn) order(dev wire.Device, model string, r rollout.Release, id wire.RolloutID, attempt int) error {
	d, err := t.device(dev)
	if err != nil {
		return err
	}
	next := ordered(d, wire.DesiredModel{
		Name: model, Version: r.Version, Digest: r.Digest, Size: r.EnvelopeBytes, Rollout: id, Attempt: attempt,
	}, t.now)
	why := holds(dev, next)
	if d.Withheld != "" {
		why = errors.New("it " + d.Withheld)
	}
	if why != nil {
		text := fmt.Sprintf("%s is not ordered to run %s %s: %v", dev, model, r.Version, why)
		t.notes = append(t.notes, noteOf(id, text))
		return t.tx.Audit(t.ctx, t.now, "rollout "+string(id), text)
	}
	d.Desired = &next
	return t.out.order(t.fleet.trust, dev, next)
}

// ordered is a device's next order, with one model changed, or taken away if no
// digest is given. The generation rises above every one that the device has seen,
// also one from before the database was put back.
func ordered(d *record, m wire.DesiredModel, now time.Time) wire.Desired {
	next := wire.Desired{V: wire.Version, Generation: d.Generation(), At: now, Models: others(d, m.Name)}
	if !m.Digest.IsZero() {
		next.Models = append(next.Models, m)
	}
	if d.State != nil {
		next.Generation = max(next.Generation, d.State.Generation)
	}
	next.Generation++
	return next
}

// holds tells why no message can hold an order; nil if one can.
func holds(d wire.Device, order wire.Desired) error {
	if n := len(order.Models); n > adopt.MaxModels {
		return fmt.Errorf("it would have %d models, and an order holds %d", n, adopt.MaxModels)
	}
	order.Site, order.Device = d.Site, d.ID
	order.Generation = math.MaxInt64 // the longest, so that it may be given again above any
	if _, err := wire.Encode(order); err != nil {
		return fmt.Errorf("its order with %d models would be too long, roll out fewer, or with shorter names: %w", len(order.Models), err)
	}
	return nil
}

// save writes what the turn changed.
func (t *turn) save() error {
	for _, d := range t.devices {
		if d.isNew {
			continue // it said nothing that could be understood
		}
		if err := t.tx.PutDevice(t.ctx, d.Device); err != nil {
			return err
		}
	}
	for _, s := range t.rollouts {
		if err := t.tx.PutRollout(t.ctx, s); err != nil {
			return err
		}
		if err := t.out.status(s); err != nil {
			return err
		}
	}
	return nil
}
