package agent

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// stick is what squadron export writes for the device, of what the fleet has now.
func (f *fleet) stick() string {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.t.TempDir()
	files := map[string][]byte{trust.OrderPath(string(cam.Site), string(cam.ID)): f.desiredEnvelope}
	for name, b := range f.trust.Files {
		files["tuf/"+name] = b
	}
	for hex, b := range f.objects {
		files["sha256/"+hex] = b
	}
	for name, b := range files {
		write(f.t, filepath.Join(dir, name), b)
	}
	return dir
}

func write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// bring has the agent use a folder, and returns its answer and how to end that.
func bring(t *testing.T, stateDir, folder string) (Taken, func()) {
	t.Helper()
	wish, end, err := Bring(stateDir, folder)
	if err != nil {
		t.Fatal(err)
	}
	return awaitAnswer(t, stateDir, wish), func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}

func awaitAnswer(t *testing.T, stateDir, wish string) Taken {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for late := time.After(30 * time.Second); ; {
		taken, ok, err := Answer(stateDir, wish)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return taken
		}
		select {
		case <-poll.C:
		case <-late:
			t.Fatal("the agent does not answer who brought the folder")
		}
	}
}

// newerOrder signs an order that nobody told the device.
func (f *fleet) newerOrder(models ...wire.DesiredModel) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	d := *f.desired
	d.Generation, d.Models = d.Generation+1, models
	f.desired, f.desiredEnvelope = &d, signedOrder(f.t, d, f.trust.Online)
}

// TestAFolderBringsWhatTheNetworkDoesNot: order, trust and objects come on a
// stick to a device whose controller cannot be reached, and the version before
// serves until the new one does.
func TestAFolderBringsWhatTheNetworkDoesNot(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	r := committed(t, f, c)
	f.http.Close()
	f.newerOrder(f.publish(newRelease(t, "2.0.0", false), f.key))
	taken, end := bring(t, c.StateDir, f.stick())
	if taken.Error != "" || taken.Order.Generation != 2 || len(taken.Order.Models) != 1 {
		t.Fatalf("the agent answers %+v", taken)
	}
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
	end()
	f.newerOrder(f.publish(newRelease(t, "3.0.0", false), f.key))
	f.tell(f.desiredEnvelope)
	f.await("a failed try", func() bool {
		return len(f.state.Models) == 1 && strings.Contains(f.state.Models[0].Why, "connection refused")
	})
	r.mustServe("2.0.0")
}

// TestAFolderEndsAWaitForTheNetwork: the device knows its order, and could not
// fetch.
func TestAFolderEndsAWaitForTheNetwork(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	r := committed(t, f, c)
	f.http.Close()
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.await("a failed try", func() bool {
		return len(f.state.Models) == 1 && strings.Contains(f.state.Models[0].Why, "connection refused")
	})
	taken, end := bring(t, c.StateDir, f.stick())
	defer end()
	if taken.Error != "" {
		t.Fatalf("the agent answers %+v", taken)
	}
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
}

// TestAFolderIsTheController: a device without any network is configured with a
// folder, and takes its order from there.
func TestAFolderIsTheController(t *testing.T) {
	f := newFleet(t)
	f.order(f.publish(newRelease(t, "1.0.0", false), f.key))
	c := f.config(t.TempDir())
	c.Controller, c.Broker = "file://"+f.stick(), "tcp://127.0.0.1:1"
	start(t, c).awaitServing("1.0.0")
}

