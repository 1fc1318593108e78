package rollout

import "github.com/squadron-edge/squadron/deploy/wire"

const overtaken = "holds an order that is newer than this rollout, and is left as it is"

// ahead sets a device aside that no order may be given to, or that wants what this
// rollout did not order and did not find there. Its word opens no wave: it is
// counted for less, never for more.
func (t *turn) ahead(e DeviceAhead) {
	i := t.index(e.Device)
	if i < 0 || t.Settled() {
		return
	}
	dev := &t.Devices[i]
	why := e.Withheld
	if why == "" && !t.explains(dev, e.Model) {
		why = overtaken
	}
	if why == "" || dev.Progress == Aside || dev.Progress == Restored {
		return
	}
	dev.Wave, dev.Attempt, dev.Seen = 0, 0, false
	t.become(dev, Aside, clip(why))
	t.announce(dev.String() + " is set aside: it " + dev.Why)
}

// explains reports whether what a device wants is this rollout's doing, or what
// it is known to have wanted before.
func (t *turn) explains(dev *Device, m wire.ModelState) bool {
	if t.Removes() && dev.Progress != Restoring && isGone(m) {
		return true
	}
	ours := func(attempt int, r Release) bool {
		return m.Rollout == t.ID && m.Attempt == attempt && m.WantedD == r.Digest
	}
	switch dev.Progress {
	case Waiting:
		return m.WantedD == dev.Previous.Digest || ours(attemptRelease, t.Release)
	case Restoring:
		return ours(attemptRestore, dev.Previous) || dev.Previous.IsZero() && m.WantedD.IsZero()
	}
	return ours(dev.Attempt, t.Release)
}

// ordered reports whether the rollout has ordered the device, and may again.
func (d Device) ordered() bool { return d.Progress != Waiting && d.Progress != Aside }
