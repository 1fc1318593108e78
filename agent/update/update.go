// Package update decides what a device does about its order for one model. It
// is pure: a state, an event and the time go in, the new state and the actions
// come out; it touches no disk, no network and no clock.
//
// It owns the way of a model from an order to an end (committed, rolled back,
// failed, refused), what is tried again and how often, and how a new version
// proves itself before the old one is let go. It refuses to know how bytes
// travel (package fetch), where they lie (package slot) and who may sign them
// (package trust); those answer by events.
//
// Vocabulary: an order names the wanted version; a step is one stretch of the
// way, with a timeout; a task numbers one piece of work, so that a late or
// repeated answer is known as such; an offered version waits for the device's own
// share of the jitter, a queued one until the update of another model has ended;
// a version shadows while it reads what the one that serves reads, and nobody is
// given its answers; a staged version is proven and waits for the owner's
// maintenance window; a pin keeps a model as it is; probation is the time in which
// a version serves and is watched, while the one before it stays at hand.
//
// The contract with the shell around it: persist the new state, then do the
// actions, then feed each outcome back as an event. Work and timers belong to
// the task that their action names and are ended once State.Task is another.
// Every action may be done twice. After a crash, Restarted on the persisted
// state makes the machine go on.
//
//	rules := update.Rules{Device: "plant-7/cam-3", Probation: 2 * time.Minute}
//	state := update.New("meter-reader")
//	state, actions := rules.Step(state, update.Ordered{Order: order}, now)
//	persist(state)
//	for _, a := range actions {
//		do(a) // and hand its outcome to the next Step
//	}
package update

