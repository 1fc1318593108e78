package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/agent/slot/slottest"
)

// faults are what a disk says that does not take a mutation.
var faults = map[string]func(op string) error{
	"worn":      func(string) error { return syscall.EIO },
	"read-only": func(string) error { return syscall.EROFS },
	"full": func(op string) error {
		if op == "create" || op == "write" || op == "mkdir" {
			return syscall.ENOSPC
		}
		return nil
	},
}

// faultLasts is longer than the tries of any step but the fetches would take.
const faultLasts = 3 * time.Minute

// TestADiskThatFailsAtAnyStepStopsNoModel lets the disk of a device fail from
// each mutation of an update on, those of its start included. The old version
// or the new one serves all the while, the state says why nothing goes on, and
// the update completes once the disk works again.
func TestADiskThatFailsAtAnyStepStopsNoModel(t *testing.T) {
	p, w := newPocketFleet(t, "1.0.0", "2.0.0", "3.0.0"), ways[1]
	var disk *slottest.Disk
	steps := 0
	synctest.Test(t, func(t *testing.T) {
		steps = len(p.record(t, w))
		disk = p.prepare(t, w)
	})
	var failures atomic.Int64
	t.Run("disks", func(t *testing.T) {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for from := 1; from < steps; from += stride {
					synctest.Test(t, func(t *testing.T) {
						if err := p.endure(w, disk.Copy(), from, fault); err != nil {
							failures.Add(1)
							t.Errorf("fails from step %d on: %v", from, err)
						}
					})
				}
			})
		}
	})
	t.Logf("faults: %d, failures: %d", (steps-1)/stride*len(faults), failures.Load())
}

// endure carries an order out on a disk that fails from a step on, and then
// works again.
func (p *pocketFleet) endure(w way, disk *slottest.Disk, from int, fault func(op string) error) error {
	var mended, failed atomic.Bool
	disk.Before = func(step int, op, _ string) error {
		if step < from || mended.Load() {
			return nil
		}
		err := fault(op)
		if err != nil {
			failed.Store(true)
		}
		return err
	}
	d, err := p.boot(disk)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	d.updater.offer(p.envelopes[w.to])
	<-time.After(faultLasts)
	synctest.Wait()
	if v := d.serves(); !slices.Contains(w.leaves, v) {
		err = fmt.Errorf("%q serves", v)
	}
	// Of an order that has ended, what may be left is its event and its
	// leftovers: the next order takes both along.
	if failed.Load() && !d.state().Phase.Ended() {
		err = errors.Join(err, says(d.updater.snapshot().Why, fault("write")))
	}
	mended.Store(true)
	return errors.Join(err, d.complete(p.envelopes[w.to], p.versions[w.to]), d.consistent(), d.stop())
}

// says checks that a sentence names the fault, in one line.
func says(why string, fault error) error {
	if strings.Count(why, fault.Error()) != 1 || strings.Contains(why, "\n") || len(why) > 300 {
		return fmt.Errorf("the state says %q", why)
	}
	return nil
}
