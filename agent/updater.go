package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// updater is the shell around update.Step. One goroutine, run, owns the
// machines; each model has at most one piece of work at a time beside it.
type updater struct {
	config  Config
	log     *slog.Logger
	info    wire.Info
	rules   update.Rules
	store   *slot.Store
	fetcher fetcher
	serving *serve.Models
	outbox  *outbox

	authority *authority
	open      func(dir string) *fetch.Folder

	envelopes chan []byte          // orders as they came
	orders    chan ordered         // those that somebody who may order signed
	nearer    chan chan<- struct{} // closed once all machines know that what they want is at hand
	outcomes  chan outcome
	inUse     brought       // the folder that somebody brought; only followFolders touches it
	taken     Taken         // what it was told of it
	blamed    chan struct{} // signals that faults has news; holds one
	changed   chan struct{} // signals that state or outbox have news; holds one
	work      sync.WaitGroup

	mu     sync.Mutex // guards what follows, for those who only look
	models map[string]*model
	order  wire.Desired
	// given is the generation of the newest order that every machine has taken.
	given int64
	// orderBy are the keys that signed order.
	orderBy []trust.KeyID
	why     string // what was wrong with the newest order, or with the disk
	// faults say how the folder in use is to blame for the last try of a model's fetch.
	faults map[string]string
}

// fetcher leaves an object, checked, in a file of the slot's Incoming.
type fetcher interface {
	Fetch(ctx context.Context, d bundle.Digest, size int64) (file string, err error)
	FetchDelta(ctx context.Context, target, base bundle.Digest, size int64) (fetch.Delta, error)
	DropDelta(target, base bundle.Digest) error
	Arrived(d bundle.Digest) int64
	Lend(folder *fetch.Folder)
}

// model is one machine and the work of its task.
type model struct {
	name  string
	state update.State // run alone writes it
	timer update.Task
	due   time.Time // of timer; zero if there is none
	// untaken are events that the disk did not let be taken yet, until retry.
	untaken []update.Event
	retry   time.Time
	cancel  context.CancelFunc
	idle    chan struct{} // closed when the newest work has ended
	// tested is the session that passed the self-test and waits for its
	// activation. Only work touches it, one after the other.
	tested *loaded
	// spoiled says why a delta of an object was bad, until all objects are here.
	// Only work touches it.
	spoiled map[bundle.Digest]error
}

// outcome is an event for one machine.
type outcome struct {
	model string
	event update.Event
}

func newUpdater(a *Agent, fetcher fetcher, info wire.Info, out *outbox) *updater {
	return &updater{
		config: a.config, log: a.log, info: info, store: a.store, fetcher: fetcher, serving: a.models, outbox: out,
		rules:     rulesOf(a.config),
		authority: a.authority,
		open:      fetch.NewFolder,
		envelopes: make(chan []byte, maxOffered),
		orders:    make(chan ordered),
		nearer:    make(chan chan<- struct{}),
		outcomes:  make(chan outcome, 16),
		changed:   make(chan struct{}, 1),
		blamed:    make(chan struct{}, 1),
		models:    map[string]*model{},
		faults:    map[string]string{},
	}
}

func rulesOf(c Config) update.Rules {
	return update.Rules{
		Device: c.Device.String(), Shadow: c.Shadow, Probation: c.Probation, Jitter: c.Jitter, Window: c.Window, Pin: c.Pin,
	}
}

// later is the clock, but never before the agent was built.
func later(now, built time.Time) time.Time {
	if now.Before(built) {
		return built
	}
	return now
}

// run takes orders and outcomes until ctx ends; booted are the outcomes of the
// start. It returns when all work has ended.
func (u *updater) run(ctx context.Context, booted []outcome) error {
	defer u.stop()
	for _, o := range booted {
		u.step(ctx, o)
	}
	u.give(ctx, u.order)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case order := <-u.orders:
			u.accept(ctx, order)
		case known := <-u.nearer:
			for _, name := range u.names() {
				u.step(ctx, outcome{name, update.Nearer{}})
			}
			close(known)
		case o := <-u.outcomes:
			u.step(ctx, o)
		case now := <-timer.C:
			u.fire(ctx, now)
		}
		timer.Reset(u.untilDue())
	}
}

