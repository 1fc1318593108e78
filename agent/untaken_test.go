package agent

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/agent/slot/slottest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestWhatTheDiskDidNotTakeDoesNotOvertake: the disk fails for a second while an
// order comes, and the next order comes right after. The newest is carried out,
// and neither the one that waited nor a removal comes on top of it.
func TestWhatTheDiskDidNotTakeDoesNotOvertake(t *testing.T) {
	for name, withdrawn := range map[string]bool{"an order": false, "a removal": true} {
		t.Run(name, func(t *testing.T) {
			p := newPocketFleet(t, "1.0.0", "2.0.0", "3.0.0")
			if withdrawn {
				d := wire.Desired{Site: cam.Site, Device: cam.ID, Generation: 2, At: p.trust.Now}
				p.envelopes[1] = signedOrder(t, d, p.trust.Online)
			}
			synctest.Test(t, func(t *testing.T) {
				disk := slottest.New()
				d, err := p.boot(disk)
				if err == nil {
					err = d.complete(p.envelopes[0], p.versions[0])
				}
				if err != nil {
					t.Fatal(err)
				}
				var worn atomic.Bool
				disk.Before = func(_ int, _, name string) error {
					if worn.Load() && strings.Contains(name, "update.json") {
						return syscall.EIO
					}
					return nil
				}
				worn.Store(true)
				d.updater.offer(p.envelopes[1])
				time.Sleep(time.Second)
				if why := d.updater.snapshot().Why; !strings.Contains(why, "The disk does not take the update state") {
					t.Errorf("the device says %q", why)
				}
				if g := d.updater.snapshot().Generation; g != 1 {
					t.Errorf("the device says that its models are those of order %d", g)
				}
				worn.Store(false)
				if err := d.complete(p.envelopes[2], p.versions[2]); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Hour)
				if got := d.serves(); got != "3.0.0" {
					t.Errorf("an hour later %q serves", got)
				}
				if g := d.updater.snapshot().Generation; g != 3 {
					t.Errorf("an hour later the device says that its models are those of order %d", g)
				}
				if err := d.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestTheNewestOrderCountsInWhateverTurnItComes: the broker and the controller are
// asked at once, and the slower answer may be the older one.
func TestTheNewestOrderCountsInWhateverTurnItComes(t *testing.T) {
	p := newPocketFleet(t, "1.0.0", "2.0.0")
	synctest.Test(t, func(t *testing.T) {
		d, err := p.boot(slottest.New())
		if err == nil {
			err = d.complete(p.envelopes[0], p.versions[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []int{0, 1, 0} { // the first keeps whoever judges them busy
			d.updater.offer(p.envelopes[v])
		}
		time.Sleep(time.Hour)
		if err := d.mustServe(p.versions[1]); err != nil {
			t.Error(err)
		}
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
}
