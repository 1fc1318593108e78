// Package rollout decides how a new version of a model spreads over a fleet:
// in waves that advance on observed health and stop at the first failure. It
// is pure: values in, values out, no clock, no disk, no network.
//
// It owns the order of the devices, the waves, the verdict on each device and
// the decision to go on, to halt or to finish. It refuses to know how an order
// reaches a device or how it is stored: the shell makes the new State durable
// together with the orders among its actions, then carries the actions out.
//
// # Vocabulary
//
// A release is one version of a model, by the digest of its signed envelope; the
// zero release is none, and its rollout a removal, of which a device is healthy that
// neither runs nor wants the model. A
// wave is a cumulative target: "1" device, then "50%" of them, then "100%". A
// percentage is of the devices known when the wave opens, so that joiners
// count, and is rounded up: 50% of 3 devices are 2. A wave that adds no device
// is passed over. Within a wave the devices follow a hash of rollout and
// device, those online first: no rollout favours the same boards, and none
// begins with a board that is switched off.
//
// # Health
//
// A device is healthy when it reports the release as running and committed, in
// answer to this rollout's attempt; "installed" proves nothing. One that
// reports refused, failed or rolled back has failed, and so has one that is
// online but has not come to an end within the deadline. One that is offline
// at the deadline is absent: its order waits for it, and so does its deadline.
// One that refuses because its owner pinned the model is excused: it takes no part,
// and its wave takes another in its place. It proves nothing, as one that is absent.
// Time in which no device could be heard, because the controller was down, does
// not count: every deadline begins anew when it is over.
// A wave is done when no ordered device is still on its way and at least one
// device of the wave is healthy. Only a last wave none of whose devices was
// ever online since its order, or all are excused, may end without: nothing is left
// to gate. A rollout of which all devices are excused halts: it has learnt nothing.
//
// # Halt
//
// The first failure halts the rollout: no further device is ordered, and every
// device that has been ordered, healthy or not, is ordered back to what it ran
// before. A version that failed on one board is suspect on all; a fleet on one
// version is easier to reason about than one that stopped half-way; and the
// old version is the one thing known to work.
//
// # Newer orders
//
// A controller whose database was put back meets devices whose orders are newer
// than it knows. One that wants what this rollout neither ordered nor found there is
// set aside: it counts in no wave, and is neither ordered nor ordered back.
//
//	s, err := rollout.New(plan, now)
//	s, actions := rollout.Step(s, rollout.Started{Members: members}, now)
//	// store s and the orders in one transaction, then carry out the actions
//	s, actions = rollout.Step(s, rollout.DeviceState{Device: d, Model: reported}, now)
package rollout

