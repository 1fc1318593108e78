package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestSimulatedFleets runs whole rollouts over a network that loses, repeats
// and reorders reports, with devices that come and go and a controller that
// dies between storing and acting.
func TestSimulatedFleets(t *testing.T) {
	const seeds = 1000
	ended := map[rollout.Phase]int{}
	for seed := range uint64(seeds) {
		w := newWorld(t, seed)
		w.run()
		w.check()
		ended[w.s.Phase]++
	}
	if ended[rollout.Done] == 0 || ended[rollout.Halted] == 0 {
		t.Errorf("the seeds are too tame: %v", ended)
	}
}

// world is a controller, its network and its devices.
type world struct {
	t       *testing.T
	seed    uint64
	r       *rand.Rand
	now     time.Time
	s       rollout.State // what the controller holds; as good as its disk
	desired map[wire.Device]desired
	boards  []*board
	net     []rollout.Event // on their way to the controller
	bad     bool            // the release fails wherever it runs
}

// desired is what the controller's database holds for a device.
type desired struct {
	release rollout.Release
	attempt int
}

// board is the truth about one device.
type board struct {
	id      wire.Device
	online  bool
	runs    bundle.Digest
	order   desired
	report  wire.ModelState
	refuses bool // the release fails on this one
	mute    bool // never comes to an end
	pinned  bool // keeps what it runs
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	plans := []string{"1,50%,100%", "1,100%", "100%", "10%,20%,100%", "2,3,60%,100%"}
	w := &world{t: t, seed: seed, r: r, now: epoch, desired: map[wire.Device]desired{}, bad: r.IntN(4) == 0}
	w.s = newRollout(t, plans[r.IntN(len(plans))], w.now)
	members := fleet(1 + r.IntN(12))
	for i := range members {
		members[i].Online = r.IntN(4) > 0
		b := &board{id: members[i].Device, online: members[i].Online, runs: old.Digest}
		b.refuses = w.bad || r.IntN(40) == 0
		b.mute = r.IntN(60) == 0
		b.pinned = r.IntN(8) == 0
		w.boards = append(w.boards, b)
		w.desired[b.id] = desired{release: old}
	}
	w.step(rollout.Started{Members: members})
	w.echoes()
	return w
}

// echoes puts reports about an earlier rollout on the network: of its success
// with the old version, and of its failure with this one.
func (w *world) echoes() {
	for _, b := range w.boards {
		m := wire.ModelState{Rollout: "r0", Attempt: 1, Phase: wire.PhaseCommitted, Digest: old.Digest}
		w.send(rollout.DeviceState{Device: b.id, Model: m})
		m.Phase = wire.PhaseRefused
		w.send(rollout.DeviceState{Device: b.id, Model: m})
	}
}

// run lets chance play, then lets the network be kind until nothing moves.
func (w *world) run() {
	for range 200 {
		w.chance()
	}
	for _, b := range w.boards {
		w.connect(b)
	}
	for range 400 {
		for _, b := range w.boards {
			b.mute = b.mute && w.s.Phase == rollout.Running
			w.pull(b)
			w.work(b)
		}
		w.deliverAll()
		w.tick(time.Minute)
		if w.s.Settled() && w.everyonePulled() {
			return
		}
	}
}

func (w *world) everyonePulled() bool {
	for _, b := range w.boards {
		if w.desired[b.id] != b.order || !b.report.Phase.Ended() && b.order.attempt > 0 {
			return false
		}
	}
	return true
}

func (w *world) chance() {
	b := w.boards[w.r.IntN(len(w.boards))]
	switch w.r.IntN(10) {
	case 0:
		b.online = false
		w.send(rollout.DeviceOffline{Device: b.id})
	case 1:
		w.connect(b)
	case 2, 3:
		w.pull(b)
	case 4, 5:
		w.work(b)
	case 6:
		w.tick(time.Duration(w.r.IntN(300)) * time.Second)
	case 7:
		if w.r.IntN(10) == 0 {
			w.crash()
		}
	default:
		w.deliver()
	}
}

// connect is what a device does on every connection: it says that it is there,
// asks for its order and reports.
func (w *world) connect(b *board) {
	b.online = true
	w.send(rollout.DeviceOnline{Device: b.id})
	w.pull(b)
	w.tell(b)
}

// pull takes the newest order, which the network may withhold.
func (w *world) pull(b *board) {
	d := w.desired[b.id]
	if !b.online || d == b.order {
		return
	}
	b.order = d
	b.report = wire.ModelState{Rollout: w.s.ID, Attempt: d.attempt, Phase: wire.PhaseDownloading, Digest: b.runs, Why: "downloads"}
	w.tell(b)
}

// work moves a device one phase on.
func (w *world) work(b *board) {
	if b.order.attempt == 0 || b.report.Phase.Ended() || b.mute {
		return
	}
	switch {
	case b.pinned && b.order.release.Digest != b.runs:
		b.report.Phase, b.report.Pinned = wire.PhaseRefused, true
	case b.order.release == release && b.refuses && b.report.Phase == wire.PhaseDownloading && w.r.IntN(2) == 0:
		b.report.Phase = wire.PhaseRefused
	case b.report.Phase == wire.PhaseDownloading:
		b.runs = b.order.release.Digest
		b.report.Phase = wire.PhaseProbation
	case b.order.release == release && b.refuses:
		b.runs = old.Digest
		b.report.Phase = wire.PhaseRolledBack
	default:
		b.report.Phase = wire.PhaseCommitted
	}
	b.report.Digest = b.runs
	b.report.Why = "is " + string(b.report.Phase)
	w.tell(b)
}

