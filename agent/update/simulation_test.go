package update

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestStormNeverServesWhatIsNotProven runs devices through seeded storms of
// lost, repeated and reordered answers, changing orders and crashes at any
// point, and then lets the weather clear. At all times only a version that
// passed its self-test serves; in the end the device runs its order, or has
// ended it with another proven version, or none, serving. Some wait before they
// fetch, switch in a window only, or are pinned; some have new versions shadow, and
// other models whose updates go first.
func TestStormNeverServesWhatIsNotProven(t *testing.T) {
	const seeds = 3000
	ends := map[Step]int{}
	for seed := range uint64(seeds) {
		w := newWorld(t, seed)
		for range 150 {
			w.storm()
		}
		w.clear()
		ends[w.state.Step]++
	}
	t.Logf("ends: %v", ends)
	for _, s := range []Step{StepCommitted, StepRolledBack, StepRefused, StepIdle} {
		if ends[s] == 0 {
			t.Errorf("no seed ended %s: the storm is too mild to prove anything", s)
		}
	}
}

// world is one device as the machine sees it: what is on disk survives a
// crash, the rest does not.
type world struct {
	t     *testing.T
	seed  uint64
	rand  *rand.Rand
	rules Rules
	now   time.Time

	disk struct { // survives
		state  []byte
		active Version
	}
	proven map[Version]bool // passed the self-test at some time
	want   Want

	state   State
	serving Version
	queue   []Event // answers on their way
	timer   Task
	after   time.Duration // of timer
	// shadowing is what shadowed last since the start.
	shadowing Version
	calm      bool
	// crowded: another model of the device is at work at times.
	crowded bool
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)),
		rules:  Rules{Device: fmt.Sprint("site/dev-", seed), Probation: time.Minute},
		now:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		proven: map[Version]bool{{}: true}, want: Want{Withdrawn: true}, state: New("meter-reader"),
	}
	switch seed % 4 {
	case 1:
		w.rules.Jitter = time.Hour
	case 2:
		w.now = w.now.Add(5 * time.Hour)
		w.rules.Window = Window{From: 22 * 60, To: 4 * 60, Zone: time.UTC}
	case 3:
		w.rules.Pin = Pin{Model: "meter-reader", Reason: "a test", Until: w.now.Add(60 * 24 * time.Hour)}
	}
	if seed%4 >= 2 {
		w.commit(order("1"))
	}
	if seed%3 == 0 {
		w.rules.Shadow = time.Minute
	}
	w.crowded = seed%5 == 0
	w.disk.state = mustJSON(t, w.state)
	return w
}

// commit is what a quiet order leaves.
func (w *world) commit(o wire.DesiredModel) {
	v := version(o.Version)
	w.want = Want{Order: o}
	w.state.Step, w.state.Order, w.state.Active = StepCommitted, o, v
	w.proven[v], w.disk.active, w.serving = true, v, v
}

