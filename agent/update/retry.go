package update

import (
	"fmt"
	"hash/fnv"
	"time"
)

// How often a step is tried before the order fails. The fetches go on for about
// nine hours: a night without a network is ordinary.
const (
	maxFetchTries = 40
	maxTries      = 5 // of verifying, testing and activating
	maxTests      = 5 // self-tests begun for one order, over restarts
)

// The wait between two tries doubles from firstWait to longestWait.
const (
	firstWait   = 2 * time.Second
	longestWait = 15 * time.Minute
)

// letPass is how long a try that is due lets another model's update pass.
const letPass = 15 * time.Second

// slowestRate is the download that is still waited for, in bytes a second.
const slowestRate = 16 << 10

// failed waits and tries again, or gives up. A server that asks for a longer
// wait than is due gets it, up to the longest.
func (t *turn) failed(why string, after time.Duration) {
	if t.Step == StepProbation {
		return // an observation that failed is made again by the timer
	}
	t.Tries++
	if limit := t.Step.maxTries(); limit > 0 && t.Tries >= limit {
		t.giveUp(why)
		return
	}
	wait := max(t.rules.wait(t.State), min(after, longestWait))
	t.Waiting = true
	t.Why = fmt.Sprintf("Try %d of %s %s failed: %s; tries again in %s, and %s.",
		t.Tries, t.Step.doing(), t.wanted(), why, wait.Round(time.Second/10), t.meanwhile())
	t.Task++
	t.actions = append(t.actions, SetTimer{t.Task, wait})
}

// nearer has a fetch, or the wait for its next try, begin anew, also one that was
// given up: somebody came with what the network did not bring.
func (t *turn) nearer() {
	switch t.Step {
	case StepEnvelope, StepObjects:
		t.Waiting = false
		t.Why = fmt.Sprintf("Fetches %s; %s.", t.wanted(), t.meanwhile())
		t.work()
	case StepFailed:
		if fetched := t.GaveUp == StepEnvelope || t.GaveUp == StepObjects; fetched && !t.keeps() {
			tests := t.Tests
			t.begin(t.Order)
			t.Tests = tests
		}
	}
}

// giveUp ends the order after its last try. A switch that did not come to an
// end is undone first: the pointer on disk may be the new one.
func (t *turn) giveUp(why string) {
	if t.Step == StepActivate {
		t.Previous = t.Active
		t.becomeRollingBack(why)
		return
	}
	t.GaveUp = t.Step
	t.end(StepFailed, fmt.Sprintf("Gave up %s %s after %d tries: %s; %s.", t.Step.doing(), t.wanted(), t.Tries, why, t.meanwhile()))
}

// maxTries is 0 for what must never be given up.
func (s Step) maxTries() int {
	switch s {
	case StepEnvelope, StepObjects:
		return maxFetchTries
	case StepRollBack, StepRemove:
		return 0
	}
	return maxTries
}

// doing is the step's work in a sentence.
func (s Step) doing() string {
	switch s {
	case StepEnvelope, StepObjects:
		return "fetching"
	case StepVerify:
		return "verifying"
	case StepTest:
		return "testing"
	case StepShadow:
		return "shadowing with"
	case StepRollBack:
		return "rolling back"
	case StepRemove:
		return "removing"
	}
	return "switching to"
}

// timer ends a wait, makes the next observation, or ends work that takes too
// long.
func (t *turn) timer() {
	switch {
	case t.keeps():
		t.pinTimer()
	case t.Step == StepStaged:
		t.windowTimer()
	case t.Step == StepOffered:
		t.becomeQueued(fmt.Sprintf("Fetches %s", t.wanted()))
	case t.Step == StepQueued:
		t.turnCame()
	case t.Waiting && t.Step.approaching() && t.rules.Ahead != "" && !t.returning():
		t.actions = append(t.actions, SetTimer{t.Task, letPass})
	case t.Waiting:
		t.Waiting = false
		t.work()
	case t.Step == StepProbation:
		t.observe()
	case t.Step == StepShadow:
		t.work()
	default:
		t.failed(fmt.Sprintf("it took longer than %s", t.rules.timeout(t.Step, t.Bytes)), 0)
	}
}

// timeout is how long a step's work may take.
func (r Rules) timeout(s Step, bytes int64) time.Duration {
	switch s {
	case StepEnvelope:
		return 2 * time.Minute
	case StepObjects:
		return 10*time.Minute + time.Duration(bytes/slowestRate)*time.Second
	case StepTest:
		return 10 * time.Minute
	case StepShadow:
		return r.Shadow / observations
	case StepProbation:
		return r.Probation / observations
	}
	return time.Minute
}

// wait is the time before the next try: doubled with each, capped, and between
// half and all of that by a hash of who tries what, so that a fleet that lost
// its network together does not come back together.
func (r Rules) wait(s State) time.Duration {
	full := longestWait
	if n := s.Tries - 1; n < 9 {
		full = min(firstWait<<n, longestWait)
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %s %s %d", r.Device, s.Model, s.Order.Digest, s.Tries)
	return full/2 + full/2*time.Duration(h.Sum32()%1024)/1024
}
