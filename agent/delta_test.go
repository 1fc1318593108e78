package agent

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A model of 1 MiB, and one of which 4 KiB are other.
func furtherWeights(changed bool) []byte {
	b := make([]byte, 1<<20)
	r := rand.NewChaCha8([32]byte{1})
	if _, err := r.Read(b); err != nil {
		panic(err)
	}
	if changed {
		for i := range b[:4096] {
			b[i] ^= 0x55
		}
	}
	return b
}

// upgrade is a device that runs 1.0.0 of a large model, and 2.0.0 published.
type upgrade struct {
	*fleet
	config   Config
	old, new bundle.File
	delta    []byte
	next     wire.DesiredModel
}

func newUpgrade(t *testing.T) *upgrade {
	t.Helper()
	u := &upgrade{fleet: newFleet(t)}
	u.deltas = map[string][]byte{}
	u.config = u.fleet.config(t.TempDir())
	first, second := releaseWith(t, "1.0.0", false, furtherWeights(false)), releaseWith(t, "2.0.0", false, furtherWeights(true))
	u.old, u.new = first.model(t), second.model(t)
	var d bytes.Buffer
	base, target := first.objects[u.old.Digest.Hex()], second.objects[u.new.Digest.Hex()]
	if s, err := delta.Encode(&d, delta.File{Data: base}, delta.File{Data: target}); err != nil || s.Size > 20_000 {
		t.Fatalf("%+v, %v", s, err)
	}
	u.delta = d.Bytes()
	r := start(t, u.config)
	u.order(u.publish(first, u.key))
	u.awaitPhase("1.0.0", wire.PhaseCommitted)
	r.end()
	u.next = u.publish(second, u.key)
	return u
}

func (r *release) model(t *testing.T) bundle.File {
	t.Helper()
	f, ok := r.manifest.File(r.manifest.Model)
	if !ok {
		t.Fatal("no model")
	}
	return f
}

func (u *upgrade) deltaName() string { return u.new.Digest.Hex() + "/from/" + u.old.Digest.Hex() }

// told is what the event says with which the test of 2.0.0 began.
func (u *upgrade) told() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.events {
		if e.Version == "2.0.0" && e.Kind == string(wire.PhaseTesting) {
			return e.Text
		}
	}
	return ""
}

// completes runs the order to its end, and looks what is left.
func (u *upgrade) completes(t *testing.T) {
	t.Helper()
	r := start(t, u.config)
	u.order(u.next)
	u.awaitPhase("2.0.0", wire.PhaseCommitted)
	u.await("the event of the test", func() bool {
		return slices.ContainsFunc(slices.Collect(mapValues(u.events)), func(e wire.Event) bool {
			return e.Version == "2.0.0" && e.Kind == string(wire.PhaseTesting)
		})
	})
	r.awaitServing("2.0.0")
	r.mustServe("2.0.0")
	r.end()
	left, err := filepath.Glob(filepath.Join(u.config.StateDir, "incoming", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in incoming: %q, %v", left, err)
	}
}

func mapValues(m map[int64]wire.Event) func(func(wire.Event) bool) {
	return func(yield func(wire.Event) bool) {
		for _, e := range m {
			if !yield(e) {
				return
			}
		}
	}
}

func (u *upgrade) askedFor(name string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Contains(u.asked, name)
}

func TestANewVersionIsMadeOfTheOldOneAndADelta(t *testing.T) {
	u := newUpgrade(t)
	u.deltas[u.deltaName()] = u.delta
	u.completes(t)
	if u.askedFor(u.new.Digest.Hex()) || !u.askedFor(u.deltaName()) {
		t.Errorf("asked for %q", u.asked)
	}
	if got := u.told(); !strings.HasPrefix(got, "Fetched 0.0 of 1.0 MiB (delta from 1.0.0); tests shade 2.0.0") {
		t.Errorf("it told %q", got)
	}
}

// Whatever is wrong with a delta, the whole file comes, and the fleet hears why.
func TestADeltaThatIsOfNoUseIsReportedAndTheWholeFileFetched(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*upgrade)
		want    string
	}{
		"there is none": {func(u *upgrade) {}, "model.onnx whole, without a delta from 1.0.0: there is none"},
		"it is cut short": {func(u *upgrade) { u.deltas[u.deltaName()] = u.delta[:len(u.delta)-1] },
			"the delta is cut short"},
		"more follows":     {func(u *upgrade) { u.deltas[u.deltaName()] = append(bytes.Clone(u.delta), 0) }, "more follows after the last block"},
		"it is of another": {func(u *upgrade) { u.deltas[u.deltaName()] = u.foreign(t) }, "its target is "},
		"it is long":       {func(u *upgrade) { u.deltas[u.deltaName()] = make([]byte, u.new.Size) }, "it has "},
		"a byte is other":  {func(u *upgrade) { u.deltas[u.deltaName()] = changedAt(u.delta, len(u.delta)/2) }, "since the delta from 1.0.0 was of no use: "},
		"it makes other":   {func(u *upgrade) { u.deltas[u.deltaName()] = u.lie(t) }, "the result is "},
		"the base is bad":  {func(u *upgrade) { u.deltas[u.deltaName()] = u.delta; u.spoil(t, false) }, "verify the delta's base: it is "},
		"the base was cut": {func(u *upgrade) { u.deltas[u.deltaName()] = u.delta; u.spoil(t, true) }, "the disk lost model.onnx of the version that serves"},
		"a part came before": {func(u *upgrade) {
			u.deltas[u.deltaName()] = u.delta
			u.plant(t, u.new.Digest.Hex()+".part", []byte("x"))
		}, "a part of the file is here"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpgrade(t)
			c.prepare(u)
			u.completes(t)
			if !u.askedFor(u.new.Digest.Hex()) {
				t.Errorf("the whole file was not asked for: %q", u.asked)
			}
			if got := u.told(); !strings.HasPrefix(got, "Fetched 1.0 of 1.0 MiB (") || !strings.Contains(got, c.want) {
				t.Errorf("it told %q, want %q", got, c.want)
			}
		})
	}
}

