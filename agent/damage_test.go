package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels/onnx"
)

// TestADamagedRecordStopsNothing: whatever the disk made of a small file, the
// device serves what it has.
func TestADamagedRecordStopsNothing(t *testing.T) {
	f := newFleet(t)
	template := t.TempDir()
	committed(t, f, f.config(template)).end()
	damages := map[string]func(name string) error{
		"emptied":     func(n string) error { return os.WriteFile(n, nil, 0o600) },
		"half":        func(n string) error { return halve(n) },
		"a folder":    func(n string) error { return errors.Join(os.Remove(n), os.Mkdir(n, 0o700)) },
		"a link away": func(n string) error { return errors.Join(os.Remove(n), os.Symlink("/etc/hostname", n)) },
		"a FIFO":      func(n string) error { return errors.Join(os.Remove(n), syscall.Mkfifo(n, 0o600)) },
	}
	for _, record := range []string{"records/outbox.json", "records/device.json", "records/order.json", "models/shade/update.json", "models/shade/previous", "records/trust.json", "trust/root.json", "trust/targets.json"} {
		for damage, do := range damages {
			t.Run(filepath.Base(record)+" is "+damage, func(t *testing.T) {
				f.t = t
				dir := t.TempDir() + "/state"
				if err := errors.Join(os.CopyFS(dir, os.DirFS(template)), os.Chmod(dir+"/incoming", 0o700)); err != nil {
					t.Fatal(err)
				}
				name := filepath.Join(dir, record)
				if _, err := os.Stat(name); err != nil {
					if err := os.WriteFile(name, []byte("{}"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := do(name); err != nil {
					t.Fatal(err)
				}
				start(t, f.config(dir)).awaitServing("1.0.0")
			})
		}
	}
}

// TestWhatTheDiskDamagedIsMadeGood: small files that a power cut or worn flash
// changed stop neither what serves nor the next update, and no event is lost.
func TestWhatTheDiskDamagedIsMadeGood(t *testing.T) {
	for _, file := range []string{
		"models/shade/active", "models/shade/update.json", "records/order.json", "records/trust.json",
		"trust/root.json", "trust/timestamp.json", "trust/snapshot.json", "trust/targets.json", "trust/ada.json",
	} {
		for damage, do := range map[string]func(name string) error{
			"half":   halve,
			"zeroed": func(name string) error { return os.WriteFile(name, make([]byte, 100), 0o600) },
		} {
			t.Run(filepath.Base(file)+" is "+damage, func(t *testing.T) {
				t.Parallel()
				f := newFleet(t)
				dir := t.TempDir()
				committed(t, f, f.config(dir)).end()
				if err := do(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
				r := start(t, f.config(dir))
				r.awaitServing("1.0.0")
				f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
				f.awaitPhase("2.0.0", wire.PhaseCommitted)
				r.mustServe("2.0.0")
				f.eventText(wire.PhaseTesting, "2.0.0")
				f.eventText(wire.PhaseCommitted, "2.0.0")
				r.end()
				if store := mustLook(t, dir); store.Recover("shade", slot.Pointer{}, readInstalled).Active.Version != "2.0.0" {
					t.Error("2.0.0 is not what the next start would find")
				}
			})
		}
	}
}

func halve(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b[:len(b)/2], 0o600)
}

// TestTheLossOfTheOutboxIsTold, with a number above those that were given.
func TestTheLossOfTheOutboxIsTold(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	committed(t, f, f.config(dir)).end()
	if err := halve(filepath.Join(dir, "records/outbox.json")); err != nil {
		t.Fatal(err)
	}
	start(t, f.config(dir))
	f.await("the event", func() bool {
		for seq, e := range f.events {
			if e.Kind == "lost" && seq > 1000 && strings.Contains(e.Text, "nobody had acknowledged are lost") {
				return true
			}
		}
		return false
	})
}

// TestADiskThatTakesNothingAtTheStart: what is there serves all the same.
func TestADiskThatTakesNothingAtTheStart(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	committed(t, f, f.config(dir)).end()
	// A folder in the temporary file's place makes every write of it fail.
	if err := os.MkdirAll(filepath.Join(dir, "records/outbox.json.tmp/x"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := start(t, f.config(dir))
	r.awaitServing("1.0.0")
	f.await("online again", func() bool { return f.online != nil && f.online.Online })
}

func TestTheLockIsNoLinkOutOfTheFolder(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), os.Symlink(victim, filepath.Join(c.StateDir, "lock"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c); err == nil {
		t.Error("a lock that is a link was taken")
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "precious" {
		t.Errorf("the link's target holds %q, %v", b, err)
	}
}

// TestOneLongEventStopsNoLaterOne: a publisher's model may have names that JSON
// writes six times as long.
func TestOneLongEventStopsNoLaterOne(t *testing.T) {
	f := newFleet(t)
	committed(t, f, f.config(t.TempDir()))
	bad := newRelease(t, "2.0.0", false)
	m, err := onnx.Unmarshal(shadeModel(t, "2.0.0", 1, nil), onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("<", 1500)
	m.Graph.Inputs[0].Name, m.Graph.Nodes[0].Inputs[0] = long, long
	m.Graph.Inputs[0].Shape[2].Value, m.Graph.Inputs[0].Shape[3].Value = 4, 1 // which the refusal tells of, by name
	b, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	bad.manifest.Files = bad.manifest.Files[:len(bad.manifest.Files)-1]
	bad.add("model.onnx", b)
	f.order(f.publish(bad, f.key))
	f.awaitPhase("2.0.0", wire.PhaseRefused)
	f.order(f.publish(newRelease(t, "3.0.0", false), f.key))
	f.awaitPhase("3.0.0", wire.PhaseCommitted)
	f.await("the last event", func() bool {
		for _, e := range f.events {
			if e.Kind == "committed" && e.Version == "3.0.0" {
				return true
			}
		}
		return false
	})
}

// TestAStateFitsItsMessage for as many models as an order holds, of names and
// versions of any length, however many were withdrawn before.
func TestAStateFitsItsMessage(t *testing.T) {
	s := wire.State{Generation: 1, Since: time.Now().UTC(), Why: strings.Repeat("<", 2000)}
	for i := range 8 {
		name := fmt.Sprintf("%063d", i)
		version := "1.0.0-" + strings.Repeat("a", 57)
		s.Models = append(s.Models, wire.ModelState{
			Name: name, Running: version, Wanted: version, Digest: bundle.DigestOf([]byte(name)), WantedD: bundle.DigestOf([]byte(name)),
			Rollout: "20261124-215633-nps7", Attempt: 1, Phase: wire.PhaseCommitted, Engine: "gorgonia",
			EngineWhy: strings.Repeat("x", 500), Since: s.Since, Why: strings.Repeat("<", 2000),
		})
	}
	for i := range 500 {
		s.Models = append(s.Models, wire.ModelState{Name: fmt.Sprintf("withdrawn-%d", i), Phase: wire.PhaseIdle, Since: s.Since})
	}
	b, err := encodeState(s)
	if err != nil {
		t.Fatal(err)
	}
	told, err := wire.Decode[wire.State](b)
	if err != nil || len(told.Models) != 8 {
		t.Errorf("%d models are told of, %v", len(told.Models), err)
	}
}

// TestAWithdrawnModelIsForgottenWithTheNextStart, so that the state does not
// grow with every model that was ever tried.
func TestAWithdrawnModelIsForgottenWithTheNextStart(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	r := committed(t, f, f.config(dir))
	f.order()
	f.await("idle", func() bool { return len(f.state.Models) == 1 && f.state.Models[0].Phase == wire.PhaseIdle })
	r.end()
	start(t, f.config(dir))
	f.await("a state without it", func() bool { return f.online.Online && len(f.state.Models) == 0 })
}
