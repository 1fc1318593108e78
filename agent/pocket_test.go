package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/agent/slot/slottest"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// pocketFleet is all that a device in memory can ask for. It is only read once
// its versions are published.
type pocketFleet struct {
	t         *testing.T
	trust     *trusttest.Repository
	objects   map[bundle.Digest][]byte
	versions  []wire.DesiredModel
	envelopes [][]byte // the orders of versions
	log       *slog.Logger
}

// newPocketFleet publishes versions at the time at which synctest begins, and
// orders one after the other.
func newPocketFleet(t *testing.T, versions ...string) *pocketFleet {
	t.Helper()
	f := &fleet{t: t, objects: map[string][]byte{}, trust: trusttest.At(t, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), "*")}
	p := &pocketFleet{t: t, trust: f.trust, objects: map[bundle.Digest][]byte{}, log: slog.New(slog.DiscardHandler)}
	published := map[string]wire.DesiredModel{}
	for i, v := range versions {
		m, again := published[v]
		if !again {
			m = f.publish(newRelease(t, v, false), f.trust.Publishers["ada"])
			published[v] = m
		}
		d := wire.Desired{Site: cam.Site, Device: cam.ID, Generation: int64(i + 1), At: f.trust.Now, Models: []wire.DesiredModel{m}}
		p.versions = append(p.versions, m)
		p.envelopes = append(p.envelopes, signedOrder(t, d, f.trust.Online))
	}
	for _, b := range f.objects {
		p.objects[bundle.DigestOf(b)] = b
	}
	return p
}

// Fetch implements repositoryFiles.
func (p *pocketFleet) Fetch(context.Context) trust.Fetch {
	return func(name string, _ int64) ([]byte, error) {
		b, ok := p.trust.Files[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, trust.ErrNoFile)
		}
		return b, nil
	}
}

// pocketFetcher brings objects onto a disk as package fetch does: a partial
// download in Incoming, written and synced in pieces.
type pocketFetcher struct {
	fleet *pocketFleet
	disk  *slottest.Disk
}

// FetchDelta has none.
func (pocketFetcher) FetchDelta(context.Context, bundle.Digest, bundle.Digest, int64) (fetch.Delta, error) {
	return fetch.Delta{}, fetch.ErrNoDelta
}

// DropDelta has nothing to drop.
func (pocketFetcher) DropDelta(_, _ bundle.Digest) error { return nil }

// Arrived knows of no part that it would go on with.
func (pocketFetcher) Arrived(bundle.Digest) int64 { return 0 }

// Lend implements fetcher; nobody comes with a folder.
func (pocketFetcher) Lend(*fetch.Folder) {}

func (f pocketFetcher) Fetch(_ context.Context, d bundle.Digest, _ int64) (string, error) {
	name := path.Join("incoming", d.Hex()+".part")
	b := f.fleet.objects[d]
	w, err := f.disk.Create(name)
	if err != nil {
		return "", err
	}
	for _, piece := range [][]byte{b[:len(b)/3], b[len(b)/3:]} {
		_, err = w.Write(piece)
		if err == nil {
			err = w.Sync()
		}
		if err != nil {
			return "", errors.Join(err, w.Close())
		}
	}
	return name, w.Close()
}

// pocket is a device whose disk is in memory: all of the agent but its network.
type pocket struct {
	disk    *slottest.Disk
	store   *slot.Store
	updater *updater
	found   string         // what the boot made serve, before any work began
	left    *slottest.Disk // the disk at that moment
	end     context.CancelFunc
	running *errgroup.Group
}

// boot starts a device on a disk, in the order of Open and Run. It must run
// within synctest.
func (p *pocketFleet) boot(disk *slottest.Disk, change ...func(*Config)) (*pocket, error) {
	c := Config{Device: cam, StateDir: "memory", Trust: p.trust.Files["1.root.json"], Shadow: 5 * time.Second, Probation: 10 * time.Second, Engines: []kernels.Engine{reference.Engine{}}, Log: p.log}
	for _, f := range change {
		f(&c)
	}
	store, err := slot.OpenOn(disk, slot.Limits{})
	if err != nil {
		return nil, err
	}
	if err := claim(store, c.StateDir, c.Device, c.Log); err != nil {
		return nil, err
	}
	a := &Agent{config: c, log: c.Log, store: store, models: serve.NewModels(c.Log)}
	if a.authority, err = openAuthority(c, store, p, c.Log); err != nil {
		return nil, err
	}
	out, damaged := openOutbox(store, time.Now().UTC())
	if damaged != nil {
		c.Log.Error("start with an empty outbox", "error", damaged)
	}
	a.updater = newUpdater(a, pocketFetcher{p, disk}, wire.Info{Arch: "any"}, out)
	d := &pocket{disk: disk, store: store, updater: a.updater}
	return d, d.run(context.Background())
}