// foreign is a delta of other files.
func (u *upgrade) foreign(t *testing.T) []byte {
	t.Helper()
	var d bytes.Buffer
	if _, err := delta.Encode(&d, delta.File{Data: u.objects[u.old.Digest.Hex()]}, delta.File{Data: []byte("other")}); err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

// lie is a whole delta whose header names the right files, and that makes others.
func (u *upgrade) lie(t *testing.T) []byte {
	t.Helper()
	other := changedAt(u.objects[u.new.Digest.Hex()], 99)
	var d bytes.Buffer
	if _, err := delta.Encode(&d, delta.File{Data: u.objects[u.old.Digest.Hex()]}, delta.File{Data: other}); err != nil {
		t.Fatal(err)
	}
	header := len("SQDELTA\x01") + 2*(32+8)
	return append(bytes.Clone(u.delta[:header]), d.Bytes()[header:]...)
}

func changedAt(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// spoil damages the base on the device's disk while it serves from memory.
func (u *upgrade) spoil(t *testing.T, cut bool) {
	t.Helper()
	hex := u.old.Digest.Hex()
	object := filepath.Join(u.config.StateDir, "objects", "sha256", hex[:2], hex)
	b := changedAt(u.objects[hex], int(u.old.Size)/2)
	if cut {
		b = b[:len(b)/2]
	}
	r := start(t, u.config)
	r.awaitServing("1.0.0")
	if err := os.WriteFile(object, b, 0o600); err != nil {
		t.Fatal(err)
	}
	u.order(u.next)
	u.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.end()
}

func (u *upgrade) plant(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(u.config.StateDir, "incoming", name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKilledWhileADeltaIsAppliedTheOrderCompletes starts on what a power cut
// during the making of the object leaves: the delta whole, and half an object.
func TestKilledWhileADeltaIsAppliedTheOrderCompletes(t *testing.T) {
	u := newUpgrade(t)
	u.deltas[u.deltaName()] = u.delta
	hex := u.new.Digest.Hex()
	name := hex + ".from." + u.old.Digest.Hex()
	u.plant(t, name+".part", u.delta)
	base := u.http.URL + "/v1/artefacts"
	u.plant(t, name+".marks", fmt.Appendf(nil, "\netag %s \"%s\"\nmark %d %s\n", base, u.old.Digest.Hex(), len(u.delta), bundle.DigestOf(u.delta).Hex()))
	dir := filepath.Join(u.config.StateDir, "objects", "sha256", hex[:2])
	half := u.objects[hex][:u.new.Size/2]
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, hex+".tmp"), half, 0o600)); err != nil {
		t.Fatal(err)
	}
	u.completes(t)
	if u.askedFor(hex) {
		t.Errorf("the whole file was asked for: %q", u.asked)
	}
	if _, err := os.Stat(filepath.Join(dir, hex+".tmp")); err == nil {
		t.Error("half an object was left behind")
	}
}

// A mirror has deltas under the same address below its base.
func TestADeltaComesFromAMirror(t *testing.T) {
	u := newUpgrade(t)
	u.deltas[u.deltaName()] = u.delta
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/mirror/sha256/")
		u.mu.Lock()
		b, ok := u.deltas[name]
		u.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	defer mirror.Close()
	u.config.Mirrors = []string{mirror.URL + "/mirror"}
	u.completes(t)
	if u.askedFor(u.deltaName()) || u.askedFor(u.new.Digest.Hex()) {
		t.Errorf("the controller was asked for %q", u.asked)
	}
}

// A bad delta costs its bytes once, however often the whole file is tried for.
func TestABadDeltaIsNotFetchedAgain(t *testing.T) {
	u := newUpgrade(t)
	u.deltas[u.deltaName()] = u.lie(t)
	hex := u.new.Digest.Hex()
	whole := u.objects[hex]
	delete(u.objects, hex)
	r := start(t, u.config)
	u.order(u.next)
	u.await("a failed try", func() bool {
		return len(u.state.Models) == 1 && strings.Contains(u.state.Models[0].Why, "Try 2 of fetching shade 2.0.0 failed")
	})
	u.mu.Lock()
	u.objects[hex] = whole
	u.mu.Unlock()
	u.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.end()
	times := 0
	for _, name := range u.asked {
		if name == u.deltaName() {
			times++
		}
	}
	if times != 1 {
		t.Errorf("the delta was asked for %d times", times)
	}
}

func TestADeltaIsNotFetchedWithoutRoomForBoth(t *testing.T) {
	u := newUpgrade(t)
	u.deltas[u.deltaName()] = u.delta
	u.config.Reserve = 1 << 60
	a, err := Open(u.config)
	if err != nil {
		t.Fatal(err)
	}
	h := haul{updater: a.updater, model: a.updater.model("shade")}
	if _, err := h.derive(t.Context(), u.new, u.old); err == nil || !strings.Contains(err.Error(), "both together: no room: needs 2.0 MiB") {
		t.Errorf("got %v", err)
	}
	if u.askedFor(u.deltaName()) {
		t.Error("it was asked for")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
