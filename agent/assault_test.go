package agent

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// assault is a device that serves 1.0.0, and all that an attacker can get at.
type assault struct {
	*fleet
	config Config
	device *running
	// honest are the objects that may be on the disk, by digest.
	honest map[string][]byte
}

func newAssault(t *testing.T) *assault {
	t.Helper()
	f := newFleet(t)
	a := &assault{fleet: f, config: f.config(t.TempDir())}
	a.device = committed(t, f, a.config)
	a.honest = maps.Clone(f.objects)
	return a
}

// with changes what the controller has, which others read meanwhile.
func (a *assault) with(change func(r *trusttest.Repository)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.trust)
}

// told is the state that the device told last.
func (a *assault) told() wire.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// next is 2.0.0, published by its publisher.
func (a *assault) next() wire.DesiredModel {
	a.t.Helper()
	m := a.publish(newRelease(a.t, "2.0.0", false), a.key)
	maps.Copy(a.honest, a.objects)
	return m
}

// evil is a 2.0.0 whose labels are swapped, signed by a stranger.
func (a *assault) evil() wire.DesiredModel {
	a.t.Helper()
	return a.publish(newRelease(a.t, "2.0.0", true), mallory)
}

var mallory = trusttest.Key(99)

// unharmed waits until the device says what was wrong, and checks that 1.0.0 serves,
// also after a restart, and that nothing foreign is on the disk.
func (a *assault) unharmed(attack, want string) {
	a.t.Helper()
	a.says(attack, want)
	a.device.end()
	a.nothingForeign(attack)
	a.device = start(a.t, a.config)
	a.device.awaitServing("1.0.0")
}

// says waits until the device says what was wrong, while 1.0.0 serves.
func (a *assault) says(attack, want string) {
	a.t.Helper()
	a.await(attack+": "+want, func() bool {
		return strings.Contains(a.state.Why, want) || len(a.state.Models) == 1 && strings.Contains(a.state.Models[0].Why, want)
	})
	a.device.mustServe("1.0.0")
}

// nothingForeign checks each object, and each part of one.
func (a *assault) nothingForeign(attack string) {
	a.t.Helper()
	for _, dir := range []string{"objects", "incoming"} {
		err := filepath.WalkDir(filepath.Join(a.config.StateDir, dir), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			if hex, end, _ := strings.Cut(e.Name(), "."); !e.Type().IsRegular() || !bytes.HasPrefix(a.honest[hex], b) && end != "marks" || a.honest[hex] == nil {
				err = fmt.Errorf("%s: %s is on the disk, %d bytes", attack, name, len(b))
			}
			return err
		})
		if err != nil {
			a.t.Error(err)
		}
	}
}

// refused waits until the device has refused 2.0.0 for good.
func (a *assault) refused(attack, want string) {
	a.t.Helper()
	m := a.awaitPhase("2.0.0", wire.PhaseRefused)
	if !strings.Contains(m.Why, want) {
		a.t.Errorf("%s: the device says %q, want %q", attack, m.Why, want)
	}
	a.unharmed(attack, want)
}

// signed publishes 2.0.0 under a manifest in which old is replaced.
func (a *assault) signed(old, with string) wire.DesiredModel {
	a.t.Helper()
	r := newRelease(a.t, "2.0.0", false)
	payload, err := r.manifest.Encode()
	if err != nil || !bytes.Contains(payload, []byte(old)) {
		a.t.Fatalf("%q in %s: %v", old, payload, err)
	}
	return a.publishPayload(r, bytes.Replace(payload, []byte(old), []byte(with), 1), a.key)
}

// heals ends the attack and lets the device carry out its order.
func (a *assault) heals() {
	a.t.Helper()
	a.answers(nil)
	a.awaitPhase("2.0.0", wire.PhaseCommitted)
	a.device.mustServe("2.0.0")
}

// newOnlineKey is what the owner does about a stolen one.
func newOnlineKey(r *trusttest.Repository) {
	r.Online = trusttest.Key(98)
	r.Rotate(func() {
		r.Must(r.Root.SetKeys(trust.RoleSnapshot, 1, r.Online.Public()))
		r.Must(r.Root.SetKeys(trust.RoleTimestamp, 1, r.Online.Public()))
	}, r.RootKeys[0], r.RootKeys[1])
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Must(r.Targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{r.Online.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	r.SignTargets()
	r.Release()
}
