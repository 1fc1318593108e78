package update

import (
	"fmt"
	"time"
)

// AtWork reports whether the model's update uses the device's link and memory
// now, so that another model's waits. Neither a pause between two tries nor a
// probation keeps others waiting: both may take days.
func (s State) AtWork() bool {
	switch s.Step {
	case StepEnvelope, StepVerify, StepObjects, StepTest, StepShadow, StepActivate, StepRollBack, StepRemove:
		return !s.Waiting
	}
	return false
}

// Ahead is the model whose update goes before that of the named one, or nothing.
func Ahead(model string, all []State) string {
	for _, s := range all {
		if s.Model != model && s.AtWork() {
			return s.Model
		}
	}
	return ""
}

// NextTurn is the model that waited longest for its turn, if that has come.
func NextTurn(all []State) (next State, ok bool) {
	for _, s := range all {
		if s.AtWork() {
			return State{}, false
		}
		if s.Step == StepQueued && !s.Waiting && (!ok || s.Since.Before(next.Since)) {
			next, ok = s, true
		}
	}
	return next, ok
}

// becomeQueued fetches, unless another model's update goes first. A board that
// is given three models has one of them whole the sooner, never holds two
// sessions more than serve, and can tell which model brought it down. A way back
// is a way out of trouble, and waits for nobody.
func (t *turn) becomeQueued(why string) {
	if t.rules.Ahead == "" || t.returning() {
		t.becomeFetching(why)
		return
	}
	t.enter(StepQueued, fmt.Sprintf("%s, once the update of %s has ended; %s.", why, t.rules.Ahead, t.meanwhile()))
	t.Task++
	t.awaitTurn()
}

// turnCame is told by the shell, or asked at times if the shell forgot.
func (t *turn) turnCame() {
	switch {
	case t.Step != StepQueued:
	case t.rules.Ahead == "":
		t.becomeFetching(fmt.Sprintf("Fetches %s", t.wanted()))
	default:
		t.awaitTurn()
	}
}

func (t *turn) awaitTurn() { t.actions = append(t.actions, SetTimer{t.Task, lookAgain}) }

func (t *turn) becomeFetching(why string) {
	t.Begins = time.Time{}
	t.become(StepEnvelope, fmt.Sprintf("%s; %s.", why, t.meanwhile()))
}
