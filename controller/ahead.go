package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/squadron-edge/squadron/controller/adopt"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// ahead takes the word of a device whose order is newer than any that it was given
// here: the database was put back to an older one. What it wants becomes its order,
// of the same generation, so that it finds nothing new; or it is given none.
func (t *turn) ahead(d *record) error {
	next := wire.Desired{V: wire.Version, Generation: d.State.Generation, At: t.now}
	var why string
	var err error
	if next.Models, why, err = t.adoptable(*d.State); err != nil {
		return err
	}
	if no := holds(d.Device.Device, next); why == "" && no != nil {
		why = "wants more than can be ordered: " + no.Error()
	}
	if why != "" {
		t.withhold(d, why)
		return t.tellAhead(d)
	}
	return t.adopt(d, next)
}

// adoptable looks up what a device wants, and makes an order's models of it.
func (t *turn) adoptable(said wire.State) (models []wire.DesiredModel, why string, err error) {
	versions, no := adopt.Versions(said)
	if no != nil {
		return nil, no.Error(), nil
	}
	for _, v := range versions {
		if err := t.lookUp(v); err != nil {
			return nil, "", err
		}
	}
	models, why = adopt.Judge(said, t.known)
	return models, why, nil
}

// lookUp asks once in a turn whether a version is published, and may be run.
func (t *turn) lookUp(v adopt.Version) error {
	if _, ok := t.known[v]; ok {
		return nil
	}
	b, err := t.tx.Bundle(t.ctx, v.Model, v.Version)
	if errors.Is(err, store.ErrNotFound) {
		t.known[v] = adopt.Published{}
		return nil
	}
	if err != nil {
		return err
	}
	p := adopt.Published{Digest: b.Digest, EnvelopeBytes: b.EnvelopeBytes}
	err = t.fleet.trust.Vouched(t.ctx, b, t.now)
	if no := new(repository.NotVouchedError); errors.As(err, &no) {
		p.Unfit, err = no.Why, nil
	}
	t.known[v] = p
	return err
}

// withhold gives a device no order, not even the one that stands here: after a
// change of the online key it would believe an older one.
func (t *turn) withhold(d *record, why string) {
	text := fmt.Sprintf("holds order %d, the newest here is %d, and it is given none, since it %s; to have it run what the database says instead: squadron devices overrule %s",
		d.State.Generation, d.Generation(), why, d.Device.Device)
	if d.Withheld == text {
		return
	}
	if d.Withheld == "" {
		t.out.put(message{topic: d.Topic(wire.KindDesired), retained: true}) // takes it away [MQTT-3.3.1-10]
	}
	d.Withheld = text
	t.notes = append(t.notes, note{slog.LevelWarn, slog.String("device", d.Device.String()), "a device " + text})
}

// adopt makes what a device wants its order. One that was never heard of is given
// the fleet's other models too.
func (t *turn) adopt(d *record, next wire.Desired) error {
	text := fmt.Sprintf("adopts order %d of a device, which is newer than order %d, the newest here: %s", next.Generation, d.Generation(), modelsIn(next))
	t.notes = append(t.notes, note{slog.LevelInfo, slog.String("device", d.Device.String()), text})
	isKnown := d.Desired != nil
	d.Desired, d.Withheld = &next, ""
	err := t.out.order(t.fleet.trust, d.Device.Device, next)
	if err == nil {
		err = t.tellAhead(d)
	}
	if err == nil && !isKnown {
		err = t.join(d)
	}
	return err
}

// tellAhead tells the rollouts.
func (t *turn) tellAhead(d *record) error {
	for _, model := range t.models() {
		e := rollout.DeviceAhead{Device: d.Device.Device, Model: said(d, model), Withheld: d.Withheld}
		if err := t.step(model, e); err != nil {
			return err
		}
	}
	return nil
}

// said is what a device last said of a model; zero if nothing.
func said(d *record, model string) wire.ModelState {
	for _, m := range d.State.Models {
		if m.Name == model {
			return m
		}
	}
	return wire.ModelState{}
}

// giveAgain gives a device its order that was given none, and does not hold a newer
// one any more.
func (t *turn) giveAgain(d *record) error {
	d.Withheld = ""
	if d.Desired == nil {
		return t.join(d)
	}
	return t.out.order(t.fleet.trust, d.Device.Device, *d.Desired)
}

// Reconsider implements api.Orders.
func (f *fleet) Reconsider(ctx context.Context) error {
	withheld, err := f.store.Withheld(ctx)
	if err != nil || len(withheld) == 0 {
		return err
	}
	return f.turn(ctx, func(t *turn) error { return t.reconsider() })
}

// reconsider looks again at every device that is given no order.
func (t *turn) reconsider() error {
	withheld, err := t.tx.Withheld(t.ctx)
	if err != nil {
		return err
	}
	for _, row := range withheld {
		d, err := t.device(row.Device)
		if err == nil {
			err = t.ahead(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Overrule implements api.Orders.
func (f *fleet) Overrule(ctx context.Context, name wire.Device, who string) (row store.Device, err error) {
	err = f.turn(ctx, func(t *turn) error {
		row, err = t.overrule(name, who)
		return err
	})
	return row, err
}

// overrule gives a device the order that stands here, above the one that it holds;
// one that was never ordered anything here gets what a new device gets.
func (t *turn) overrule(name wire.Device, who string) (store.Device, error) {
	if _, err := t.tx.Device(t.ctx, name); err != nil {
		return store.Device{}, err
	}
	d, err := t.device(name)
	if err != nil {
		return store.Device{}, err
	}
	if d.Withheld == "" {
		return store.Device{}, api.Refuse(http.StatusConflict, "%s holds no order that is newer than this controller's: squadron rollout start has it run another version", name)
	}
	held := d.State.Generation
	d.Withheld = ""
	if d.Desired == nil {
		d.Desired = &wire.Desired{V: wire.Version, Models: []wire.DesiredModel{}}
		if err := t.join(d); err != nil {
			return store.Device{}, err
		}
	}
	next := *d.Desired
	next.Generation, next.At = max(next.Generation, held+1), t.now
	d.Desired = &next
	what := fmt.Sprintf("overruled order %d of device %s, which is newer than the database, with %d: %s", held, name, next.Generation, modelsIn(next))
	t.notes = append(t.notes, note{slog.LevelInfo, slog.String("device", name.String()), what})
	return d.Device, errors.Join(t.tx.Audit(t.ctx, t.now, who, what), t.out.order(t.fleet.trust, name, next))
}

// modelsIn names an order's models for people.
func modelsIn(order wire.Desired) string {
	names := make([]string, len(order.Models))
	for i, m := range order.Models {
		names[i] = m.Name + " " + m.Version
	}
	if len(names) == 0 {
		return "no model"
	}
	return strings.Join(names, ", ")
}
