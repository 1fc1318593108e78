package agent

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/golden"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/kernels"
)

// fetchEnvelope looks who vouches for what was ordered, and brings its signed
// envelope, unless it is here already.
func (u *updater) fetchEnvelope(ctx context.Context, a update.FetchEnvelope) update.Event {
	u.blame(a.Order.Name, "")
	if _, err := u.authority.vouched(ctx, a.Order); err != nil {
		// What nobody vouches for may be newer than a folder that somebody brought.
		if no := new(refusal); errors.As(err, &no) && !atFault(err) {
			return update.Refused{Task: a.Task, Why: err.Error()}
		}
		return u.notFetched(ctx, a.Order.Name, a.Task, err)
	}
	if err := u.bring(ctx, a.Order.Digest, a.Order.Size); err != nil {
		return u.notFetched(ctx, a.Order.Name, a.Task, err)
	}
	return update.EnvelopeFetched{Task: a.Task}
}

// notFetched is a try that failed, and may be to the blame of a folder that somebody
// brought.
func (u *updater) notFetched(ctx context.Context, model string, task update.Task, err error) update.Event {
	if ctx.Err() == nil && atFault(err) {
		u.blame(model, err.Error())
	}
	return failed(task, err)
}

// failed passes on how long a server asks to be left alone.
func failed(task update.Task, err error) update.Event {
	e := update.Failed{Task: task, Why: err.Error()}
	if busy := new(fetch.BusyError); errors.As(err, &busy) {
		e.After = busy.After
	}
	return e
}

// verify asks who signed, whether it is what was ordered, whether it fits this
// device, and whether there is room.
func (u *updater) verify(a update.Verify) update.Event {
	envelope, err := u.store.Read(a.Order.Digest, bundle.MaxEnvelopeSize)
	if err != nil {
		return update.Failed{Task: a.Task, Why: err.Error()}
	}
	publisher, err := u.authority.stillVouched(a.Order)
	if err != nil {
		return update.Failed{Task: a.Task, Why: err.Error()}
	}
	m, err := judge(envelope, publisher)
	if err == nil && (m.Name != a.Order.Name || m.Version != a.Order.Version) {
		err = fmt.Errorf("the envelope is of %s %s", m.Name, m.Version)
	}
	if err == nil {
		err = fits(m.Fits, u.info)
	}
	if err != nil {
		return update.Refused{Task: a.Task, Why: err.Error()}
	}
	total, err := u.makeRoom(m)
	if err != nil {
		return update.Failed{Task: a.Task, Why: err.Error()}
	}
	return update.Verified{Task: a.Task, Bytes: total}
}

// makeRoom returns the size of all objects, if what is missing of them fits the
// disk once nothing superfluous is on it.
func (u *updater) makeRoom(m *bundle.Manifest) (total int64, err error) {
	var missing int64
	for _, f := range m.Objects() {
		total += f.Size
		if !u.store.Has(f.Digest, f.Size) {
			missing += max(0, f.Size-u.fetcher.Arrived(f.Digest))
		}
	}
	err = u.store.Room(missing)
	if noRoom := new(slot.NoRoomError); errors.As(err, &noRoom) {
		if _, err := u.store.Collect(u.held, readInstalled); err != nil {
			return 0, errors.Join(noRoom, err)
		}
		err = u.store.Room(missing)
	}
	return total, err
}

// loaded is a version ready to serve.
type loaded struct {
	version  update.Version
	manifest *bundle.Manifest
	session  *kernels.Session
}

// unloadable marks a model that no engine here takes: trying again is no use.
type unloadable struct{ error }

// load reads a version and compiles it on the first engine that takes it.
func (u *updater) load(v update.Version) (*loaded, error) {
	m, err := u.store.Manifest(v.Digest, readInstalled)
	if err != nil {
		return nil, err
	}
	return u.loadManifest(v, m)
}

func (u *updater) loadManifest(v update.Version, m *bundle.Manifest) (_ *loaded, err error) {
	file, ok := m.File(m.Model)
	if !ok {
		return nil, unloadable{fmt.Errorf("the manifest names no file %s", m.Model)}
	}
	data, err := u.store.Read(file.Digest, file.Size)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = unloadable{fmt.Errorf("loading it panicked: %v", p)}
		}
	}()
	session, err := kernels.Load(data, kernels.Options{Engines: u.config.Engines})
	if err != nil {
		return nil, unloadable{err}
	}
	return &loaded{v, m, session}, nil
}

// test loads a version and runs its golden samples on the engine that will
// serve it. The session waits for its activation.
func (u *updater) test(ctx context.Context, m *model, a update.Test) update.Event {
	u.drop(m)
	l, err := u.load(update.Version{Version: a.Order.Version, Digest: a.Order.Digest})
	if err != nil {
		return unfit(a.Task, err)
	}
	m.tested = l
	result, err := u.selfTest(ctx, l)
	if err != nil {
		u.drop(m)
		return unfit(a.Task, err)
	}
	return update.TestPassed{Task: a.Task, Result: fmt.Sprintf("%s, on %s", result, l.session.Engine())}
}

// selfTest turns a panic of the engine into a failure of the model.
func (u *updater) selfTest(ctx context.Context, l *loaded) (result golden.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = golden.Failure(fmt.Sprintf("the engine %s panicked in the self-test: %v", l.session.Engine(), p))
		}
	}()
	open := func(f bundle.File) (io.ReadCloser, error) { return u.store.Open(f.Digest) }
	return golden.SelfTest(ctx, l.session, l.manifest, open)
}

