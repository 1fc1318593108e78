package controller

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// maxAhead bounds how far the generation that a device claims may lie above the
// one that it was given here: an order a minute for two years, in a database that
// was put back. Without a bound one claim would use up all generations there are.
const maxAhead = 1 << 20

// ackLife is how long an acknowledgement is worth delivering.
const ackLife = time.Minute

// facts takes a batch. A fact that cannot be read is told to the log and left
// out: it must not hold up the others, nor come back for ever.
func (t *turn) facts(batch []broker.Fact) error {
	for _, f := range batch {
		d, err := t.device(f.Device)
		if err != nil {
			return err
		}
		take, err := t.read(d, f)
		if err != nil {
			t.fleet.log.Warn("a device said what cannot be understood", "device", f.Device.String(), "kind", string(f.Kind), "error", err)
			continue
		}
		d.LastSeen = t.now
		d.isNew = false
		if err := take(); err != nil {
			return fmt.Errorf("take %s of %s: %w", f.Kind, f.Device, err)
		}
	}
	return nil
}

// read decodes a fact and returns what to do about it.
func (t *turn) read(d *record, f broker.Fact) (take func() error, err error) {
	switch f.Kind {
	case wire.KindOnline:
		m, err := wire.Decode[wire.Online](f.Payload)
		return func() error { return t.online(d, m) }, err
	case wire.KindInfo:
		m, err := wire.Decode[wire.Info](f.Payload)
		return func() error { d.Info = &m; return nil }, err
	case wire.KindState:
		m, err := wire.Decode[wire.State](f.Payload)
		if most := d.Generation() + maxAhead; err == nil && (m.Generation < 0 || m.Generation > most) {
			err = fmt.Errorf("it claims an order of generation %d, and %d is the newest it was given here: want 0 to %d", m.Generation, d.Generation(), most)
		}
		return func() error { return t.state(d, m) }, err
	case wire.KindEvent:
		m, err := wire.Decode[wire.Event](f.Payload)
		return func() error { return t.event(d, m) }, err
	case wire.KindTelemetry:
		m, err := wire.Decode[wire.Telemetry](f.Payload)
		return func() error { d.Telemetry = &m; return nil }, err
	case wire.KindReply:
		m, err := wire.Decode[wire.Reply](f.Payload)
		return func() error {
			t.fleet.log.Info("reply", "device", d.String(), "id", m.ID, "ok", m.OK, "error", m.Error)
			return nil
		}, err
	}
	return nil, fmt.Errorf("there is no such kind")
}

// join gives a device that was never heard of what the fleet runs, and a part
// in the rollouts that run; but for models that it has an order for, since it was
// adopted.
func (t *turn) join(d *record) error {
	for _, model := range t.models() {
		if !wanted(d, model).IsZero() {
			continue
		}
		s, err := t.tx.Baseline(t.ctx, model, d.Site)
		if err == nil {
			err = t.order(d.Device.Device, model, s.Release, s.ID, 1)
		} else if errors.Is(err, store.ErrNotFound) {
			err = nil // nothing was ever done there
		}
		if err != nil {
			return err
		}
		m := rollout.Member{Device: d.Device.Device, Current: wanted(d, model), Online: d.Online}
		if err := t.step(model, rollout.DeviceJoined{Member: m}); err != nil {
			return err
		}
	}
	return nil
}

// wanted is the release of a model that a device has been ordered to run.
func wanted(d *record, model string) rollout.Release {
	if d.Desired == nil {
		return rollout.Release{}
	}
	for _, m := range d.Desired.Models {
		if m.Name == model {
			return rollout.Release{Version: m.Version, Digest: m.Digest, EnvelopeBytes: m.Size}
		}
	}
	return rollout.Release{}
}

// online takes a device's word, or its last will's. A will of an older run of
// the agent than the one that is connected says nothing.
func (t *turn) online(d *record, m wire.Online) error {
	if !m.Online && d.Online && m.Boot != d.Boot {
		return nil
	}
	d.Online, d.Boot = m.Online, m.Boot
	for _, model := range t.models() {
		var e rollout.Event = rollout.DeviceOffline{Device: d.Device.Device}
		if m.Online {
			e = rollout.DeviceOnline{Device: d.Device.Device}
		}
		if err := t.step(model, e); err != nil {
			return err
		}
	}
	return nil
}

// state takes what a device runs, and tells each rollout its part. What it says
// before it has taken its newest order says nothing about that. Nothing is ordered
// of a device before its first state: its order may be newer than the database.
func (t *turn) state(d *record, m wire.State) error {
	isFirst := d.State == nil
	d.State = &m
	var err error
	switch {
	case m.Generation > d.Generation():
		err = t.ahead(d)
	case d.Withheld != "":
		err = t.giveAgain(d)
	case isFirst:
		err = t.join(d)
	}
	if err != nil || d.Withheld != "" || m.Generation < d.Generation() {
		return err
	}
	for _, model := range t.models() {
		i := slices.IndexFunc(m.Models, func(ms wire.ModelState) bool { return ms.Name == model })
		e := rollout.DeviceState{Device: d.Device.Device}
		if i >= 0 {
			e.Model = m.Models[i]
		}
		if err := t.step(model, e); err != nil {
			return err
		}
	}
	return nil
}

// event keeps an event, and has it acknowledged once it is durable; also one
// that came before, whose acknowledgement was lost.
func (t *turn) event(d *record, m wire.Event) error {
	isNew, err := t.tx.AddEvent(t.ctx, d.Device.Device, m, t.now)
	if err != nil {
		return err
	}
	if isNew {
		t.events = append(t.events, api.DeviceEvent{Site: d.Site, Device: d.ID, Event: m})
	}
	ack := wire.Command{
		ID: fmt.Sprintf("ack-%d", m.Seq), Kind: wire.CommandAck, Seq: m.Seq, Expires: t.now.Add(ackLife),
	}
	return add(&t.out, d.Topic(wire.KindCommand), ack, false)
}
