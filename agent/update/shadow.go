package update

import "fmt"

// becomeShadowing has a version that passed its self-test read what the one that
// serves reads. What it would do wrong to real pictures shows before anybody is
// given its answers.
func (t *turn) becomeShadowing(how string) {
	t.Healthy = 0
	t.become(StepShadow, fmt.Sprintf("%s %s; reads beside %s for %s; %s.", t.wanted(), how, t.Active, t.rules.Shadow, t.meanwhile()))
}

// shadowed judges what shadowed as it would be judged on probation. The first
// observation is of nothing: it says that the shadow has begun.
func (t *turn) shadowed(h Health) {
	if why := h.fault(); why != "" {
		t.refused(fmt.Sprintf("beside %s, %s", t.Active, why))
		return
	}
	t.Healthy++
	switch {
	case t.Healthy <= observations: // the timer asks again
	case h.unproven():
		t.refused(fmt.Sprintf("beside %s, %d of its %d inferences failed", t.Active, h.Errors, h.Inferences))
	default:
		t.proven("passed its self-test and " + h.beside(t.Active))
	}
}

// beside is what a shadow was good for.
func (h Health) beside(active Version) string {
	if h.Inferences == 0 {
		return fmt.Sprintf("was not asked for a reading beside %s", active)
	}
	return fmt.Sprintf("read %d pictures beside %s, %d of them alike, 95 of 100 within %.0f ms",
		h.Inferences, active, h.Agreed, h.P95ms)
}
