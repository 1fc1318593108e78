package agent

import (
	"math"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Attacks with orders and with stolen keys.

// order2 is an order of 2.0.0 that nobody has given.
func (a *assault) order2() wire.Desired {
	return wire.Desired{Site: cam.Site, Device: cam.ID, Generation: 7, At: time.Now().UTC(), Models: []wire.DesiredModel{a.next()}}
}

// Who owns the broker makes an order herself.
func TestAttackForgedOrder(t *testing.T) {
	a := newAssault(t)
	order := a.order2()
	for _, c := range []struct {
		attack   string
		envelope []byte
		want     string
	}{
		{"by a stranger", signedOrder(t, order, mallory), "no key"},
		{"without a signature", []byte(`{"v":1,"site":"plant-7","device":"cam-3","generation":7,"models":[]}`), "damaged"},
		{"by a publisher", signedOrder(t, order, a.key), "no key"},
	} {
		a.tell(c.envelope)
		a.says(c.attack, "An order was not taken: judge order: ")
		a.says(c.attack, c.want)
		if s := a.told(); s.Generation != 1 || s.Models[0].Wanted != "1.0.0" {
			t.Errorf("%s: the device says %+v", c.attack, s)
		}
	}
	a.unharmed("by a publisher", "no key")
}

// An order of the online key for cam-4, under cam-3's topic.
func TestAttackOrderForAnotherDevice(t *testing.T) {
	a := newAssault(t)
	order := a.order2()
	order.Device = "cam-4"
	a.tell(signedOrder(t, order, a.trust.Online))
	a.unharmed("an order for cam-4", "An order was not taken: the order is for plant-7/cam-4")
}

// An order that the device has carried out, validly signed, comes once more.
func TestAttackReplayedOrder(t *testing.T) {
	a := newAssault(t)
	first := a.desiredEnvelope
	a.order(a.next())
	a.heals()
	for _, when := range []string{"now", "after a restart"} {
		a.await("the device online", func() bool { return a.online != nil && a.online.Online })
		a.tell(first)
		a.command(wire.Command{ID: when, Kind: wire.CommandReport})
		a.await("the reply", func() bool { return a.replies[when].OK })
		a.device.mustServe("2.0.0")
		a.device.end()
		a.nothingForeign("a replay")
		a.mu.Lock()
		a.online = nil
		a.mu.Unlock()
		a.device = start(t, a.config)
		a.device.awaitServing("2.0.0")
	}
	if s := a.told(); s.Generation != 2 {
		t.Errorf("the device says %+v", s)
	}
}

// The controller's key can order what a publisher vouches for, not below the minimum, and
// no more; and what else it signs harms nobody either.
func TestAttackStolenOnlineKey(t *testing.T) {
	for attack, c := range map[string]struct {
		order func(*assault) wire.DesiredModel
		want  string
	}{
		"what nobody vouches for": {func(a *assault) wire.DesiredModel {
			evil := a.evil()
			a.with(func(r *trusttest.Repository) {
				r.Roles["ada"].Remove("shade/2.0.0")
				r.Publish("ada", "shade/1.0.1", "another", "")
			})
			return evil
		}, "no publisher that the repository trusts vouches for it"},
		"another digest": {func(a *assault) wire.DesiredModel {
			evil := a.evil()
			a.next()
			delete(a.honest, evil.Digest.Hex())
			return evil
		}, "vouches for another shade/2.0.0"},
		"below the minimum": {func(a *assault) wire.DesiredModel {
			low := a.next()
			a.with(func(r *trusttest.Repository) { r.Publish("ada", "shade/3.0.0", "three", "2.1.0") })
			return low
		}, "allows no version below 2.1.0"},
		"her own targets": {func(a *assault) wire.DesiredModel {
			evil := a.evil()
			a.with(func(r *trusttest.Repository) {
				r.TargetsKey = r.Online
				r.Targets.Next(r.Now.Add(trusttest.Year))
				r.Delegate("ada", mallory, "*/*")
				r.SignTargets()
				r.Release()
			})
			return evil
		}, "targets.json: unsigned metadata"},
		"a timestamp of nothing": {func(a *assault) wire.DesiredModel {
			next := a.next()
			a.with(func(r *trusttest.Repository) {
				r.Resign("timestamp.json", func(signed map[string]any) { signed["meta"] = map[string]any{"snapshot.json": nil} }, trusttest.OnlineKey)
			})
			return next
		}, "timestamp.json: it does not name a snapshot.json"},
	} {
		t.Run(attack, func(t *testing.T) {
			a := newAssault(t)
			a.order(c.order(a))
			a.unharmed(attack, c.want)
		})
	}
}

// After the owner takes a publisher away, nothing of that publisher's is
// installed any more, and what serves goes on serving, over a restart too.
func TestAttackStolenPublisherKeyThenRevoked(t *testing.T) {
	a := newAssault(t)
	evil := a.next() // validly signed, by whoever
	a.with(func(r *trusttest.Repository) {
		r.Targets.Next(r.Now.Add(trusttest.Year))
		r.Must(r.Targets.Undelegate("ada"))
		r.SignTargets()
		r.Release()
	})
	a.order(evil)
	a.refused("a revoked publisher's", "no publisher")
}

// One root key of three is not two.
func TestAttackStolenRootKey(t *testing.T) {
	a := newAssault(t)
	evil := a.evil()
	a.with(func(r *trusttest.Repository) {
		r.Rotate(func() { r.Must(r.Root.SetKeys(trust.RoleTargets, 1, mallory.Public())) }, r.RootKeys[0])
	})
	a.order(evil)
	a.unharmed("a root of one signature", "2.root.json: unsigned metadata")
}

// A thief of the online key gives the last number there is to an order of what
// runs already: every other order would be older. With the owner's next online
// key it counts no longer, and orders are numbered as ever.
func TestAttackFastForwardOfOrders(t *testing.T) {
	a := newAssault(t)
	a.mu.Lock()
	last := *a.desired
	last.Generation = math.MaxInt64
	envelope := signedOrder(t, last, a.trust.Online)
	a.mu.Unlock()
	a.tell(envelope)
	a.await("the last number", func() bool { return a.state.Generation == math.MaxInt64 })
	next := a.next()
	a.with(newOnlineKey)
	a.order(next)
	a.heals()
	a.mu.Lock()
	older := *a.desired
	older.Generation, older.Models = older.Generation-1, nil
	envelope = signedOrder(t, older, a.trust.Online)
	a.mu.Unlock()
	a.tell(envelope)
	a.order(a.publish(newRelease(t, "3.0.0", false), a.key))
	a.awaitPhase("3.0.0", wire.PhaseCommitted)
	a.device.mustServe("3.0.0")
}
