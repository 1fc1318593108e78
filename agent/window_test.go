package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/agent/slot/slottest"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestAProvenVersionWaitsForItsWindow, and has switched and proven itself in the
// first minute of it.
func TestAProvenVersionWaitsForItsWindow(t *testing.T) {
	p := newPocketFleet(t, "1.0.0", "2.0.0")
	synctest.Test(t, func(t *testing.T) {
		window := update.Window{From: 22 * 60, To: 4 * 60, Zone: time.FixedZone("plant", 5*60*60)}
		d, err := p.boot(slottest.New(), func(c *Config) { c.Window = window })
		if err != nil {
			t.Fatal(err)
		}
		if err := d.complete(p.envelopes[0], p.versions[0]); err != nil {
			t.Fatal(err)
		}
		if err := d.reach(p.envelopes[1], p.versions[1], wire.PhaseStaged); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if m := d.state(); d.serves() != "1.0.0" || !strings.Contains(m.Why, "Sat 2000-01-01 22:00 plant") {
			t.Errorf("staged, %q serves, %+v", d.serves(), m)
		}
		<-time.After(time.Until(time.Date(2000, 1, 1, 17, 0, 59, 0, time.UTC)))
		synctest.Wait()
		if err := d.mustHave(p.versions[1]); err != nil {
			t.Error(err)
		}
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
}
