package update

import "fmt"

// observations is how many good observations commit a version; they are spread
// evenly over the probation.
const observations = 10

// What a version on probation may not do.
const (
	maxRestarts   = 3    // times that the agent may go down
	minErrors     = 3    // failed inferences before their share counts, until the end
	maxErrorShare = 0.05 // of all inferences
	minInferences = 20   // before latency is compared
	// slower: the 95th percentile may grow to this multiple of the old one's,
	// and by slackMS, which forgives a first few cold runs of a fast model.
	slower  = 3
	slackMS = 50
)

// Health is how a version fares since it began to serve.
type Health struct {
	Inferences int64   `json:"inferences"` // ended, well or not
	Errors     int64   `json:"errors"`     // of those, failed in the model or its engine
	Panics     int64   `json:"panics"`
	P95ms      float64 `json:"p95_ms"`
	// Agreed is how many were read as by the version that serves; of a shadow.
	Agreed int64 `json:"agreed,omitempty"`
	// BeforeP95ms is the same of the version before it; 0 if there is none.
	BeforeP95ms float64 `json:"before_p95_ms"`
}

// fault says what is wrong, or nothing.
func (h Health) fault() string {
	switch {
	case h.Panics > 0:
		return fmt.Sprintf("its inference panicked (%d)", h.Panics)
	case h.Errors >= minErrors && float64(h.Errors) > maxErrorShare*float64(h.Inferences):
		return fmt.Sprintf("%d of %d inferences failed", h.Errors, h.Inferences)
	case h.BeforeP95ms > 0 && h.Inferences >= minInferences && h.P95ms > slower*h.BeforeP95ms+slackMS:
		return fmt.Sprintf("95 of 100 inferences take up to %.0f ms, and took %.0f ms before", h.P95ms, h.BeforeP95ms)
	}
	return ""
}

// unproven is asked at the end, when no further inference can turn the balance:
// fewer failures than minErrors are forgiven only beside more successes.
func (h Health) unproven() bool { return h.Errors > 0 && 2*h.Errors >= h.Inferences }

// unasked owns up to a probation that only time and the self-test passed.
func (h Health) unasked() string {
	if h.Inferences > 0 {
		return ""
	}
	return ", without having been asked for a reading"
}

// becomeProbation records the switch and begins to watch.
func (t *turn) becomeProbation() {
	if t.Active.Digest != t.Order.Digest {
		t.Previous = t.Active
	}
	t.Active = Version{t.Order.Version, t.Order.Digest}
	t.Restarts, t.Healthy = 0, 0
	t.become(StepProbation, fmt.Sprintf("%s serves and is watched for %s; %s.", t.wanted(), t.rules.Probation, t.atHand()))
}

func (t *turn) atHand() string {
	if t.Previous.IsZero() {
		return "there is none before it to return to"
	}
	return t.Previous.Version + " stays at hand"
}

// restartedInProbation forgives a restart or two: a power cut is not the
// model's fault. One that was asked for, and restarts at any other time, count
// for nothing.
func (t *turn) restartedInProbation(asked bool) {
	if asked {
		t.Healthy = 0
		t.become(StepProbation, fmt.Sprintf("%s serves and is watched for %s, anew after a restart that was asked for; %s.", t.wanted(), t.rules.Probation, t.atHand()))
		return
	}
	t.Restarts++
	if t.Restarts >= maxRestarts {
		t.becomeRollingBack(fmt.Sprintf("the agent went down %d times while it was on probation", t.Restarts))
		return
	}
	t.Healthy = 0
	t.become(StepProbation, fmt.Sprintf("%s serves and is watched for %s, anew after restart %d; %s.", t.wanted(), t.rules.Probation, t.Restarts, t.atHand()))
}

// observe asks how the version fares; if no answer comes, it asks again.
func (t *turn) observe() {
	t.Task++
	t.act(Observe{t.Task}, t.rules.timeout(StepProbation, 0))
}

func (t *turn) observed(h Health) {
	if why := h.fault(); why != "" {
		t.becomeRollingBack(why)
		return
	}
	t.Healthy++
	switch {
	case t.Healthy < observations:
		t.work()
	case h.unproven():
		t.becomeRollingBack(fmt.Sprintf("%d of %d inferences failed until its probation ended", h.Errors, h.Inferences))
	default:
		t.end(StepCommitted, fmt.Sprintf("%s passed its probation of %s and serves%s.", t.wanted(), t.rules.Probation, h.unasked()))
	}
}

// becomeRollingBack returns to the version before; fault is why.
func (t *turn) becomeRollingBack(fault string) {
	t.Fault = fault
	t.become(StepRollBack, fmt.Sprintf("Rolls %s back to %s: %s.", t.wanted(), t.Previous, fault))
}

func (t *turn) becomeRolledBack(serving Version) {
	t.Active, t.Previous = serving, serving
	t.end(StepRolledBack, fmt.Sprintf("Rolled back %s: %s; %s.", t.wanted(), t.Fault, t.meanwhile()))
}