func (d *pocket) run(ctx context.Context) error {
	onDisk, err := d.updater.announce()
	if err != nil {
		return err
	}
	booted := d.updater.boot(onDisk)
	d.found, d.left = d.serves(), d.disk.Copy()
	d.start(ctx, booted)
	return nil
}

// start carries out orders.
func (d *pocket) start(ctx context.Context, booted []outcome) {
	ctx, d.end = context.WithCancel(ctx)
	d.running, ctx = errgroup.WithContext(ctx)
	d.running.Go(func() error { return d.updater.run(ctx, booted) })
	d.running.Go(func() error { return d.updater.judgeOrders(ctx) })
}

// stop ends the agent in good order.
func (d *pocket) stop() error {
	d.end()
	err := d.running.Wait()
	d.updater.serving.Close()
	return err
}

// serves is the version that answers, or nothing.
func (d *pocket) serves() string {
	if s, ok := d.updater.servingNow("shade"); ok {
		return s.Version
	}
	return ""
}

func (d *pocket) state() wire.ModelState {
	for _, m := range d.updater.snapshot().Models {
		return m
	}
	return wire.ModelState{}
}

// reach tells the device its order and waits until it is in a phase of it.
func (d *pocket) reach(envelope []byte, want wire.DesiredModel, phase wire.Phase) error {
	d.updater.offer(envelope)
	for late := time.After(longestAskWait); ; {
		synctest.Wait()
		if m := d.state(); m.WantedD == want.Digest && m.Phase == phase {
			return nil
		}
		select {
		case <-d.updater.changed:
		case <-late:
			return fmt.Errorf("%s did not reach %s: %+v", want.Version, phase, d.state())
		}
	}
}

// complete lets the device carry out an order, and looks what is on its disk.
func (d *pocket) complete(envelope []byte, want wire.DesiredModel) error {
	if err := d.carryOut(envelope, want); err != nil {
		return err
	}
	return d.mustHave(want)
}

func (d *pocket) mustHave(want wire.DesiredModel) error {
	if err := d.mustServe(want); err != nil {
		return err
	}
	return onDisk(d.disk.Copy().Boot(slottest.Nothing), want.Version)
}

// carryOut lets the device carry out an order, told again as a controller does
// to whoever asks, until it has ended it.
func (d *pocket) carryOut(envelope []byte, want wire.DesiredModel) error {
	for range 60 {
		d.updater.offer(envelope)
		for ask := time.After(longestAskWait); ask != nil; {
			synctest.Wait()
			if m := d.state(); m.WantedD == want.Digest && m.Phase.Ended() {
				return d.mustServe(want)
			}
			select {
			case <-d.updater.changed:
			case <-ask:
				ask = nil
			}
		}
	}
	return fmt.Errorf("the order of %s did not end: %+v, %s", want.Version, d.state(), d.updater.snapshot().Why)
}

func (d *pocket) mustServe(want wire.DesiredModel) error {
	if m := d.state(); m.Phase != wire.PhaseCommitted || m.Running != want.Version || d.serves() != want.Version {
		return fmt.Errorf("%s did not become what serves: %q serves, %+v", want.Version, d.serves(), m)
	}
	return nil
}

// onDisk checks that exactly this version is active, and whole.
func onDisk(disk *slottest.Disk, version string) error {
	s, err := slot.OpenOn(disk, slot.Limits{})
	if err != nil {
		return err
	}
	found := s.Recover("shade", slot.Pointer{}, readInstalled)
	if found.Active.Version != version || found.Why != "" {
		return fmt.Errorf("the disk holds %+v, want %s", found, version)
	}
	return nil
}

// consistent checks what the device has to tell: events without gaps, and each
// report once.
func (d *pocket) consistent() error {
	events := d.updater.outbox.after(0)
	for i, e := range events {
		if i > 0 && e.Seq != events[i-1].Seq+1 {
			return fmt.Errorf("event %d follows %d", e.Seq, events[i-1].Seq)
		}
	}
	return nil
}