// unfit tells a verdict on the model from a test that could not be made.
func unfit(task update.Task, err error) update.Event {
	var failure golden.Failure
	if errors.As(err, &failure) || errors.As(err, new(unloadable)) {
		return update.Refused{Task: task, Why: err.Error()}
	}
	return update.Failed{Task: task, Why: err.Error()}
}

// shadow has a version read beside the one that serves, and tells how it fares.
func (u *updater) shadow(m *model, a update.Shadow) update.Event {
	if err := u.ready(m, a.To); err != nil {
		return unfit(a.Task, err)
	}
	s, err := u.serving.Shadow(served(m.tested))
	if err != nil {
		return update.Refused{Task: a.Task, Why: err.Error()}
	}
	return update.Observed{Task: a.Task, Health: update.Health{
		Inferences: s.Inferences, Errors: s.Errors, Panics: s.Panics, P95ms: s.P95ms, BeforeP95ms: s.BeforeP95ms, Agreed: s.Agreed,
	}}
}

// activate makes a version serve: on disk first, so that a power cut between
// the two finds it there.
func (u *updater) activate(m *model, a update.Activate) update.Event {
	err := u.ready(m, a.To)
	if err == nil {
		err = u.store.Activate(m.name, pointer(a.To))
	}
	if err == nil {
		err = u.serve(m.tested)
	}
	if err != nil {
		return update.Failed{Task: a.Task, Why: err.Error()}
	}
	m.tested = nil
	return update.Activated{Task: a.Task}
}

// rollBack makes a version serve again: in memory first, since what serves now
// is bad.
func (u *updater) rollBack(m *model, a update.RollBack) update.Event {
	err := u.serveAgain(m, a.To)
	if err == nil {
		err = u.store.RollBack(m.name, pointer(a.To))
	}
	if err != nil {
		return update.Failed{Task: a.Task, Why: err.Error()}
	}
	return update.RolledBack{Task: a.Task}
}

func (u *updater) serveAgain(m *model, to update.Version) error {
	if to.IsZero() {
		u.serving.Remove(m.name)
		return nil
	}
	if s, ok := u.servingNow(m.name); ok && s.Digest == to.Digest {
		return nil
	}
	if err := u.ready(m, to); err != nil {
		return err
	}
	err := u.serve(m.tested)
	if err == nil {
		m.tested = nil
	}
	return err
}

// ready leaves a loaded session of the version in m.tested.
func (u *updater) ready(m *model, v update.Version) error {
	if m.tested != nil && m.tested.version == v {
		return nil
	}
	u.drop(m)
	l, err := u.load(v)
	if err != nil {
		return err
	}
	m.tested = l
	return nil
}

// serve hands a session over to the inference API.
func (u *updater) serve(l *loaded) error {
	u.serving.EndShadow(l.manifest.Name)
	return u.serving.Activate(served(l))
}

// served is a version as the inference API knows it.
func served(l *loaded) serve.Model {
	return serve.Model{
		Name: l.manifest.Name, Version: l.version.Version, Digest: l.version.Digest,
		Pipeline: l.manifest.Pipeline, Session: l.session,
	}
}

// remove stops serving a model.
func (u *updater) remove(m *model, a update.Remove) update.Event {
	u.drop(m)
	u.serving.Remove(m.name)
	if err := u.store.Deactivate(m.name); err != nil {
		return update.Failed{Task: a.Task, Why: err.Error()}
	}
	return update.Removed(a)
}

// observe reports how the version on probation fares.
func (u *updater) observe(m *model, a update.Observe) update.Event {
	s, ok := u.servingNow(m.name)
	if !ok {
		return update.Failed{Task: a.Task, Why: "it does not serve"}
	}
	return update.Observed{Task: a.Task, Health: update.Health{
		Inferences: s.Inferences, Errors: s.Errors, Panics: s.Panics, P95ms: s.P95ms, BeforeP95ms: s.BeforeP95ms,
	}}
}

func (u *updater) servingNow(name string) (serve.Status, bool) {
	for _, s := range u.serving.Status() {
		if s.Name == name && s.NotLoaded == "" {
			return s, true
		}
	}
	return serve.Status{}, false
}

func pointer(v update.Version) slot.Pointer {
	return slot.Pointer{Version: v.Version, Envelope: v.Digest}
}

// judge opens an envelope that a publisher signed for a model of that name.
func judge(envelope []byte, publisher trust.Keys) (*bundle.Manifest, error) {
	verdict := trust.Verify(envelope, publisher)
	if !verdict.OK {
		return nil, errors.New(verdict.Why)
	}
	m, err := bundle.ParseManifest(verdict.Payload)
	if err != nil {
		return nil, err
	}
	if !verdict.MayPublish(m.Name) {
		return nil, fmt.Errorf("key %s signed it, which may not publish %s", verdict.KeyID.Short(), m.Name)
	}
	return m, nil
}

// readInstalled reads the envelope of a version that was judged before anything
// pointed to it. Its digest says that it is that one: neither a date that has
// passed nor a key that was revoked stops what serves.
func readInstalled(envelope []byte) (*bundle.Manifest, error) {
	payload, err := trust.Unjudged(envelope)
	if err != nil {
		return nil, err
	}
	return bundle.ParseManifest(payload)
}
