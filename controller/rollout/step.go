package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// The attempts of a device: one for the release, one for the way back.
const (
	attemptRelease = wire.AttemptRelease
	attemptRestore = 2
)

// Step takes one event and returns the new state with what is to be done about
// it. The state given is left as it was.
func Step(s State, e Event, now time.Time) (State, []Action) {
	s.Devices = slices.Clone(s.Devices)
	t := turn{State: s, now: now}
	switch e := e.(type) {
	case Started:
		t.start(e.Members)
	case DeviceState:
		t.observe(e.Device, e.Model)
	case DeviceOnline:
		t.presence(e.Device, true)
	case DeviceOffline:
		t.presence(e.Device, false)
	case DeviceJoined:
		t.join(e.Member)
	case DeviceAhead:
		t.ahead(e)
	case Resumed:
		t.beginDeadlines()
	case Tick:
		t.deadlines()
	case Abort:
		t.abort(e.Who)
	}
	t.advance()
	if t.changed {
		t.Revision++
		t.Updated = now
	}
	return t.State, t.actions
}

// turn is one Step in the making.
type turn struct {
	State
	now     time.Time
	actions []Action
	changed bool
}

func (t *turn) start(members []Member) {
	if t.Phase != Running || t.Wave != 0 {
		return
	}
	for _, m := range members {
		t.add(m, false)
	}
	t.shuffle()
	t.openWave(1)
}

// join takes a device that appeared meanwhile: the last wave orders it.
func (t *turn) join(m Member) {
	if t.Phase != Running || t.Wave == 0 || !t.Includes(m.Device.Site) || t.index(m.Device) >= 0 {
		return
	}
	t.add(m, true)
	t.shuffle()
	if t.Wave == len(t.Waves) {
		t.orderNext()
	}
}

func (t *turn) add(m Member, late bool) {
	if t.index(m.Device) >= 0 {
		return
	}
	dev := Device{Device: m.Device, Previous: m.Current, Progress: Waiting, Online: m.Online, Late: late, Since: t.now}
	if m.Withheld != "" {
		dev.Progress, dev.Why = Aside, m.Withheld
	}
	t.Devices = append(t.Devices, dev)
	t.changed = true
}

// presence keeps who is online, and gives an absent device that returns a new
// deadline.
func (t *turn) presence(d wire.Device, online bool) {
	i := t.index(d)
	if i < 0 || t.Settled() {
		return
	}
	dev := &t.Devices[i]
	if dev.Online != online {
		dev.Online = online
		t.changed = true
	}
	if !online {
		return
	}
	t.seen(dev)
	if dev.Progress == Absent && t.Phase == Running {
		t.become(dev, Ordered, "is back, and on its way")
	}
}

func (t *turn) seen(dev *Device) {
	if dev.Attempt > 0 && !dev.Seen {
		dev.Seen = true
		t.changed = true
	}
}

// observe takes a device's own report. One that answers another rollout or an
// older attempt says nothing about this one.
func (t *turn) observe(d wire.Device, m wire.ModelState) {
	i := t.index(d)
	if i < 0 || t.Settled() {
		return
	}
	dev := &t.Devices[i]
	m.Why = clip(m.Why)
	switch {
	case dev.Progress == Restoring:
		t.observeRestore(dev, m)
	case t.Phase == Running && dev.ordered() && t.Removes():
		t.observeRemoval(dev, m)
	case t.Phase == Running && dev.ordered() && m.Rollout == t.ID && m.Attempt == dev.Attempt:
		t.observeRelease(dev, m)
	}
}

func (t *turn) observeRelease(dev *Device, m wire.ModelState) {
	t.seen(dev)
	t.hold(dev, m.Phase)
	switch m.Phase {
	case wire.PhaseCommitted:
		if m.Digest == t.Release.Digest && dev.Progress != Healthy {
			t.become(dev, Healthy, m.Why)
		}
	case wire.PhaseRefused, wire.PhaseFailed, wire.PhaseRolledBack:
		if m.Pinned {
			t.excuse(dev, m.Why)
			return
		}
		t.fail(dev, inItsWords(m, t.Release.Version))
	default:
		t.note(dev, m.Why)
	}
}

// excuse leaves out a device whose owner pinned the model.
func (t *turn) excuse(dev *Device, why string) {
	if dev.Progress == Excused {
		t.note(dev, why)
		return
	}
	t.become(dev, Excused, why)
	t.announce(fmt.Sprintf("%s is excused, it says: %s", dev.Device, orNothing(why)))
}

// hold notes that a device waits for a time that its owner chose, or for its turn,
// or has done so: the deadline counts anew from there.
func (t *turn) hold(dev *Device, now wire.Phase) {
	if _, held := holds[now]; !held {
		now = ""
	}
	if dev.Held == now || dev.Progress != Ordered {
		return
	}
	dev.Held, dev.Since, t.changed = now, t.now, true
}

