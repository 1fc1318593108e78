package agent

import (
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A new online key takes over by itself: the device finds it behind a root that
// follows on its own.
func TestTheOnlineKeyRotates(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	next := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.mu.Lock()
	newOnlineKey(f.trust)
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
	store, err := slot.Open(t.TempDir(), slot.Limits{})
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
	if err := a.sawTime(later, 1); err != nil || !now().Equal(later) {
		t.Errorf("it is %s, before an order that was signed at %s: %v", now(), later, err)
	}
	// A minute more is not worth a write to the board's flash.
	if err := a.sawTime(later.Add(time.Minute), 1); err != nil || !now().Equal(later) {
		t.Errorf("it is %s: %v", now(), err)
	}
	// A thief's far future ends with the next root.
	if err := a.sawTime(later.Add(100*trusttest.Year), 1); err != nil {
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