import (
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// State is where one model stands on one device. It is persisted as JSON; its
// zero value but for Model is a model that nobody has ordered.
type State struct {
	Model string `json:"model"`
	Step  Step   `json:"step"`
	// Order is the order being worked on, or the last one that ended.
	Order wire.DesiredModel `json:"order,omitzero"`
	// Next waits until the switch or the probation under way has ended.
	Next *Want `json:"next,omitempty"`
	// Active serves; Previous is what a rollback returns to.
	Active   Version `json:"active,omitzero"`
	Previous Version `json:"previous,omitzero"`

	Task     Task  `json:"task"`
	Waiting  bool  `json:"waiting,omitempty"`  // between two tries of Step
	Tries    int   `json:"tries,omitempty"`    // failed tries of Step
	Tests    int   `json:"tests,omitempty"`    // self-tests begun for Order
	Restarts int   `json:"restarts,omitempty"` // of the agent in this probation
	Healthy  int   `json:"healthy,omitempty"`  // good observations in this probation, or of this shadow
	Bytes    int64 `json:"bytes,omitempty"`    // size of Order's objects, once verified
	// Pinned is true if Order was refused because of a pin.
	Pinned bool `json:"pinned,omitempty"`
	// GaveUp is the step at which the last order that failed was given up.
	GaveUp Step `json:"gave_up,omitempty"`
	// Begins is when the fetches of Order begin, while that is waited for.
	Begins time.Time `json:"begins,omitzero"`

	Since time.Time `json:"since,omitzero"`  // when Step began
	Why   string    `json:"why,omitempty"`   // one plain sentence
	Fault string    `json:"fault,omitempty"` // why it is being rolled back
	// News are the newest reports, kept with the state so that a crash between
	// persisting and reporting loses none; Reports numbers them.
	News    []Report `json:"news,omitempty"`
	Reports int64    `json:"reports,omitempty"`
}

// New is the state of a model that the device has never heard of.
func New(model string) State { return State{Model: model, Step: StepIdle} }

// Version is one version of a model, by the digest of its signed envelope.
type Version struct {
	Version string        `json:"version"`
	Digest  bundle.Digest `json:"digest"`
}

// IsZero reports whether there is no version.
func (v Version) IsZero() bool { return v.Digest.IsZero() }

func (v Version) String() string {
	if v.IsZero() {
		return "nothing"
	}
	return v.Version
}

// Want is what the controller wants of a model: an order, or its removal.
type Want struct {
	Withdrawn bool              `json:"withdrawn,omitempty"`
	Order     wire.DesiredModel `json:"order,omitzero"`
}

// Step is one stretch of a model's way.
type Step string

// The steps in the order of the way. Those of the last line are ends.
const (
	StepIdle      Step = "idle"
	StepOffered   Step = "offered"  // wait for the device's share of the jitter
	StepQueued    Step = "queued"   // wait for another model's update
	StepEnvelope  Step = "envelope" // fetch the signed envelope
	StepVerify    Step = "verify"   // signature, name, fit
	StepObjects   Step = "objects"  // fetch what the manifest names
	StepTest      Step = "test"     // load and run the golden self-test
	StepShadow    Step = "shadow"   // read beside what serves
	StepStaged    Step = "staged"   // proven, waits for the maintenance window
	StepActivate  Step = "activate" // switch on disk and in memory
	StepProbation Step = "probation"
	StepRollBack  Step = "roll_back" // switch back
	StepRemove    Step = "remove"    // stop serving a withdrawn model

	StepCommitted  Step = "committed"
	StepRolledBack Step = "rolled_back"
	StepFailed     Step = "failed"
	StepRefused    Step = "refused"
)

var phases = map[Step]wire.Phase{
	StepIdle:       wire.PhaseIdle,
	StepOffered:    wire.PhaseOffered,
	StepQueued:     wire.PhaseQueued,
	StepEnvelope:   wire.PhaseDownloading,
	StepVerify:     wire.PhaseVerifying,
	StepObjects:    wire.PhaseDownloading,
	StepTest:       wire.PhaseTesting,
	StepShadow:     wire.PhaseShadowing,
	StepStaged:     wire.PhaseStaged,
	StepActivate:   wire.PhaseActivating,
	StepProbation:  wire.PhaseProbation,
	StepRollBack:   wire.PhaseActivating,
	StepRemove:     wire.PhaseActivating,
	StepCommitted:  wire.PhaseCommitted,
	StepRolledBack: wire.PhaseRolledBack,
	StepFailed:     wire.PhaseFailed,
	StepRefused:    wire.PhaseRefused,
}

// Phase is the step as the fleet sees it.
func (s Step) Phase() wire.Phase { return phases[s] }

// switching reports whether what serves is in motion or not yet proven, so
// that a new order has to wait.
func (s Step) switching() bool {
	return s == StepActivate || s == StepProbation || s == StepRollBack || s == StepRemove
}

// approaching reports whether the step leads to a switch that has not begun.
func (s Step) approaching() bool {
	switch s {
	case StepOffered, StepQueued, StepEnvelope, StepVerify, StepObjects, StepTest, StepShadow, StepStaged:
		return true
	}
	return false
}

// Newest is what the controller wants as far as the state knows.
func (s State) Newest() Want {
	if s.Next != nil {
		return *s.Next
	}
	return Want{Withdrawn: s.Order.Digest.IsZero(), Order: s.Order}
}

// Holds lists the envelopes whose objects must stay on disk.
func (s State) Holds() []bundle.Digest {
	var held []bundle.Digest
	add := func(d bundle.Digest) {
		if !d.IsZero() {
			held = append(held, d)
		}
	}
	add(s.Active.Digest)
	add(s.Previous.Digest)
	if s.Step.approaching() || s.Step.switching() {
		add(s.Order.Digest)
	}
	return held
}

// pinned reports whether a pin is why the newest order is not carried out.
func (s State) pinned() bool { return s.Pinned && s.Step == StepRefused || s.keeps() }

// keeps reports whether the removal of the model waits for the end of its pin.
func (s State) keeps() bool { return s.Step.Phase().Ended() && s.Next != nil && s.Next.Withdrawn }

// Message is the state as the fleet sees it; the caller adds the engine.
func (s State) Message() wire.ModelState {
	m := wire.ModelState{
		Name: s.Model, Running: s.Active.Version, Digest: s.Active.Digest,
		Rollout: s.Order.Rollout, Attempt: s.Order.Attempt,
		Phase: s.Step.Phase(), Pinned: s.pinned(), Since: s.Since, Why: s.Why,
	}
	if w := s.Newest(); !w.Withdrawn {
		m.Wanted, m.WantedD = w.Order.Version, w.Order.Digest
	}
	return m
}