import (
	"errors"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// DefaultDeadline is how long an ordered device has to come to an end.
const DefaultDeadline = 30 * time.Minute

// Release is one version of a model. The zero Release is "no model at all".
type Release struct {
	Version       string        `json:"version"`
	Digest        bundle.Digest `json:"digest"`
	EnvelopeBytes int64         `json:"envelope_bytes"`
}

// IsZero reports whether r stands for no model.
func (r Release) IsZero() bool { return r.Digest.IsZero() }

// Plan is what an operator asks for.
type Plan struct {
	ID      wire.RolloutID `json:"id"`
	Model   string         `json:"model"`
	Release Release        `json:"release"` // zero removes the model
	Waves   []Wave         `json:"waves"`
	// Sites limits the rollout to some sites; empty means all.
	Sites []wire.SiteID `json:"sites,omitempty"`
	// DeadlineSeconds is the time each ordered device has to come to an end.
	DeadlineSeconds int `json:"deadline_seconds"`
}

// Validate says what is wrong with the plan.
func (p Plan) Validate() error {
	switch {
	case wire.ValidateID(string(p.ID)) != nil:
		return wire.ValidateID(string(p.ID))
	case p.Model == "":
		return errors.New("a rollout needs a model")
	case p.DeadlineSeconds <= 0:
		return fmt.Errorf("deadline of %d seconds: want more than 0", p.DeadlineSeconds)
	}
	return validateWaves(p.Waves)
}

// Includes reports whether the plan covers a site.
func (p Plan) Includes(site wire.SiteID) bool {
	for _, s := range p.Sites {
		if s == site {
			return true
		}
	}
	return len(p.Sites) == 0
}

// deadline is the time each ordered device has.
func (p Plan) deadline() time.Duration { return time.Duration(p.DeadlineSeconds) * time.Second }

// Phase is where a rollout stands.
type Phase string

// A rollout is running until one of the three ends.
const (
	Running Phase = "running"
	Done    Phase = "done"    // the release is the fleet's baseline
	Halted  Phase = "halted"  // a device failed; all are ordered back
	Aborted Phase = "aborted" // an operator stopped it; all are ordered back
)

// Progress is where one device stands in a rollout.
type Progress string

// A device waits, is ordered, and becomes healthy, absent or excused; after a halt,
// what was ordered becomes restoring, then restored.
const (
	Waiting   Progress = "waiting"
	Ordered   Progress = "ordered"
	Healthy   Progress = "healthy"
	Absent    Progress = "absent"
	Excused   Progress = "excused" // pinned
	Restoring Progress = "restoring"
	Restored  Progress = "restored"
	// Aside is whose order is newer than the rollout knows, or held back.
	Aside Progress = "aside"
)

// State is all that a rollout has to remember; it survives as JSON.
type State struct {
	Plan
	// Revision rises by one with every change: a Step that changed nothing
	// returns the same, and need not be stored.
	Revision int64     `json:"revision"`
	Phase    Phase     `json:"phase"`
	Wave     int       `json:"wave"` // open wave, from 1
	Devices  []Device  `json:"devices"`
	Started  time.Time `json:"started"`
	Updated  time.Time `json:"updated"`
	// Why is one plain sentence: what it does, or why it ended.
	Why string `json:"why"`
}

// Device is one device's part in a rollout.
type Device struct {
	wire.Device
	// Previous is what it goes back to if the rollout halts.
	Previous Release   `json:"previous"`
	Progress Progress  `json:"progress"`
	Wave     int       `json:"wave,omitempty"`    // in which it was ordered, from 1
	Attempt  int       `json:"attempt,omitempty"` // 1: the release, 2: back again
	Since    time.Time `json:"since"`             // of Progress
	Online   bool      `json:"online"`
	// Seen is true once it was online after its order.
	Seen bool `json:"seen,omitempty"`
	// Held is the phase in which it waits for a time that its owner chose, or for
	// its turn: that may be past any deadline.
	Held wire.Phase `json:"held,omitempty"`
	// Late is true if it joined while the rollout ran: it waits for the last wave.
	Late bool `json:"late,omitempty"`
	// Failure is why it failed; it stays while the device goes back.
	Failure string `json:"failure,omitempty"`
	Why     string `json:"why,omitempty"` // what it last said
}

// New is a rollout that has not met its devices: feed it Started next.
func New(p Plan, now time.Time) (State, error) {
	if err := p.Validate(); err != nil {
		return State{}, fmt.Errorf("rollout of %s: %w", p.What(), err)
	}
	return State{Plan: p, Phase: Running, Started: now, Updated: now, Why: "waits for its devices"}, nil
}

// Settled reports whether no event can change the rollout any more.
func (s State) Settled() bool {
	return s.Phase != Running && s.count(Restoring) == 0
}

// count is the number of devices with a progress.
func (s State) count(p Progress) int {
	n := 0
	for _, d := range s.Devices {
		if d.Progress == p {
			n++
		}
	}
	return n
}

// Has reports whether a device has a part in the rollout.
func (s State) Has(d wire.Device) bool { return s.index(d) >= 0 }

// index finds a device; -1 if it has no part in the rollout.
func (s State) index(d wire.Device) int {
	for i := range s.Devices {
		if s.Devices[i].Device == d {
			return i
		}
	}
	return -1
}
