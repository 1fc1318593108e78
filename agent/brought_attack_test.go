package agent

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A folder that is in use is as new as what the device knows: it must not keep the
// network's newer word from it.
func TestAttackAFolderHidesNewerTrust(t *testing.T) {
	a := newAssault(t)
	taken, end := bring(t, a.config.StateDir, a.stick())
	defer end()
	if taken.Error != "" {
		t.Fatal(taken.Error)
	}
	stolen := a.trust.Online
	a.order(a.next())
	a.heals()
	a.with(newOnlineKey)
	a.order(a.publish(newRelease(t, "3.0.0", false), a.key))
	a.awaitPhase("3.0.0", wire.PhaseCommitted)
	a.mu.Lock()
	d := *a.desired
	d.Generation, d.Models = 77, nil
	a.mu.Unlock()
	a.tell(signedOrder(t, d, stolen))
	a.await("the refusal", func() bool { return strings.Contains(a.state.Why, "no key that targets.json delegates orders to") })
	a.device.mustServe("3.0.0")
}

// What the disk made of the trusted root, or of the note that says which it is,
// must not make a revoked key count again, with a thief's stick in use.
func TestAttackARevokedKeyAfterDamage(t *testing.T) {
	for damage, do := range map[string]func(dir string) error{
		"a damaged root": func(dir string) error { return os.WriteFile(filepath.Join(dir, "trust/root.json"), []byte("{"), 0o600) },
		"a damaged note": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "records/trust.json"), []byte("{"), 0o600)
		},
		"a lost note": func(dir string) error { return os.Remove(filepath.Join(dir, "records/trust.json")) },
	} {
		t.Run(damage, func(t *testing.T) {
			a := newAssault(t)
			honest := a.desired.Models
			evil := a.publish(newRelease(t, "6.6.6", false), a.key)
			stick := a.thiefsStick(evil)
			a.with(newOnlineKey)
			a.order(honest...)
			a.await("the owner's order by the new key", func() bool { return a.state.Generation == 2 })
			a.device.end()
			if err := do(a.config.StateDir); err != nil {
				t.Fatal(err)
			}
			a.device = start(t, a.config)
			a.device.awaitServing("1.0.0")
			taken, end := bring(t, a.config.StateDir, stick)
			defer end()
			if taken.Error == "" {
				t.Errorf("the device took order %d of a revoked key", taken.Order.Generation)
			}
			a.device.mustServe("1.0.0")
		})
	}
}

// thiefsStick is what the fleet has now, with an order by the key that he stole.
func (a *assault) thiefsStick(models ...wire.DesiredModel) string {
	a.t.Helper()
	a.mu.Lock()
	honest, envelope := a.desired, a.desiredEnvelope
	d := *a.desired
	d.Generation, d.Models = 90, models
	a.desiredEnvelope = signedOrder(a.t, d, a.trust.Online)
	a.mu.Unlock()
	stick := a.stick()
	a.mu.Lock()
	a.desired, a.desiredEnvelope = honest, envelope
	a.mu.Unlock()
	return stick
}

// The disk did not take a thief's order at once, and meanwhile his key was revoked.
func TestAttackALateOrderOfARevokedKey(t *testing.T) {
	a := newAssault(t)
	a.device.end()
	looked := make(hears, 1)
	a.config.Log = slog.New(slog.NewTextHandler(looked, nil))
	a.device = start(t, a.config)
	a.device.awaitServing("1.0.0")
	a.mu.Lock()
	honest, d := a.desired.Models, *a.desired
	d.Generation, d.Models = 1000, nil
	a.mu.Unlock()
	full := filepath.Join(a.config.StateDir, "records", "order.json.tmp") // no file can be written there
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.tell(signedOrder(t, d, a.trust.Online))
	a.await("the sentence", func() bool { return strings.Contains(a.state.Why, "Order 1000 was not taken") })
	if err := os.RemoveAll(full); err != nil {
		t.Fatal(err)
	}
	a.with(newOnlineKey)
	a.order(honest...)
	a.await("the owner's order", func() bool { return a.state.Generation == 2 })
	a.order(a.next())
	a.heals()
	select {
	case <-looked:
	case <-time.After(30 * time.Second):
		t.Fatal("the late order was not looked at again")
	}
	if s := a.told(); s.Generation != 3 {
		t.Errorf("the device is at order %d: %s", s.Generation, s.Why)
	}
	a.device.mustServe("2.0.0")
}