// stop ends all work and closes what waited for its activation.
func (u *updater) stop() {
	for _, m := range u.models {
		if m.cancel != nil {
			m.cancel()
		}
	}
	u.work.Wait()
	for _, m := range u.models {
		u.drop(m)
	}
	u.noteEnd()
}

func (u *updater) names() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var names []string
	for name := range u.models {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// step takes one event. If the disk does not take the state, nothing is done, and
// the event is taken later, and before those that come meanwhile.
func (u *updater) step(ctx context.Context, o outcome) {
	m := u.model(o.model)
	if len(m.untaken) > 0 {
		m.untaken = append(m.untaken, o.event)
		return
	}
	if err := u.take(ctx, m, o.event); err != nil {
		m.untaken = append(m.untaken, o.event)
		u.untaken(m, err)
		u.giveTurn(ctx)
	}
}

// take is one step of a machine: persist, then act.
func (u *updater) take(ctx context.Context, m *model, e update.Event) error {
	rules := u.rules
	rules.Ahead = update.Ahead(m.name, u.states())
	next, actions := rules.Step(m.state, e, later(time.Now().UTC(), u.config.Built))
	if same(m.state, next) && len(actions) == 0 {
		return nil
	}
	if err := u.persist(next); err != nil {
		return err
	}
	changed := m.state.Task != next.Task
	if next.Waiting && !m.state.Waiting {
		u.log.Warn(next.Why, "model", next.Model, "version", next.Order.Version, "rollout", string(next.Order.Rollout))
	}
	u.mu.Lock()
	m.state, u.why = next, ""
	u.mu.Unlock()
	if changed {
		m.due = time.Time{}
		if m.cancel != nil {
			m.cancel()
		}
	}
	for _, a := range actions {
		u.act(ctx, m, a)
	}
	if next.Step == update.StepStaged && changed {
		// Hours may go by: the board's memory is for what serves.
		u.begin(ctx, m, func(context.Context, *model) update.Event { u.drop(m); return nil })
	}
	if next.Step.Phase().Ended() && changed {
		u.begin(ctx, m, u.collect)
	}
	u.signal()
	u.giveTurn(ctx)
	return nil
}

// giveTurn lets the next model go on that waits for its turn.
func (u *updater) giveTurn(ctx context.Context) {
	if next, ok := update.NextTurn(u.states()); ok {
		u.step(ctx, outcome{next.Model, update.Turn{Task: next.Task}})
	}
}

// states are of all models, by name. Only run's goroutine may ask.
func (u *updater) states() (all []update.State) {
	for _, name := range u.names() {
		m := u.models[name]
		s := m.state
		if len(m.untaken) > 0 {
			s.Waiting = true // for the disk
		}
		all = append(all, s)
	}
	return all
}

// same compares what is persisted.
func same(a, b update.State) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func (u *updater) persist(s update.State) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return u.store.SaveState(s.Model, b)
}

// persistRetry is the pause before an event is taken again that the disk did
// not let be taken.
const persistRetry = 5 * time.Second

// untaken has the model's events taken after a pause.
func (u *updater) untaken(m *model, why error) {
	u.log.Error("keep update state", "model", m.name, "error", why)
	m.retry = time.Now().Add(persistRetry)
	u.mu.Lock()
	u.why = fmt.Sprintf("The disk does not take the update state: %v; what serves goes on serving.", why)
	u.mu.Unlock()
	u.signal()
}

// retake takes the events of a model that wait, in their order. Of an order, what
// is wanted now counts.
func (u *updater) retake(ctx context.Context, m *model) {
	m.retry = time.Time{}
	for len(m.untaken) > 0 {
		e := m.untaken[0]
		switch e.(type) {
		case update.Ordered, update.Withdrawn:
			e = u.wanted(m.name)
		}
		if err := u.take(ctx, m, e); err != nil {
			u.untaken(m, err)
			return
		}
		m.untaken = m.untaken[1:]
	}
	u.noteGiven()
}

func (u *updater) model(name string) *model {
	m := u.models[name]
	if m == nil {
		idle := make(chan struct{})
		close(idle)
		m = &model{name: name, state: update.New(name), idle: idle}
		u.mu.Lock()
		u.models[name] = m
		u.mu.Unlock()
	}
	return m
}

func (u *updater) send(ctx context.Context, o outcome) {
	select {
	case u.outcomes <- o:
	case <-ctx.Done():
	}
}

