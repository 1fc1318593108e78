package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

const (
	tickEvery = time.Second // for deadlines, and between tries after a failed write
	maxBatch  = 256         // facts in one transaction
	// renewEvery is how often it is looked whether the fleet's timestamp, which
	// lives for days, is to be signed anew.
	renewEvery = 10 * time.Minute
)

// fleet is the one writer of devices and rollouts.
type fleet struct {
	log             *slog.Logger
	store           *store.Store
	broker          *broker.Broker
	trust           *repository.Repository
	live            *api.Live
	deadlineSeconds int

	mu       sync.Mutex               // held over a whole turn
	rollouts map[string]rollout.State // the newest of each model
}

func newFleet(st *store.Store, b *broker.Broker, repo *repository.Repository, live *api.Live, deadlineSeconds int, log *slog.Logger) *fleet {
	return &fleet{
		log: log, store: st, broker: b, trust: repo, live: live, deadlineSeconds: deadlineSeconds,
		rollouts: map[string]rollout.State{},
	}
}

// begin is what a start does before anybody can connect: nobody is online, the
// newest rollouts go on, and the broker gets back what it forgot.
func (f *fleet) begin(ctx context.Context) error {
	newest, err := f.store.NewestRollouts(ctx)
	if err != nil {
		return err
	}
	for _, s := range newest {
		f.rollouts[s.Model] = s
	}
	f.warnOfExpiry(ctx, time.Now().UTC())
	err = f.turn(ctx, func(t *turn) error {
		if err := t.tx.SetAllOffline(ctx); err != nil {
			return err
		}
		for _, s := range newest {
			if err := t.resume(s); err != nil {
				return err
			}
		}
		return t.reconsider()
	})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return f.republish(ctx)
}

// resume takes a rollout up where a controller left it that has heard nobody
// since.
func (t *turn) resume(s rollout.State) error {
	for _, d := range s.Devices {
		if err := t.step(s.Model, rollout.DeviceOffline{Device: d.Device}); err != nil {
			return err
		}
	}
	return t.step(s.Model, rollout.Resumed{})
}

// republish gives the broker every order that stands, every rollout's progress,
// and what each device last said, for people who ask about one that is away.
func (f *fleet) republish(ctx context.Context) error {
	devices, err := f.store.Devices(ctx)
	if err != nil {
		return err
	}
	var out outbox
	for _, d := range devices {
		if d.Desired != nil && d.Withheld == "" {
			err = errors.Join(err, out.order(f.trust, d.Device, *d.Desired))
		}
		if err := out.memory(d); err != nil {
			f.log.Warn("what a device last said is not shown until it says it again", "device", d.String(), "error", err)
		}
	}
	for _, s := range f.rollouts {
		err = errors.Join(err, out.status(s))
	}
	if err = errors.Join(err, out.send(f.broker)); err != nil {
		return fmt.Errorf("publish what stands: %w", err)
	}
	return nil
}

// run takes facts as they come, and lets the clock pass, until ctx ends. Facts
// that could not be written, because the disk is full perhaps, are tried again;
// meanwhile devices wait.
func (f *fleet) run(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		facts := f.broker.Facts()
		select {
		case <-ctx.Done():
			return nil
		case first := <-facts:
			f.takeAll(ctx, gather(first, facts), tick.C)
		case <-tick.C:
			f.tick(ctx)
		}
	}
}

// renewTrust keeps the fleet's timestamp fresh until ctx ends.
func (f *fleet) renewTrust(ctx context.Context) error {
	tick, daily := time.NewTicker(renewEvery), time.NewTicker(warnEvery)
	defer tick.Stop()
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-daily.C:
			f.warnOfExpiry(ctx, now.UTC())
		case now := <-tick.C:
			if err := f.trust.Renew(ctx, now.UTC()); err != nil && ctx.Err() == nil {
				f.log.Error("the fleet's timestamp cannot be signed anew; tried again in a moment", "error", err)
			}
		}
	}
}

// gather adds to the first fact what is there already.
func gather(first broker.Fact, more <-chan broker.Fact) []broker.Fact {
	batch := []broker.Fact{first}
	for len(batch) < maxBatch {
		select {
		case fact := <-more:
			batch = append(batch, fact)
		default:
			return batch
		}
	}
	return batch
}

// takeAll writes a batch, and while the database fails does not give up before
// ctx ends. If it is a fact that cannot be written, each is taken by itself, and
// the one that fails is set aside: nobody else waits for it.
func (f *fleet) takeAll(ctx context.Context, batch []broker.Fact, again <-chan time.Time) {
	for {
		err := f.turn(ctx, func(t *turn) error { return t.facts(batch) })
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case !store.IsFault(err) && len(batch) == 1:
			f.log.Error("what a device says is set aside", "device", batch[0].Device.String(), "kind", string(batch[0].Kind), "error", err)
			return
		case !store.IsFault(err):
			for i := range batch {
				f.takeAll(ctx, batch[i:i+1], again)
			}
			return
		}
		f.log.Error("what devices say cannot be stored, and they wait", "facts", len(batch), "error", err)
		select {
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// tick lets deadlines pass.
func (f *fleet) tick(ctx context.Context) {
	err := f.turn(ctx, func(t *turn) error {
		for model, s := range f.rollouts {
			if s.Phase == rollout.Running {
				if err := t.step(model, rollout.Tick{}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		f.log.Error("deadlines cannot be stored; tried again in a moment", "error", err)
	}
}

// turn makes everything that do changes durable, then tells it.
func (f *fleet) turn(ctx context.Context, do func(*turn) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := newTurn(ctx, f)
	err := f.store.Update(ctx, func(tx *store.Tx) error {
		t.tx = tx
		if err := do(t); err != nil {
			return err
		}
		return t.save()
	})
	if err != nil {
		return err
	}
	for model, s := range t.rollouts {
		f.rollouts[model] = s
	}
	f.tell(t)
	return nil
}

// tell is what follows a commit. The database has it all: what fails here is
// told again by the next report, snapshot or start.
func (f *fleet) tell(t *turn) {
	for _, n := range t.notes {
		f.log.LogAttrs(t.ctx, n.level, n.text, n.about)
	}
	err := t.out.send(f.broker)
	for _, d := range t.gone {
		err = errors.Join(err, f.broker.Forget(d), f.live.Gone(d))
	}
	for _, d := range t.devices {
		if d.isNew {
			continue
		}
		shown := api.DeviceOf(d.Device)
		shown.Contested = f.broker.Contested(d.Device.Device)
		err = errors.Join(err, f.live.Device(shown))
	}
	for _, s := range t.rollouts {
		err = errors.Join(err, f.live.Rollout(api.ListedRollout(s)))
	}
	for _, e := range t.events {
		err = errors.Join(err, f.live.Event(e))
	}
	if err != nil {
		f.log.Error("what is stored was not told to everybody", "error", err)
	}
}

// note is a sentence for the log.
type note struct {
	level slog.Level
	about slog.Attr // a rollout or a device
	text  string
}

// noteOf is a rollout's sentence.
func noteOf(id wire.RolloutID, text string) note {
	return note{about: slog.String("rollout", string(id)), text: text}
}