// TestWhatIsBroughtIsNotBelieved: the folder is a stranger's.
func TestWhatIsBroughtIsNotBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, f *fleet, stick string)
		want  string // in the agent's answer
	}{
		"an order that nobody signed who may": {func(t *testing.T, f *fleet, stick string) {
			key, err := trust.Generate(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			write(t, orderFile(stick), signedOrder(t, *f.desired, key))
		}, "no key that targets.json delegates orders to"},
		"an order for another device": {func(t *testing.T, f *fleet, stick string) {
			d := *f.desired
			d.Device = "cam-4"
			write(t, orderFile(stick), signedOrder(t, d, f.trust.Online))
		}, "the order is for plant-7/cam-4"},
		"an order older than the device's": {func(t *testing.T, f *fleet, stick string) {
			d := *f.desired
			d.Generation = 0
			write(t, orderFile(stick), signedOrder(t, d, f.trust.Online))
		}, "has number 0, and the device has taken number 1"},
		"no order": {func(t *testing.T, f *fleet, stick string) {
			if err := os.Remove(orderFile(stick)); err != nil {
				t.Fatal(err)
			}
		}, "squadron export plant-7/cam-3"},
		"a pipe in place of the order": {func(t *testing.T, f *fleet, stick string) {
			if err := os.Remove(orderFile(stick)); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(orderFile(stick), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is not a plain file"},
		"a link in place of the order": {func(t *testing.T, f *fleet, stick string) {
			if err := os.Rename(orderFile(stick), orderFile(stick)+".real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(orderFile(stick)+".real", orderFile(stick)); err != nil {
				t.Fatal(err)
			}
		}, "is not a plain file"},
		"an endless order": {func(t *testing.T, f *fleet, stick string) {
			write(t, orderFile(stick), make([]byte, 1<<20))
		}, "it has more than the 8192 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			conf := f.config(t.TempDir())
			r := committed(t, f, conf)
			f.newerOrder(f.publish(newRelease(t, "2.0.0", false), f.key))
			stick := f.stick()
			c.spoil(t, f, stick)
			taken, end := bring(t, conf.StateDir, stick)
			defer end()
			if !strings.Contains(taken.Error, c.want) {
				t.Errorf("the agent answers %+v, want %q", taken, c.want)
			}
			r.mustServe("1.0.0")
		})
	}
}

func orderFile(stick string) string {
	return filepath.Join(stick, trust.OrderPath(string(cam.Site), string(cam.ID)))
}

// TestASpoiltObjectInAFolderIsNotInstalled: another's bytes under a good name
// cost a warning, and the network brings what is right.
func TestASpoiltObjectInAFolderIsNotInstalled(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	r := committed(t, f, c)
	second := newRelease(t, "2.0.0", false)
	f.newerOrder(f.publish(second, f.key))
	stick := f.stick()
	for hex, b := range second.objects {
		spoilt := append([]byte(nil), b...)
		spoilt[len(spoilt)/2] ^= 1
		write(t, filepath.Join(stick, "sha256", hex), spoilt)
	}
	taken, end := bring(t, c.StateDir, stick)
	defer end()
	if taken.Error != "" {
		t.Fatalf("the agent answers %+v", taken)
	}
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
}

// TestAFolderThatIsPulledOutIsPassedBy, while who brought it has not ended.
func TestAFolderThatIsPulledOutIsPassedBy(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	r := committed(t, f, c)
	stick := f.stick()
	taken, end := bring(t, c.StateDir, stick)
	defer end()
	if taken.Error != "" {
		t.Fatalf("the agent answers %+v", taken)
	}
	if err := os.RemoveAll(stick); err != nil {
		t.Fatal(err)
	}
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
}

// A stick whose timestamp nobody signed has a terminal do nothing by what it says
// in there.
func TestAttackEscapesOfAStick(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	committed(t, f, c)
	stick := f.stick()
	d := *f.desired
	d.Generation = 5
	write(t, orderFile(stick), signedOrder(t, d, trusttest.Key(91)))
	f.http.Close()
	write(t, filepath.Join(stick, "tuf", "timestamp.json"), []byte(`{"signatures":[],"signed":{"_type":"\u001b]0;owned\u0007\u001b[2J","meta":{}}}`))
	taken, end := bring(t, c.StateDir, stick)
	defer end()
	if strings.ContainsAny(taken.Error, "\x1b\x07") || !strings.Contains(taken.Error, `\u{1b}]0;owned`) {
		t.Errorf("it answers %q", taken.Error)
	}
}