// signal says that there is news. One signal stands for any number.
func (u *updater) signal() {
	select {
	case u.changed <- struct{}{}:
	default:
	}
}

// fire hands in the timers that are due.
func (u *updater) fire(ctx context.Context, now time.Time) {
	for _, name := range u.names() {
		m := u.models[name]
		if !m.retry.IsZero() && !now.Before(m.retry) {
			u.retake(ctx, m)
		}
		if m.due.IsZero() || now.Before(m.due) {
			continue
		}
		m.due = time.Time{}
		u.step(ctx, outcome{name, update.Timer{Task: m.timer}})
	}
}

func (u *updater) untilDue() time.Duration {
	wait := time.Hour
	for _, m := range u.models {
		for _, at := range []time.Time{m.due, m.retry} {
			if !at.IsZero() {
				wait = min(wait, max(0, time.Until(at)))
			}
		}
	}
	return wait
}

// act does one action. Work goes on beside; the rest is done at once.
func (u *updater) act(ctx context.Context, m *model, a update.Action) {
	switch a := a.(type) {
	case update.SetTimer:
		m.timer, m.due = a.Task, time.Now().Add(a.After)
	case update.Report:
		u.report(a)
	case update.FetchEnvelope:
		u.begin(ctx, m, func(ctx context.Context, _ *model) update.Event { return u.fetchEnvelope(ctx, a) })
	case update.Verify:
		u.begin(ctx, m, func(context.Context, *model) update.Event { return u.verify(a) })
	case update.FetchObjects:
		u.begin(ctx, m, func(ctx context.Context, m *model) update.Event { return u.fetchObjects(ctx, m, a) })
	case update.Test:
		u.begin(ctx, m, func(ctx context.Context, m *model) update.Event { return u.test(ctx, m, a) })
	case update.Shadow:
		u.begin(ctx, m, func(_ context.Context, m *model) update.Event { return u.shadow(m, a) })
	case update.Activate:
		u.begin(ctx, m, func(_ context.Context, m *model) update.Event { return u.activate(m, a) })
	case update.RollBack:
		u.begin(ctx, m, func(_ context.Context, m *model) update.Event { return u.rollBack(m, a) })
	case update.Remove:
		u.begin(ctx, m, func(_ context.Context, m *model) update.Event { return u.remove(m, a) })
	case update.Observe:
		u.begin(ctx, m, func(_ context.Context, m *model) update.Event { return u.observe(m, a) })
	}
}

// report puts a report into the outbox. One that the disk does not take is
// still in the state, and goes in at the next start.
func (u *updater) report(r update.Report) {
	u.log.Info(r.Text, "model", r.Model, "version", r.Version, "phase", string(r.Phase), "rollout", string(r.Rollout))
	if err := u.outbox.report(r); err != nil {
		u.log.Error("keep event", "error", err)
	}
}

// begin starts work on a model once the work before it has ended. What the work
// returns is handed in, unless there is nothing to say.
func (u *updater) begin(ctx context.Context, m *model, do func(context.Context, *model) update.Event) {
	ctx, m.cancel = context.WithCancel(ctx)
	before, idle := m.idle, make(chan struct{})
	m.idle = idle
	name := m.name
	u.work.Go(func() {
		<-before
		event := do(ctx, m)
		close(idle)
		if event != nil {
			u.send(ctx, outcome{name, event})
		}
	})
}

// collect frees what no model needs any more.
func (u *updater) collect(context.Context, *model) update.Event {
	freed, err := u.store.Collect(u.held, readInstalled)
	if err != nil {
		u.log.Error("free disk space", "error", err)
	} else if freed > 0 {
		u.log.Debug("freed disk space", "bytes", freed)
	}
	return nil
}

// held lists the envelopes that some machine still needs.
func (u *updater) held() []bundle.Digest {
	u.mu.Lock()
	defer u.mu.Unlock()
	var held []bundle.Digest
	for _, m := range u.models {
		held = append(held, m.state.Holds()...)
	}
	return held
}

// drop closes a session that will not be activated.
func (u *updater) drop(m *model) {
	if m.tested == nil {
		return
	}
	u.serving.EndShadow(m.name)
	if err := m.tested.session.Close(); err != nil {
		u.log.Error("close a tested model", "model", m.name, "error", err)
	}
	m.tested = nil
}