// observeRestore waits for a device to run what it ran before. One that is to
// have no model neither runs nor wants any, or is silent about it. One that is
// pinned keeps what it runs, which will do unless it is the release.
func (t *turn) observeRestore(dev *Device, m wire.ModelState) {
	answered := m.Rollout == t.ID && m.Attempt == dev.Attempt
	back := answered && m.Phase == wire.PhaseCommitted && m.Digest == dev.Previous.Digest
	kept := answered && m.Pinned && m.Digest != t.Release.Digest
	gone := dev.Previous.IsZero() && isGone(m)
	switch {
	case back, kept, gone:
		t.become(dev, Restored, m.Why)
	case answered:
		t.note(dev, m.Why)
	}
}

// beginDeadlines gives every device that has a deadline the whole of it again.
func (t *turn) beginDeadlines() {
	for i := range t.Devices {
		dev := &t.Devices[i]
		if t.Phase == Running && dev.Progress == Ordered && dev.Held == "" && !dev.Since.Equal(t.now) {
			dev.Since, t.changed = t.now, true
		}
	}
}

// deadlines judges the devices that were ordered too long ago, and are not held.
func (t *turn) deadlines() {
	limit := t.deadline()
	for i := range t.Devices {
		dev := &t.Devices[i]
		if t.Phase != Running || dev.Progress != Ordered || dev.Held != "" || t.now.Sub(dev.Since) < limit {
			continue
		}
		if dev.Online {
			t.fail(dev, fmt.Sprintf("is online but did not come to an end with %s within %s; it last said: %s",
				cmp.Or(t.Release.Version, "the removal"), span(limit), orNothing(dev.Why)))
			continue
		}
		t.become(dev, Absent, fmt.Sprintf("was offline for %s; its order waits for it", span(limit)))
	}
}

func (t *turn) abort(who string) {
	if t.Phase == Running {
		t.stop(Aborted, "aborted by "+who)
	}
}

// fail halts the rollout for one device's sake.
func (t *turn) fail(dev *Device, why string) {
	dev.Failure = why
	t.stop(Halted, fmt.Sprintf("halted in wave %d of %d: %s %s", t.Wave, len(t.Waves), dev.Device, why))
}

// stop ends the rollout and orders back whoever was ordered.
func (t *turn) stop(end Phase, why string) {
	t.Phase, t.Why, t.changed = end, why, true
	for i := range t.Devices {
		dev := &t.Devices[i]
		if !dev.ordered() {
			continue
		}
		dev.Attempt = attemptRestore
		t.become(dev, Restoring, dev.Why)
		t.actions = append(t.actions, Restore{Device: dev.Device, Previous: dev.Previous, Attempt: dev.Attempt})
	}
	t.announce(why)
}

// advance opens the next wave once the open one is proven, and the open one again
// if all its devices are excused.
func (t *turn) advance() {
	if t.Phase != Running || t.Wave == 0 || t.count(Ordered) > 0 {
		return
	}
	switch {
	case t.proven():
		t.openWave(t.Wave + 1)
	case t.excused():
		t.openWave(t.Wave)
	}
}

// proven reports whether the open wave shows that going on is safe.
func (t *turn) proven() bool {
	seen := false
	for _, d := range t.Devices {
		if d.Wave != t.Wave {
			continue
		}
		if d.Progress == Healthy {
			return true
		}
		seen = seen || d.Seen && d.Progress != Excused
	}
	return t.Wave == len(t.Waves) && !seen && t.count(Healthy) > 0
}

// excused reports whether nobody of the open wave takes part.
func (t *turn) excused() bool {
	for _, d := range t.Devices {
		if d.Wave == t.Wave && d.Progress != Excused {
			return false
		}
	}
	return t.count(Excused) > 0
}

// openWave orders the next devices, passing over waves that add none; after
// the last the rollout is done, or has learnt nothing.
func (t *turn) openWave(n int) {
	for ; n <= len(t.Waves); n++ {
		t.Wave, t.changed = n, true
		if ordered := t.orderNext(); ordered > 0 {
			t.Why = fmt.Sprintf("wave %d of %d: %s ordered to %s",
				n, len(t.Waves), devices(ordered), t.aim())
			t.announce(t.Why)
			return
		}
	}
	if t.count(Healthy) == 0 && t.count(Excused) > 0 {
		t.stop(Halted, fmt.Sprintf("halted: nothing was learnt of %s, since every device that could be ordered is pinned: %s", t.What(), t.names(Excused)))
		return
	}
	t.Phase, t.Why = Done, t.doneSentence()
	t.announce(t.Why)
}

// orderNext orders what the open wave adds, and returns how many that are.
func (t *turn) orderNext() int {
	next := t.next()
	for _, i := range next {
		dev := &t.Devices[i]
		dev.Wave, dev.Attempt, dev.Seen = t.Wave, attemptRelease, dev.Online
		t.become(dev, Ordered, "")
		t.actions = append(t.actions, Order{Device: dev.Device, Release: t.Release, Attempt: dev.Attempt})
	}
	return len(next)
}

func (t *turn) become(dev *Device, p Progress, why string) {
	dev.Progress, dev.Since, dev.Why, dev.Held = p, t.now, why, ""
	t.changed = true
}

func (t *turn) note(dev *Device, why string) {
	if dev.Why != why {
		dev.Why = why
		t.changed = true
	}
}

func (t *turn) announce(text string) {
	t.actions = append(t.actions, Announce{Text: text})
}
