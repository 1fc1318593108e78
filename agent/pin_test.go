package agent

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/agent/slot/slottest"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestAPinThatHoldsNothingIsTold: one whose date has passed, and one of a model
// that is neither here nor ordered; in the log of the start, and in the state for
// as long as it is so.
func TestAPinThatHoldsNothingIsTold(t *testing.T) {
	p := newPocketFleet(t, "1.0.0")
	synctest.Test(t, func(t *testing.T) {
		disk := slottest.New()
		const ended, idle = "the pin of shade ended at 2000-01-02 00:00Z and holds nothing", "holds nothing: this device neither has that model"
		for _, c := range []struct {
			why, model string
			warned     string // at the start
			state      string // once 1.0.0 serves
		}{
			{"on a device that has nothing yet", "shade", idle, "Note: shade is pinned until 2000-01-02 00:00Z: a test."},
			{"of the model that serves", "shade", "", "Note: shade is pinned until 2000-01-02 00:00Z: a test."},
			{"with a mistyped name", "shape", "the pin of shape " + idle, "Note: the pin of shape " + idle},
			{"a day later", "shade", ended, "Note: " + ended},
		} {
			if c.why == "a day later" {
				<-time.After(24 * time.Hour)
			}
			log := new(bytes.Buffer)
			pin := update.Pin{Model: c.model, Reason: "a test", Until: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)}
			d, err := p.boot(disk, func(conf *Config) { conf.Pin, conf.Log = pin, slog.New(slog.NewTextHandler(log, nil)) })
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			warned := strings.Count(log.String(), "holds nothing")
			if !strings.Contains(log.String(), c.warned) || (warned > 0) != (c.warned != "") {
				t.Errorf("a pin %s: the start logged %s, want %q", c.why, log, c.warned)
			}
			if err := d.complete(p.envelopes[0], p.versions[0]); err != nil {
				t.Fatal(err)
			}
			if why := d.updater.snapshot().Why; !strings.Contains(why, c.state) {
				t.Errorf("a pin %s: the state says %q, want %q", c.why, why, c.state)
			}
			if err := d.stop(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestAPinnedRefusalIsToldApart, so that a rollout does not take it for a failure.
func TestAPinnedRefusalIsToldApart(t *testing.T) {
	p := newPocketFleet(t, "1.0.0", "2.0.0")
	synctest.Test(t, func(t *testing.T) {
		pin := update.Pin{Model: "shade", Reason: "the test of line 4", Until: time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC)}
		d, err := p.boot(slottest.New(), func(c *Config) { c.Pin = pin })
		if err != nil {
			t.Fatal(err)
		}
		if err := d.complete(p.envelopes[0], p.versions[0]); err != nil {
			t.Fatal(err)
		}
		if m := d.state(); m.Pinned {
			t.Errorf("before it refuses anything, its state is %+v", m)
		}
		if err := d.reach(p.envelopes[1], p.versions[1], wire.PhaseRefused); err != nil {
			t.Fatal(err)
		}
		if m := d.state(); !m.Pinned || !strings.Contains(m.Why, "pinned here until 2000-02-01 00:00Z: the test of line 4") {
			t.Errorf("its state is %+v", m)
		}
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
}
