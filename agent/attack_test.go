package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// What an attacker does to a whole device, whose trust alone is tested in
// package trust. In each case 1.0.0 goes on serving and the fleet hears why.

// refusedOrder waits until the device says that it did not take an order.
func (f *fleet) refusedOrder(attack, want string) {
	f.t.Helper()
	f.await(attack, func() bool {
		return strings.Contains(f.state.Why, "was not taken") && strings.Contains(f.state.Why, want)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state.Generation != 1 || f.state.Models[0].Wanted != "1.0.0" {
		f.t.Errorf("%s: the device says %+v", attack, f.state)
	}
}

func TestForgedAndReplayedOrders(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	next := f.publish(newRelease(t, "2.0.0", false), f.key)
	order := wire.Desired{Site: cam.Site, Device: cam.ID, Generation: 7, At: time.Now().UTC(), Models: []wire.DesiredModel{next}}
	other := order
	other.Device = "cam-4"
	f.tell(signedOrder(t, order, trusttest.Key(99)))
	f.refusedOrder("an order forged by who owns the broker", "no key")
	f.tell([]byte(`{"v":1,"site":"plant-7","device":"cam-3","generation":7,"models":[]}`))
	f.refusedOrder("an order without a signature", "damaged")
	f.tell(signedOrder(t, other, f.trust.Online))
	f.refusedOrder("an order for another device", "plant-7/cam-4")
	f.tell(signedOrder(t, order, f.key))
	f.refusedOrder("an order signed by a publisher", "no key")
	r.mustServe("1.0.0")

	// A replay of an order that it has carried out changes nothing, however
	// validly signed.
	first := f.desiredEnvelope
	f.order(next)
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	f.tell(first)
	f.command(wire.Command{ID: "1", Kind: wire.CommandReport})
	f.await("the reply", func() bool { return f.replies["1"].OK })
	r.mustServe("2.0.0")
}

// refuses publishes 2.0.0 in some bad way, orders it, and waits for the refusal.
func refuses(t *testing.T, f *fleet, r *running, want string) {
	t.Helper()
	m := f.awaitPhase("2.0.0", wire.PhaseRefused)
	if !strings.Contains(m.Why, want) {
		t.Errorf("the device says %q, want %q", m.Why, want)
	}
	r.mustServe("1.0.0")
}

// The controller's key can order what a publisher vouches for, and no more.
func TestStolenOnlineKeyOrdersWhatNobodyVouchesFor(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	evil := f.publish(newRelease(t, "2.0.0", true), trusttest.Key(99))
	f.mu.Lock()
	f.trust.Roles["ada"].Remove("shade/2.0.0")
	f.trust.Publish("ada", "shade/1.0.1", "another", "")
	f.mu.Unlock()
	f.order(evil)
	refuses(t, f, r, "no publisher that the repository trusts vouches for it")
}

func TestAnOrderOfAnotherDigestThanIsVouchedFor(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	evil := f.publish(newRelease(t, "2.0.0", true), trusttest.Key(99))
	f.publish(newRelease(t, "2.0.0", false), f.key)
	f.order(evil)
	refuses(t, f, r, "vouches for another shade/2.0.0")
}

func TestAnOrderBelowTheMinimumVersion(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	low := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.mu.Lock()
	f.trust.Publish("ada", "shade/3.0.0", "three", "2.1.0")
	f.mu.Unlock()
	f.order(low)
	refuses(t, f, r, "allows no version below 2.1.0")
}

// After the owner takes a publisher away, nothing of that publisher's is
// installed any more, and what serves goes on serving, over a restart too.
func TestStolenPublisherKeyThenRevokedOnADevice(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	r := committed(t, f, f.config(dir))
	evil := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.mu.Lock()
	f.trust.Targets.Next(f.trust.Now.Add(trusttest.Year))
	f.trust.Must(f.trust.Targets.Undelegate("ada"))
	f.trust.SignTargets()
	f.trust.Release()
	f.mu.Unlock()
	f.order(evil)
	refuses(t, f, r, "no publisher")
	r.end()
	start(t, f.config(dir)).awaitServing("1.0.0")
}

// A new online key takes over by itself: the device finds it behind a root that
// follows on its own.
func TestTheOnlineKeyRotates(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	next := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.mu.Lock()
	fresh := trusttest.Key(98)
	f.trust.Online = fresh
	f.trust.Rotate(func() {
		f.trust.Must(f.trust.Root.SetKeys(trust.RoleSnapshot, 1, fresh.Public()))
		f.trust.Must(f.trust.Root.SetKeys(trust.RoleTimestamp, 1, fresh.Public()))
	}, f.trust.RootKeys[0], f.trust.RootKeys[1])
	f.trust.Targets.Next(f.trust.Now.Add(trusttest.Year))
	f.trust.Must(f.trust.Targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{fresh.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	f.trust.SignTargets()
	f.trust.Release()
	f.mu.Unlock()
	f.order(next)
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
}

// The device's owner gives another root: nothing that followed from the old one
// counts, but what serves goes on serving.
func TestAnotherRootFromTheOwner(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	committed(t, f, f.config(dir)).end()
	other := trusttest.At(t, time.Now().UTC(), "other-*")
	other.RootKeys = []trust.PrivateKey{trusttest.Key(31), trusttest.Key(32)}
	other.Rotate(func() {
		other.Must(other.Root.SetKeys(trust.RoleRoot, 2, other.RootKeys[0].Public(), other.RootKeys[1].Public()))
	}, other.RootKeys...)
	c := f.config(dir)
	c.Trust = other.Files["2.root.json"]
	r := start(t, c)
	r.awaitServing("1.0.0")
	r.end()
	store := mustLook(t, dir)
	if b, err := store.Metadata().Load("targets.json"); b != nil || err != nil {
		t.Errorf("the old owner's targets.json is still there: %v", err)
	}
}

// The owner's folder holds a newer root of the same fleet at the next start:
// nothing is void.
func TestANewerRootOfTheSameOwnerLeadsOn(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	committed(t, f, f.config(dir)).end()
	f.trust.Rotate(func() {}, f.trust.RootKeys[0], f.trust.RootKeys[1])
	f.trust.Rotate(func() {}, f.trust.RootKeys[1], f.trust.RootKeys[2])
	c := f.config(dir)
	c.Trust = f.trust.Files["3.root.json"]
	r := start(t, c)
	r.awaitServing("1.0.0")
	if b, err := mustLook(t, dir).Metadata().Load("targets.json"); b == nil || err != nil {
		t.Errorf("what followed from the older root is gone: %v", err)
	}
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
}

func TestTimeIsNeverBeforeWhatIsKnown(t *testing.T) {
	f := newFleet(t)
	store, err := slot.Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := f.config("")
	c.Built = time.Now().Add(24 * time.Hour) // as by a clock that runs behind
	a, err := openAuthority(c, store, nil, c.Log)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time {
		t.Helper()
		at, err := a.now()
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if !now().Equal(c.Built) {
		t.Errorf("it is %s, before the agent was built", now())
	}
	later := c.Built.Add(48 * time.Hour)
	if err := a.sawTime(later); err != nil || !now().Equal(later) {
		t.Errorf("it is %s, before an order that was signed at %s: %v", now(), later, err)
	}
	// A minute more is not worth a write to the board's flash.
	if err := a.sawTime(later.Add(time.Minute)); err != nil || !now().Equal(later) {
		t.Errorf("it is %s: %v", now(), err)
	}
	// A thief's far future ends with the next root.
	if err := a.sawTime(later.Add(100 * trusttest.Year)); err != nil {
		t.Fatal(err)
	}
	known, err := a.anchor()
	if err != nil {
		t.Fatal(err)
	}
	known.Root = 0
	if err := a.keepAnchor(known); err != nil {
		t.Fatal(err)
	}
	client, err := trust.Open(store.Metadata(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.noteRoot(client); err != nil || !now().Equal(c.Built) {
		t.Errorf("after a new root it is %s: %v", now(), err)
	}
}
