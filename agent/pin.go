package agent

import (
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/agent/update"
)

// pinEnded says that there is a pin and its time is over, or nothing.
func (c Config) pinEnded(now time.Time) string {
	if c.Pin.Model == "" || now.Before(c.Pin.Until) {
		return ""
	}
	return fmt.Sprintf("the pin of %s ended at %s and holds nothing: give it another date, or take it out of the config",
		c.Pin.Model, c.Pin.Until.UTC().Format("2006-01-02 15:04Z"))
}

// idlePin says that the pin keeps a model that the device neither has nor is
// ordered to run: somebody may have mistyped its name.
func (u *updater) idlePin(now time.Time) []string {
	pin := u.config.Pin
	if pin.Model == "" || u.config.pinEnded(now) != "" {
		return nil
	}
	m := u.models[pin.Model]
	if m != nil && !m.state.Active.IsZero() || u.wanted(pin.Model) != (update.Withdrawn{}) {
		return nil
	}
	return []string{fmt.Sprintf("the pin of %s holds nothing: this device neither has that model nor is ordered to run it", pin.Model)}
}

// warnOfPin tells the log of a pin that holds nothing.
func (u *updater) warnOfPin(now time.Time) {
	for _, why := range append(u.idlePin(now), u.config.pinEnded(now)) {
		if why != "" {
			u.log.Warn(why)
		}
	}
}