func (w *world) tell(b *board) {
	if b.online && b.report.Phase != "" {
		w.send(rollout.DeviceState{Device: b.id, Model: b.report})
	}
}

// send puts an event on the network once, or twice.
func (w *world) send(e rollout.Event) {
	w.net = append(w.net, e)
	if w.r.IntN(5) == 0 {
		w.net = append(w.net, e)
	}
}

// deliver takes any event off the network, and sometimes loses it.
func (w *world) deliver() {
	if len(w.net) == 0 {
		return
	}
	i := w.r.IntN(len(w.net))
	e := w.net[i]
	w.net = append(w.net[:i], w.net[i+1:]...)
	if w.r.IntN(5) > 0 {
		w.step(e)
	}
}

// deliverAll is the kind network: everything that is left, then a fresh report
// of each device, as retained messages give it.
func (w *world) deliverAll() {
	for _, e := range w.net {
		w.step(e)
	}
	w.net = w.net[:0]
	for _, b := range w.boards {
		if b.online {
			w.step(rollout.DeviceOnline{Device: b.id})
			w.step(rollout.DeviceState{Device: b.id, Model: b.report})
		}
	}
}

func (w *world) tick(d time.Duration) {
	w.now = w.now.Add(d)
	w.step(rollout.Tick{})
}

// crash loses what was on its way. Orders are in the database with the state,
// so those that were not yet published are published by the restart: here that
// is any later pull.
func (w *world) crash() {
	w.net = nil
	w.s = reload(w.t, w.s)
	for _, b := range w.boards {
		w.step(rollout.DeviceOffline{Device: b.id})
		if b.online {
			w.connect(b)
		}
	}
	w.step(rollout.Resumed{})
}

// step is the shell: state and orders become durable together.
func (w *world) step(e rollout.Event) {
	wasRunning := w.s.Phase == rollout.Running
	next, actions := rollout.Step(w.s, e, w.now)
	w.s = next
	w.verdictsAreTrue()
	for _, a := range actions {
		switch a := a.(type) {
		case rollout.Order:
			if !wasRunning {
				w.t.Fatalf("seed %d: %s ordered after the end", w.seed, a.Device)
			}
			w.desired[a.Device] = desired{a.Release, a.Attempt}
		case rollout.Restore:
			w.desired[a.Device] = desired{a.Previous, a.Attempt}
		}
	}
}

// verdictsAreTrue compares what the controller believes with the boards.
func (w *world) verdictsAreTrue() {
	for _, d := range w.s.Devices {
		b := w.board(d.Device)
		switch {
		case d.Progress == rollout.Healthy && b.order.release != release:
			w.fail(fmt.Sprintf("%s is healthy, but never took its order", d.Device))
		case d.Progress == rollout.Restored && b.order.attempt != 2:
			w.fail(fmt.Sprintf("%s is restored, but never took its way back", d.Device))
		case d.Progress == rollout.Excused && !b.pinned:
			w.fail(fmt.Sprintf("%s is excused, and is not pinned", d.Device))
		case strings.HasPrefix(d.Failure, "says") && b.pinned:
			w.fail(fmt.Sprintf("%s is pinned, and its refusal counts", d.Device))
		case strings.HasPrefix(d.Failure, "refused") && !b.refuses:
			w.fail(fmt.Sprintf("%s did not refuse", d.Device))
		}
	}
}

func (w *world) board(d wire.Device) *board {
	for _, b := range w.boards {
		if b.id == d {
			return b
		}
	}
	return nil
}

// check holds the promises of the package doc.
func (w *world) check() {
	w.neverBeyondTheFailingWave()
	switch w.s.Phase {
	case rollout.Done:
		w.everyoneRuns(release)
	case rollout.Halted:
		w.everyoneRuns(old)
		if !w.s.Settled() {
			w.fail("halted but not settled")
		}
	default:
		w.fail("did not end")
	}
}

func (w *world) neverBeyondTheFailingWave() {
	if !w.bad {
		return
	}
	reach := w.s.Waves[0]
	allowed := max(reach.Count, (len(w.boards)*reach.Percent+99)/100)
	ordered := 0
	for _, d := range w.s.Devices {
		if d.Attempt > 0 && !w.board(d.Device).pinned {
			ordered++
		}
	}
	if ordered > allowed {
		w.fail(fmt.Sprintf("a bad version was ordered on %d devices, the first wave is %d", ordered, allowed))
	}
}

// everyoneRuns leaves out who came back after the end and refused: it tells,
// but nobody is left to judge. Who is pinned runs what it ran.
func (w *world) everyoneRuns(r rollout.Release) {
	for _, b := range w.boards {
		refused := b.refuses && w.s.Phase == rollout.Done
		want := r.Digest
		if b.pinned {
			want = old.Digest
		}
		if b.runs != want && !refused {
			w.fail(fmt.Sprintf("%s does not run %s", b.id, r.Version))
		}
	}
}

func (w *world) fail(why string) {
	w.t.Helper()
	w.t.Fatalf("seed %d: %s\n%s: %s\n%v", w.seed, why, w.s.Phase, w.s.Sentence(), w.s.Devices)
}

func fleet(n int) []rollout.Member {
	members := make([]rollout.Member, n)
	for i := range members {
		members[i] = rollout.Member{
			Device: wire.Device{Site: "s", ID: wire.DeviceID(fmt.Sprintf("d%d", i))}, Current: old, Online: true,
		}
	}
	return members
}

func progress(s rollout.State) map[rollout.Progress]int {
	n := map[rollout.Progress]int{}
	for _, d := range s.Devices {
		n[d.Progress]++
	}
	return n
}
