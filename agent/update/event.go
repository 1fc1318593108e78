package update

import (
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Task numbers one piece of work. An event of another task than the state's is
// late or repeated, and changes nothing.
type Task int64

// Event is something that happened to the model on this device.
type Event interface{ event() }

// What the controller wants and what the device went through.
type (
	// Ordered says which version is wanted. Repeating it changes nothing.
	Ordered struct{ Order wire.DesiredModel }
	// Withdrawn says that the device shall no longer run the model.
	Withdrawn struct{}
	// Nearer says that what was ordered can be had at hand now.
	Nearer struct{}
	// Turn says that no other model's update goes first any more.
	Turn struct{ Task Task }
	// Restarted is the first event after a start: Serving is what boot recovery
	// found, verified, loaded and serves. Asked says that the agent before had
	// ended as it was asked to.
	Restarted struct {
		Serving Version
		Asked   bool
	}
)

// Outcomes of the action with the same task.
type (
	// EnvelopeFetched: the envelope is in the slot, with the ordered digest.
	EnvelopeFetched struct{ Task Task }
	// Verified: a trusted key signed it, it is what the order says, it fits the
	// board, and there is room for its Bytes.
	Verified struct {
		Task  Task
		Bytes int64
	}
	// ObjectsFetched: every object is in the slot, each with its digest; How is a
	// sentence on what was fetched for that.
	ObjectsFetched struct {
		Task Task
		How  string
	}
	// TestPassed: the engine that will serve loaded the model and passed the
	// golden self-test; Result is a sentence.
	TestPassed struct {
		Task   Task
		Result string
	}
	// Activated: the version serves, and would after a power cut.
	Activated struct{ Task Task }
	// RolledBack: the version before it serves, and would after a power cut.
	RolledBack struct{ Task Task }
	// Removed: the model is no longer served.
	Removed struct{ Task Task }
	// Observed reports how the version on probation, or the one that shadows, fares.
	Observed struct {
		Task   Task
		Health Health
	}
	// Failed: it did not work now and may work later (network, disk full), not
	// before After if a server asked for that.
	Failed struct {
		Task  Task
		Why   string
		After time.Duration
	}
	// Refused: it would not work later either (signature, fit, self-test).
	Refused struct {
		Task Task
		Why  string
	}
	// Timer: the time that SetTimer asked for has passed.
	Timer struct{ Task Task }
)

func (Ordered) event()         {}
func (Withdrawn) event()       {}
func (Nearer) event()          {}
func (Turn) event()            {}
func (Restarted) event()       {}
func (EnvelopeFetched) event() {}
func (Verified) event()        {}
func (ObjectsFetched) event()  {}
func (TestPassed) event()      {}
func (Activated) event()       {}
func (RolledBack) event()      {}
func (Removed) event()         {}
func (Observed) event()        {}
func (Failed) event()          {}
func (Refused) event()         {}
func (Timer) event()           {}

// taskOf returns the task that an outcome answers.
func taskOf(e Event) Task {
	switch e := e.(type) {
	case Turn:
		return e.Task
	case EnvelopeFetched:
		return e.Task
	case Verified:
		return e.Task
	case ObjectsFetched:
		return e.Task
	case TestPassed:
		return e.Task
	case Activated:
		return e.Task
	case RolledBack:
		return e.Task
	case Removed:
		return e.Task
	case Observed:
		return e.Task
	case Failed:
		return e.Task
	case Refused:
		return e.Task
	case Timer:
		return e.Task
	}
	return 0
}