// hears is a log that tells when a late order was refused.
type hears chan struct{}

func (h hears) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "an order that the disk did not take counts no more") {
		h <- struct{}{}
	}
	return len(line), nil
}

// An import that was killed leaves its wish: what is mounted there later is not
// used, unasked.
func TestAttackAWishThatNobodyHasAnyMore(t *testing.T) {
	a := newAssault(t)
	a.newerOrder(a.next())
	stick := a.stick()
	a.http.Close()
	b, err := json.Marshal(brought{"a wish", stick})
	if err == nil {
		err = inState(a.config.StateDir, func(s *slot.Store) error { return s.SaveRecord(broughtRecord, b) })
	}
	if err != nil {
		t.Fatal(err)
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for late := time.After(30 * time.Second); ; {
		if _, err := os.Stat(filepath.Join(a.config.StateDir, slot.RecordFile(broughtRecord))); errors.Is(err, os.ErrNotExist) {
			break
		}
		select {
		case <-poll.C:
		case <-late:
			t.Fatal("the wish is still there")
		}
	}
	if s := a.told(); s.Generation != 1 {
		t.Errorf("the device took order %d of it", s.Generation)
	}
	a.device.mustServe("1.0.0")
}

// One import at a time: another ends at once, with what to do.
func TestTwoFoldersAreNotBroughtAtOnce(t *testing.T) {
	a := newAssault(t)
	taken, end := bring(t, a.config.StateDir, a.stick())
	if taken.Error != "" {
		t.Fatal(taken.Error)
	}
	if _, _, err := Bring(a.config.StateDir, a.stick()); err == nil || !strings.Contains(err.Error(), "another folder is being imported") {
		t.Errorf("the second gave %v", err)
	}
	end()
	_, end = bring(t, a.config.StateDir, a.stick())
	end()
}

// An answer that the disk damaged ends no import, and a sentence is in each no.
func TestAnAnswerIsGoodOrHasASentence(t *testing.T) {
	a := newAssault(t)
	write(t, filepath.Join(a.config.StateDir, slot.RecordFile(takenRecord)), []byte("{\x00"))
	if _, ok, err := Answer(a.config.StateDir, "a wish"); ok || err != nil {
		t.Errorf("a damaged answer: %v, %v", ok, err)
	}
	a.newerOrder(a.next())
	if err := os.MkdirAll(filepath.Join(a.config.StateDir, "records", "order.json.tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	taken, end := bring(t, a.config.StateDir, a.stick())
	defer end()
	if !strings.Contains(taken.Error, "was not kept") {
		t.Errorf("of an order that the disk does not take it says %+v", taken)
	}
	a.device.mustServe("1.0.0")
}

// One model's state cannot be kept any more: the others do not wait behind it.
func TestAModelWhoseStateIsNotKeptStarvesNoOther(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	gate, shade := newRelease(t, "1.0.0", false), newRelease(t, "1.0.0", false)
	gate.manifest.Name = "gate"
	full := filepath.Join(c.StateDir, "models", "gate", "update.json.tmp", "x")
	start(t, c)
	f.order(f.publish(gate, f.key))
	f.await("gate", func() bool { return len(f.state.Models) == 1 && f.state.Models[0].Phase == wire.PhaseCommitted })
	gate = newRelease(t, "2.0.0", false)
	gate.manifest.Name = "gate"
	next, other := f.publish(gate, f.key), f.publish(shade, f.key)
	if err := os.MkdirAll(full, 0o700); err != nil {
		t.Fatal(err)
	}
	f.order(next, other)
	f.await("shade", func() bool {
		for _, m := range f.state.Models {
			if m.Name == "shade" && m.Phase == wire.PhaseCommitted {
				return true
			}
		}
		return false
	})
}
