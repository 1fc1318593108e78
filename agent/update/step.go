package update

import (
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Rules are what a device's owner decides about updates.
type Rules struct {
	// Device is the device's full name: it spreads retries over the fleet.
	Device string
	// Probation is how long a new version is watched before it is committed.
	Probation time.Duration
	// Shadow is how long a new version reads beside the one that serves before it
	// may replace it; 0 is not at all.
	Shadow time.Duration
	// Jitter is the longest wait before the first fetch of an order: each device
	// has its own share of it, so that a fleet does not fetch at once.
	Jitter time.Duration
	// Window is when a version that serves may be replaced by a new one.
	Window Window
	// Pin keeps one model as it is.
	Pin Pin
	// Ahead is the model whose update goes before this one's, or nothing. The
	// shell knows, and sets it for each step.
	Ahead string
}

// Step takes one event. It returns the new state, to be persisted before any of
// the actions is done.
func (r Rules) Step(s State, e Event, now time.Time) (State, []Action) {
	t := turn{State: s, rules: r, now: now}
	switch e := e.(type) {
	case Ordered:
		t.ordered(e.Order)
	case Withdrawn:
		t.withdrawn()
	case Nearer:
		t.nearer()
	case Restarted:
		t.restarted(e.Serving, e.Asked)
	default:
		if taskOf(e) == t.Task && (t.Step.approaching() || t.Step.switching() || t.keeps()) {
			t.outcome(e)
		}
	}
	return t.State, t.actions
}

// turn is one step being taken.
type turn struct {
	State
	rules    Rules
	now      time.Time
	actions  []Action
	reported bool // News holds reports of this turn
}

// ordered takes an order unless it is the one that the state knows already.
func (t *turn) ordered(o wire.DesiredModel) {
	if w := t.Newest(); !w.Withdrawn && sameTry(w.Order, o) {
		return
	}
	pinned := t.whyPinned() != ""
	switch {
	case o.Digest == t.Order.Digest && (t.Step == StepActivate || t.Step == StepProbation):
		t.Order, t.Next = o, nil
	case !pinned && t.Step == StepProbation && t.isWayBack(o):
		t.Next = &Want{Order: o}
		t.becomeRollingBack(fmt.Sprintf("the order went back to %s", o.Version))
	case t.Step.switching():
		t.Next = &Want{Order: o}
	default:
		t.begin(o)
	}
}

// sameTry: (rollout, device, attempt) identifies a try of a version.
func sameTry(a, b wire.DesiredModel) bool {
	return a.Digest == b.Digest && a.Rollout == b.Rollout && a.Attempt == b.Attempt
}

// begin starts on an order, or ends at once if its version serves already.
func (t *turn) begin(o wire.DesiredModel) {
	t.Order, t.Next = o, nil
	t.Tests, t.Restarts, t.Healthy, t.Bytes, t.Pinned = 0, 0, 0, 0, false
	if o.Digest == t.Active.Digest {
		t.end(StepCommitted, fmt.Sprintf("%s is wanted and serves.", t.wanted()))
		return
	}
	if why := t.whyPinned(); why != "" {
		t.becomePinned(why)
		return
	}
	t.Step = StepIdle // so that a new order's first step is always news
	t.Begins = t.now.Add(t.rules.share(t.State))
	if t.returning() {
		t.Begins = t.now
	}
	t.becomeOffered(fmt.Sprintf("Fetches %s", t.wanted()))
}

func (t *turn) withdrawn() {
	switch {
	case t.Newest().Withdrawn:
	case t.whyPinned() != "":
		t.keepPinned()
	case t.Step == StepActivate || t.Step == StepRollBack || t.Step == StepRemove:
		t.Next = &Want{Withdrawn: true}
	case t.Active.IsZero():
		t.forget()
	default:
		t.becomeRemoving()
	}
}

// restarted goes on after a crash or a power cut. Everything before the switch
// is checked again from the start: what is on disk already makes that quick.
func (t *turn) restarted(serving Version, asked bool) {
	if t.Step == StepIdle && t.Order.Digest.IsZero() {
		t.Active = serving
		return
	}
	arrived := serving.Digest == t.Order.Digest
	switch {
	case t.Step == StepActivate && arrived:
		t.becomeProbation()
	case t.Step == StepProbation && arrived:
		t.restartedInProbation(asked)
	case t.Step == StepProbation:
		t.Fault = "it was not usable after a restart"
		t.becomeRolledBack(serving)
	case t.Step == StepRollBack && arrived:
		t.becomeRollingBack(t.Fault)
	case t.Step == StepRollBack:
		t.becomeRolledBack(serving)
	case t.Step == StepRemove:
		t.Active = serving
		t.becomeRemoving()
	case t.Step.approaching(), t.Step == StepActivate:
		t.restartedOnTheWay(serving)
	case t.Step == StepCommitted && !arrived, t.Step.Phase().Ended() && t.Step != StepCommitted && arrived:
		// What was committed does not serve any more, or what was refused does
		// after all: a start with another engine or other files.
		t.Active = serving
		t.begin(t.Order)
	case t.keeps():
		t.Active = serving
		t.pinTimer()
	default:
		t.Active = serving
	}
}

// restartedOnTheWay keeps the count of tries, so that a device that restarts
// often does not try for ever.
func (t *turn) restartedOnTheWay(serving Version) {
	t.Active = serving
	if why := t.whyPinned(); why != "" {
		t.becomePinned(why)
		return
	}
	tries := t.Tries
	t.becomeOffered(fmt.Sprintf("Restarted on the way to %s", t.wanted()))
	t.Tries = tries
}

// outcome takes the answer to the task under way.
func (t *turn) outcome(e Event) {
	switch e := e.(type) {
	case Turn:
		t.turnCame()
	case EnvelopeFetched:
		t.becomeVerifying()
	case Verified:
		t.Bytes = e.Bytes
		t.becomeFetchingObjects()
	case ObjectsFetched:
		t.becomeTesting(e.How)
	case TestPassed:
		t.tested(e.Result)
	case Activated:
		t.becomeProbation()
	case Observed:
		if t.Step == StepShadow {
			t.shadowed(e.Health)
			return
		}
		t.observed(e.Health)
	case RolledBack:
		t.becomeRolledBack(t.Previous)
	case Removed:
		t.Active, t.Previous = Version{}, Version{}
		t.forget()
	case Failed:
		t.failed(e.Why, e.After)
	case Refused:
		t.refused(e.Why)
	case Timer:
		t.timer()
	}
}

// become enters a step: it sets every field that belongs to the step, and
// starts the step's timer and work.
func (t *turn) become(s Step, why string) {
	t.enter(s, why)
	t.work()
}

// enter is become without work: something has to be waited for.
func (t *turn) enter(s Step, why string) {
	changed := t.Step.Phase() != s.Phase()
	t.Step, t.Since, t.Why = s, t.now, why
	t.Tries, t.Waiting = 0, false
	if changed {
		t.report()
	}
}

func (t *turn) becomeVerifying() {
	t.become(StepVerify, fmt.Sprintf("Checks who signed %s and whether it fits this device.", t.wanted()))
}

func (t *turn) becomeFetchingObjects() {
	t.become(StepObjects, fmt.Sprintf("Fetches the %.1f MiB of %s; %s.", float64(t.Bytes)/(1<<20), t.wanted(), t.meanwhile()))
}

// becomeTesting counts the test before it begins, so that a model that brings
// the whole device down is not tested for ever.
func (t *turn) becomeTesting(how string) {
	if t.Tests >= maxTests {
		t.end(StepFailed, fmt.Sprintf("Gave up on %s: %d self-tests began and none came to an end; %s.", t.wanted(), t.Tests, t.meanwhile()))
		return
	}
	t.Tests++
	t.become(StepTest, fmt.Sprintf("Fetched %s; tests %s on the engine that will serve it; %s.", how, t.wanted(), t.meanwhile()))
}

// tested has a version shadow what serves, if there is something.
func (t *turn) tested(result string) {
	passed := "passed its self-test: " + result
	if t.rules.Shadow > 0 && !t.Active.IsZero() && !t.returning() {
		t.becomeShadowing(passed)
		return
	}
	t.proven(passed)
}

// proven switches, or waits for the time at which what serves may be replaced.
func (t *turn) proven(how string) {
	if !t.Active.IsZero() && !t.returning() && !t.rules.Window.Open(t.now) {
		t.becomeStaged(how)
		return
	}
	t.becomeActivating(how)
}

func (t *turn) becomeActivating(why string) {
	t.become(StepActivate, fmt.Sprintf("Switches to %s, which %s.", t.wanted(), why))
}

func (t *turn) becomeRemoving() {
	t.Next = nil
	t.become(StepRemove, fmt.Sprintf("Stops serving %s: it is no longer wanted here.", t.Model))
}

// end closes the order. Nothing more happens until another one comes.
func (t *turn) end(s Step, why string) {
	t.Step, t.Since, t.Why = s, t.now, why
	t.Tries, t.Waiting = 0, false
	t.Task++
	t.report()
	t.takeNext()
}

// forget returns to a model that nobody wants.
func (t *turn) forget() {
	next := t.Next
	t.Order, t.Next = wire.DesiredModel{}, nil
	t.end(StepIdle, fmt.Sprintf("%s is not wanted here.", t.Model))
	if next != nil && !next.Withdrawn {
		t.begin(next.Order)
	}
}

// takeNext takes up what was wanted while the switch or probation went on.
func (t *turn) takeNext() {
	if t.Next == nil {
		return
	}
	next := *t.Next
	t.Next = nil
	if next.Withdrawn {
		t.withdrawn()
		return
	}
	t.begin(next.Order)
}

// refused ends the order for good, if it has not begun to serve.
func (t *turn) refused(why string) {
	if t.Step.approaching() {
		t.end(StepRefused, fmt.Sprintf("Refused %s: %s; %s.", t.wanted(), why, t.meanwhile()))
		return
	}
	t.failed(why, 0)
}

// report tells of the step just entered.
func (t *turn) report() {
	if !t.reported {
		t.News, t.reported = nil, true
	}
	t.Reports++
	r := Report{
		Number: t.Reports, At: t.now, Phase: t.Step.Phase(), Model: t.Model,
		Version: t.Order.Version, Digest: t.Order.Digest, Rollout: t.Order.Rollout, Attempt: t.Order.Attempt,
		Text: t.Why,
	}
	t.News = append(t.News, r)
	t.actions = append(t.actions, r)
}

// wanted names the ordered version in a sentence.
func (t *turn) wanted() string { return t.Model + " " + t.Order.Version }

// meanwhile says what serves while the order is on its way, or after it ended.
func (t *turn) meanwhile() string {
	if t.Active.IsZero() {
		return "no version serves"
	}
	return t.Active.Version + " goes on serving"
}

// work starts the step's work as a new task, with the step's timer.
func (t *turn) work() {
	t.Task++
	after := t.rules.timeout(t.Step, t.Bytes)
	switch t.Step {
	case StepEnvelope:
		t.act(FetchEnvelope{t.Task, t.Order}, after)
	case StepVerify:
		t.act(Verify{t.Task, t.Order}, after)
	case StepObjects:
		t.act(FetchObjects{t.Task, t.Order}, after)
	case StepTest:
		t.act(Test{t.Task, t.Order}, after)
	case StepShadow:
		t.act(Shadow{t.Task, Version{t.Order.Version, t.Order.Digest}}, after)
	case StepActivate:
		t.act(Activate{t.Task, Version{t.Order.Version, t.Order.Digest}}, after)
	case StepRollBack:
		t.act(RollBack{t.Task, t.Previous}, after)
	case StepRemove:
		t.act(Remove{t.Task}, after)
	case StepProbation:
		t.actions = append(t.actions, SetTimer{t.Task, after})
	}
}

func (t *turn) act(a Action, timeout time.Duration) {
	t.actions = append(t.actions, a, SetTimer{t.Task, timeout})
}
