package agent

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/squadron-edge/squadron/agent/slot/slottest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var cutSeeds = flag.Int("cut-seeds", 2, "how often chance decides what each cut leaves; 50 takes minutes")

// way is a device's way from one state of its disk to another, of which every
// cut is tried.
type way struct {
	name   string
	before []int // indices of the orders that are committed first
	by     []int // of those taken back in their probation
	to     int
	leaves []string // what may be active after a cut; "" is nothing
}

var ways = []way{
	{"a first version", nil, nil, 0, []string{"", "1.0.0"}},
	{"a third version", []int{0, 1}, nil, 2, []string{"2.0.0", "3.0.0"}},
	{"there and back", []int{0, 1}, []int{2}, 3, []string{"2.0.0", "3.0.0"}},
}

// TestEveryCutOfAnUpdateLeavesOneVerifiedVersion cuts a device's power after
// each write, fsync, rename, unlink and mkdir of an order's whole way, with the
// agent's own updater and all that it keeps: trust, identity, order, states,
// events, downloads, objects, pointers, and the collection of what is left
// over. What was not durable stays as it is (the agent was killed), survives, is
// lost, or each by chance. From each of
// those disks the next boot serves exactly one version, whole, and completes
// the order; most of those boots are cut again on their way.
func TestEveryCutOfAnUpdateLeavesOneVerifiedVersion(t *testing.T) {
	p := newPocketFleet(t, "1.0.0", "2.0.0", "3.0.0", "2.0.0")
	tally := &cuts{seen: map[sighting]bool{}, found: map[string]int{}}
	t.Run("ways", func(t *testing.T) {
		for _, w := range ways {
			var disks []*slottest.Disk
			synctest.Test(t, func(t *testing.T) { disks = p.record(t, w) })
			for _, part := range []int{0, 1} {
				t.Run(w.name, func(t *testing.T) {
					t.Parallel()
					for i, disk := range disks {
						if i%2 == part && i/2%stride == 0 {
							tally.cut(t, p, w, i+1, disk)
						}
					}
				})
			}
		}
	})
	for _, w := range ways {
		for _, v := range w.leaves {
			if tally.found[w.name+": "+v] == 0 && stride == 1 {
				t.Errorf("%s: no cut left %q active", w.name, v)
			}
		}
	}
	t.Logf("cut points: %d, failures: %d", tally.points.Load(), tally.failures.Load())
	t.Logf("of those, %d in a recovery; they left %d different disks; next boots serve %v", tally.second.Load(), len(tally.seen), tally.found)
}

// record goes the way in peace and returns the disk as it was before each
// mutation, and at the end.
func (p *pocketFleet) record(t *testing.T, w way) (disks []*slottest.Disk) {
	disk := p.prepare(t, w)
	disk.Before = func(int, string, string) error {
		disks = append(disks, disk.Copy())
		return nil
	}
	d, err := p.boot(disk)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range w.by {
		if err := d.reach(p.envelopes[v], p.versions[v], wire.PhaseProbation); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(d.complete(p.envelopes[w.to], p.versions[w.to]), d.stop()); err != nil {
		t.Fatal(err)
	}
	return append(disks, disk.Copy())
}

// prepare is the disk of a device that has come to where the way begins.
func (p *pocketFleet) prepare(t *testing.T, w way) *slottest.Disk {
	disk := slottest.New()
	d, err := p.boot(disk)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range w.before {
		if err := d.complete(p.envelopes[v], p.versions[v]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	return disk.Copy().Boot(slottest.Everything)
}

// cuts counts them.
type cuts struct {
	points, second, failures atomic.Int64

	mu    sync.Mutex
	seen  map[sighting]bool
	found map[string]int
}

// sighting is a disk on one way: two ways may pass the same disk, and the boot
// on it is given another order.
type sighting struct {
	way  string
	disk [sha256.Size]byte
}

// cut tries what may be left of the disk at one moment.
func (c *cuts) cut(t *testing.T, p *pocketFleet, w way, at int, disk *slottest.Disk) {
	for i := range 3 + *cutSeeds {
		seed := uint64(at*1000 + i)
		left := disk.Copy() // the agent alone was killed
		if i > 0 {
			losses := []slottest.Loss{slottest.Everything, slottest.Nothing, slottest.ByChance(seed)}
			left = left.Boot(losses[min(i, 3)-1])
		}
		again := c.bootAndComplete(t, p, w, left, seed, fmt.Sprintf("%s, cut %d, loss %d", w.name, at, i))
		if again != nil {
			c.second.Add(1)
			c.bootAndComplete(t, p, w, again.Boot(slottest.ByChance(seed+500)), 0, fmt.Sprintf("%s, cut %d, loss %d, cut again", w.name, at, i))
		}
	}
}

// bootAndComplete returns the disk as it was at a moment that the seed chooses,
// if there was one. A disk that this way has left before has shown what it does.
func (c *cuts) bootAndComplete(t *testing.T, p *pocketFleet, w way, disk *slottest.Disk, seed uint64, at string) (again *slottest.Disk) {
	c.points.Add(1)
	if !c.first(w, disk) {
		return nil
	}
	if seed != 0 {
		r := rand.New(rand.NewPCG(seed, 1))
		when := 1 + r.IntN([]int{40, 300}[r.IntN(2)])
		disk.Before = func(step int, _, _ string) error {
			if step == when {
				again = disk.Copy()
			}
			return nil
		}
	}
	synctest.Test(t, func(t *testing.T) {
		served, err := p.recover(w, disk)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.found[w.name+": "+served]++
		if err != nil {
			c.failures.Add(1)
			t.Errorf("%s: %v", at, err)
		}
	})
	return again
}

func (c *cuts) first(w way, disk *slottest.Disk) bool {
	at := sighting{w.name, disk.Sum()}
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen[at]
	c.seen[at] = true
	return !seen
}

// recover boots on what a cut left and carries out the order.
func (p *pocketFleet) recover(w way, disk *slottest.Disk) (served string, err error) {
	d, err := p.boot(disk)
	if err != nil {
		return "", fmt.Errorf("boot: %w", err)
	}
	// A rollback under way goes on at once, in memory first: what the boot found
	// is what served before that.
	served = d.found
	if !slices.Contains(w.leaves, served) {
		err = fmt.Errorf("%q serves after the boot", served)
	} else if served != "" {
		err = errors.Join(onDisk(d.left.Boot(slottest.Nothing), served), d.canReturn(w, served))
	}
	if err == nil {
		err = d.complete(p.envelopes[w.to], p.versions[w.to])
	}
	return served, errors.Join(err, d.consistent(), d.stop())
}

// canReturn checks that the version before a new one is at hand, whole.
func (d *pocket) canReturn(w way, served string) error {
	if served != w.leaves[1] || len(w.before) == 0 {
		return nil
	}
	before, err := d.store.Previous("shade")
	if err == nil && before.Version != w.leaves[0] {
		err = fmt.Errorf("%s serves, and a rollback returns to %q", served, before.Version)
	}
	if err != nil {
		return err
	}
	_, err = d.store.Check(before.Envelope, readInstalled)
	return err
}