func mustJSON(t *testing.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The versions: 1 and 2 are good, 3 fails its self-test, 4 fails in service,
// 5 nobody trustworthy signed.
func bad(v string) bool { return v >= "3" }

func (w *world) chance(percent int) bool { return !w.calm && w.rand.IntN(100) < percent }

// storm lets one thing happen.
func (w *world) storm() {
	switch n := w.rand.IntN(100); {
	case n < 4:
		w.crash()
	case n < 8:
		w.want = Want{Order: w.newOrder()}
		w.tell()
	case n < 9:
		w.want = Want{Withdrawn: true}
		w.tell()
	case n < 14:
		w.tell() // the retained order again
	case n < 35 && w.timer != 0:
		w.fire()
	case len(w.queue) > 0:
		w.deliver()
	}
}

func (w *world) newOrder() wire.DesiredModel {
	v := fmt.Sprint(1 + w.rand.IntN(5))
	return wire.DesiredModel{Name: "meter-reader", Version: v, Digest: version(v).Digest,
		Rollout: wire.RolloutID(fmt.Sprint("r", w.rand.IntN(3))), Attempt: w.rand.IntN(3)}
}

func (w *world) tell() {
	if w.want.Withdrawn {
		w.step(Withdrawn{})
		return
	}
	w.step(Ordered{w.want.Order})
}

func (w *world) fire() {
	task := w.timer
	w.timer = 0
	w.now = w.now.Add(w.after)
	w.step(Timer{task})
}

// deliver hands over any of the answers, and loses or repeats some.
func (w *world) deliver() {
	i := 0
	if !w.calm {
		i = w.rand.IntN(len(w.queue))
	}
	e := w.queue[i]
	if !w.chance(10) {
		w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
	}
	if !w.chance(10) {
		w.step(e)
	}
}

// step is the shell: persist, act, and crash anywhere between.
func (w *world) step(e Event) {
	w.now = w.now.Add(time.Second)
	w.rules.Ahead = ""
	if w.crowded && w.chance(50) {
		w.rules.Ahead = "another"
	}
	next, actions := w.rules.Step(w.state, e, w.now)
	if w.chance(1) {
		w.crash()
		return
	}
	w.state, w.disk.state = next, mustJSON(w.t, next)
	for _, a := range actions {
		if w.chance(1) {
			w.crash()
			return
		}
		w.do(a)
		w.check()
	}
}

// crash loses everything but the disk, and boots.
func (w *world) crash() {
	w.queue, w.timer, w.serving, w.shadowing = nil, 0, w.disk.active, Version{}
	w.state = State{}
	if err := json.Unmarshal(w.disk.state, &w.state); err != nil {
		w.t.Fatal(err)
	}
	w.check()
	w.step(Restarted{Serving: w.serving})
}

func (w *world) do(a Action) {
	if w.chance(5) {
		return // the work hangs: only its timer will tell
	}
	answer := func(e Event) { w.queue = append(w.queue, e) }
	switch a := a.(type) {
	case SetTimer:
		w.timer, w.after = a.Task, a.After
	case FetchEnvelope:
		answer(w.flaky(a.Task, EnvelopeFetched{a.Task}))
	case Verify:
		if a.Order.Version == "5" {
			answer(Refused{a.Task, "no key of the trust file signed it"})
			return
		}
		answer(w.flaky(a.Task, Verified{a.Task, 1 << 20}))
	case FetchObjects:
		answer(w.flaky(a.Task, ObjectsFetched{Task: a.Task}))
	case Test:
		if a.Order.Version == "3" {
			answer(Refused{a.Task, "read 7 of 32"})
			return
		}
		w.proven[Version{a.Order.Version, a.Order.Digest}] = true
		answer(w.flaky(a.Task, TestPassed{a.Task, "read 32 of 32"}))
	case Shadow:
		if w.shadowing = a.To; !w.proven[a.To] {
			w.t.Fatalf("seed %d: %s shadows, not proven", w.seed, a.To)
		}
		if a.To.Version == "4" && w.chance(30) {
			answer(Observed{a.Task, Health{Inferences: 9, Errors: 9}})
			return
		}
		answer(w.flaky(a.Task, Observed{a.Task, Health{Inferences: 40, Agreed: 39}}))
	case Activate:
		w.checkRules(a)
		w.activate(a.Task, a.To, Activated{a.Task})
	case RollBack:
		w.activate(a.Task, a.To, RolledBack{a.Task})
	case Remove:
		w.activate(a.Task, Version{}, Removed(a))
	case Observe:
		answer(Observed{a.Task, w.health()})
	}
}

// checkRules: a first try to replace what serves by something new falls into the
// window, and on no pinned model.
func (w *world) checkRules(a Activate) {
	s := w.state
	if s.Tries > 0 || s.Active.IsZero() {
		return
	}
	forward := s.Order.Attempt <= 1 && a.To.Version >= s.Active.Version // of one digit each
	wayBack := a.To == s.Previous && !forward
	if !w.rules.Window.Open(w.now) && !wayBack {
		w.t.Fatalf("seed %d: switches from %s to %s outside the window, at %s", w.seed, s.Active, a.To, w.now)
	}
	if w.rules.Shadow > 0 && !wayBack && a.To != w.shadowing {
		w.t.Fatalf("seed %d: switches from %s to %s, which did not shadow", w.seed, s.Active, a.To)
	}
	if why := w.rules.Pin.holds(s.Model, w.now); why != "" {
		w.t.Fatalf("seed %d: switches from %s to %s, but %s", w.seed, s.Active, a.To, why)
	}
}

// activate writes the pointer, then switches; it can stop after either.
func (w *world) activate(task Task, to Version, done Event) {
	if w.chance(10) {
		w.queue = append(w.queue, Failed{Task: task, Why: "no space left on device"})
		return
	}
	w.disk.active = to
	if w.chance(10) {
		w.queue = append(w.queue, Failed{Task: task, Why: "fsync models/meter-reader: input/output error"})
		return
	}
	w.serving = to
	w.queue = append(w.queue, done)
}

func (w *world) flaky(task Task, done Event) Event {
	if w.chance(15) {
		return Failed{Task: task, Why: "connection reset"}
	}
	return done
}

func (w *world) health() Health {
	if w.serving.Version == "4" {
		return Health{Inferences: 100, Errors: 50}
	}
	return Health{Inferences: 100}
}

func (w *world) check() {
	if !w.proven[w.serving] || !w.proven[w.disk.active] {
		w.t.Fatalf("seed %d: %s serves and %s is on disk, not proven; state %+v", w.seed, w.serving, w.disk.active, w.state)
	}
}

// clear ends the storm: every answer comes, every timer fires.
func (w *world) clear() {
	w.calm = true
	if w.now.Before(w.rules.Pin.Until) {
		w.now = w.rules.Pin.Until
	}
	w.crash() // one more boot, whatever happened
	w.tell()
	for range 400 {
		switch {
		case len(w.queue) > 0:
			w.deliver()
		case w.timer != 0:
			w.fire()
		}
	}
	if w.serving != w.state.Active || w.disk.active != w.serving {
		w.t.Fatalf("seed %d: %s serves, %s is on disk, the state says %s", w.seed, w.serving, w.disk.active, w.state.Active)
	}
	w.checkEnd()
}

func (w *world) checkEnd() {
	o := w.want.Order
	switch {
	case w.want.Withdrawn:
		if w.state.Step != StepIdle || !w.serving.IsZero() {
			w.t.Fatalf("seed %d: withdrawn, but %s with %s serving", w.seed, w.state.Step, w.serving)
		}
	case !w.state.Step.Phase().Ended() || !sameTry(w.state.Order, o):
		w.t.Fatalf("seed %d: did not end its order of %s: %+v", w.seed, o.Version, w.state)
	case w.state.Step == StepCommitted && w.serving.Digest != o.Digest:
		w.t.Fatalf("seed %d: committed %s, but %s serves", w.seed, o.Version, w.serving)
	case w.state.Step == StepCommitted && bad(o.Version):
		w.t.Fatalf("seed %d: committed the bad version %s", w.seed, o.Version)
	case w.state.Step != StepCommitted && w.serving.Digest == o.Digest:
		w.t.Fatalf("seed %d: %s of %s, but it serves", w.seed, w.state.Step, o.Version)
	}
}

// TestEveryReportSurvivesACrash: what was reported last is in the state that
// was persisted with it, and the numbers have no gaps.
func TestEveryReportSurvivesACrash(t *testing.T) {
	s, rules := New("m"), Rules{Device: "a/b", Probation: time.Minute}
	last := int64(0)
	for _, e := range []Event{Ordered{order("1")}, EnvelopeFetched{1}, Withdrawn{}, Ordered{order("2")}, Refused{4, "bad"}} {
		var actions []Action
		s, actions = rules.Step(s, e, time.Time{})
		var reported []Report
		for _, a := range actions {
			if r, ok := a.(Report); ok {
				reported = append(reported, r)
				if r.Number != last+1 {
					t.Errorf("report %d follows %d", r.Number, last)
				}
				last = r.Number
			}
		}
		if len(reported) > 0 && fmt.Sprint(reported) != fmt.Sprint(s.News) {
			t.Errorf("%T: reported %v, persisted %v", e, reported, s.News)
		}
	}
	if last == 0 {
		t.Error("nothing was reported")
	}
}

// TestWaitsGrowAndSpread: the waits double up to the cap, and a fleet that
// fails together does not come back together.
func TestWaitsGrowAndSpread(t *testing.T) {
	spread := map[time.Duration]bool{}
	for i := range 100 {
		spread[Rules{Device: fmt.Sprint("site/dev-", i)}.wait(State{Model: "m", Tries: 20})] = true
	}
	if len(spread) < 80 {
		t.Errorf("100 devices share %d waits", len(spread))
	}
	for tries := 1; tries < 60; tries++ {
		full := min(firstWait<<min(tries-1, 20), longestWait)
		if w := (Rules{Device: "a/b"}).wait(State{Tries: tries}); w < full/2 || w > full {
			t.Errorf("wait after try %d is %s, want %s to %s", tries, w, full/2, full)
		}
	}
}
