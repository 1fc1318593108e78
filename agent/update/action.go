package update

import (
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Action is something that the shell shall do, once the state that asked for it
// is on disk. Each may be done again after a crash.
type Action interface{ action() }

// The actions; each names the events that answer it.
type (
	// FetchEnvelope: EnvelopeFetched, Failed or Refused.
	FetchEnvelope struct {
		Task  Task
		Order wire.DesiredModel
	}
	// Verify: Verified, Failed or Refused.
	Verify struct {
		Task  Task
		Order wire.DesiredModel
	}
	// FetchObjects: ObjectsFetched, Failed or Refused.
	FetchObjects struct {
		Task  Task
		Order wire.DesiredModel
	}
	// Test: TestPassed, Failed or Refused.
	Test struct {
		Task  Task
		Order wire.DesiredModel
	}
	// Shadow sees to it that To reads beside what serves, and says how it fares:
	// Observed, Failed or Refused.
	Shadow struct {
		Task Task
		To   Version
	}
	// Activate makes To serve, on disk first: Activated or Failed.
	Activate struct {
		Task Task
		To   Version
	}
	// RollBack makes To serve again, in memory first, or nothing if To is zero:
	// RolledBack or Failed.
	RollBack struct {
		Task Task
		To   Version
	}
	// Remove stops serving the model: Removed or Failed.
	Remove struct{ Task Task }
	// Observe: Observed.
	Observe struct{ Task Task }
	// SetTimer: Timer, after a span of the monotonic clock, so that a wall
	// clock that jumps neither hurries nor stops the way. It replaces the timer
	// before it.
	SetTimer struct {
		Task  Task
		After time.Duration
	}
	// Report tells the fleet. Number only rises for a model, so that a report
	// seen twice is known as such.
	Report struct {
		Number  int64          `json:"number"`
		At      time.Time      `json:"at"`
		Phase   wire.Phase     `json:"phase"`
		Model   string         `json:"model"`
		Version string         `json:"version,omitempty"`
		Digest  bundle.Digest  `json:"digest,omitzero"`
		Rollout wire.RolloutID `json:"rollout,omitempty"`
		Attempt int            `json:"attempt,omitempty"`
		Text    string         `json:"text"`
	}
)

func (FetchEnvelope) action() {}
func (Verify) action()        {}
func (FetchObjects) action()  {}
func (Test) action()          {}
func (Shadow) action()        {}
func (Activate) action()      {}
func (RollBack) action()      {}
func (Remove) action()        {}
func (Observe) action()       {}
func (SetTimer) action()      {}
func (Report) action()        {}
