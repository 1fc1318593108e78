package rollout

import (
	"fmt"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Removes reports whether the plan takes its model off the devices.
func (p Plan) Removes() bool { return p.Release.IsZero() }

// What names for people what the plan spreads.
func (p Plan) What() string {
	if p.Removes() {
		return "the removal of " + p.Model
	}
	return p.Model + " " + p.Release.Version
}

// aim is what its devices are ordered to do.
func (p Plan) aim() string {
	if p.Removes() {
		return "remove " + p.Model
	}
	return "run " + p.What()
}

// reached is what has come about on so many devices.
func (p Plan) reached(n int) string {
	if p.Removes() {
		return fmt.Sprintf("%s is removed from %s", p.Model, devices(n))
	}
	return fmt.Sprintf("%s is healthy on %s", p.What(), devices(n))
}

// observeRemoval waits for a device to be without the model. Of a model that is not
// wanted it names no rollout. One whose owner pinned it says so once it knows that it
// is not wanted.
func (t *turn) observeRemoval(dev *Device, m wire.ModelState) {
	t.seen(dev)
	switch {
	case isGone(m) && dev.Progress != Healthy:
		t.become(dev, Healthy, m.Why)
	case m.WantedD.IsZero() && m.Pinned:
		t.excuse(dev, m.Why)
	default:
		t.note(dev, m.Why)
	}
}

// isGone reports whether a device neither runs nor wants its model, or is silent
// about it.
func isGone(m wire.ModelState) bool { return m.Digest.IsZero() && m.WantedD.IsZero() }
