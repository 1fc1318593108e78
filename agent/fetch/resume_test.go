package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// TestCutsCostNoByteTwice: wherever a transfer is cut, and however often, in
// new processes, not one byte is asked for again.
func TestCutsCostNoByteTwice(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	boundaries := []int{1, 1, 4095, 1, 4096, 32 << 10, 64<<10 - 1, 128 << 10, 128<<10 + 1}
	for round := range 4 {
		cuts := boundaries
		if round > 0 {
			cuts = nil
			for range 25 {
				cuts = append(cuts, 1+random.IntN(60_000))
			}
		}
		var faults []fault
		for _, k := range cuts {
			faults = append(faults, cutAfter(k))
		}
		s := serve(t, faults...)
		f := fetcher(t, s.URL)
		f.every = 128 << 10
		at := 0
		for _, k := range cuts {
			if at += k; at >= len(object) {
				break
			}
			refuse(t, f, fmt.Sprintf("cut after %d of", at))
			f = restart(t, f)
			f.disk = hasty{}
		}
		mustFetch(t, f)
		if n := s.sent.Load(); n != int64(len(object)) {
			t.Errorf("seed %d, cuts %v: %d bytes were sent for %d", seed, cuts, n, len(object))
		}
	}
}

// hasty is a disk that does not wait, for tests in which no power is cut.
type hasty struct{ osDisk }

func (hasty) Sync(string) error { return nil }

var errPower = errors.New("the power is cut")

// powerDisk knows what is durable, and loses its power at its n-th sync, before
// or after it took effect, or at some time.
type powerDisk struct {
	osDisk
	dir    string
	cutAt  int
	after  bool // the n-th sync takes effect
	until  time.Time
	steps  int
	synced map[string][]byte // by name
	named  map[string]bool
}

func (d *powerDisk) step(do func() error) error {
	d.steps++
	if (d.cutAt == 0 || d.steps < d.cutAt) && (d.until.IsZero() || time.Now().Before(d.until)) {
		return do()
	}
	if d.steps == d.cutAt && d.after {
		if err := do(); err != nil {
			return err
		}
	}
	return &os.PathError{Op: "sync", Path: d.dir, Err: errPower}
}

func (d *powerDisk) Sync(name string) error {
	return d.step(func() error {
		if name != d.dir {
			return d.keep(name)
		}
		for n := range d.synced {
			d.named[n] = true
		}
		return nil
	})
}

func (d *powerDisk) Append(name string, b []byte) error {
	live, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(name, append(live, b...), 0o600); err != nil {
		return err
	}
	return d.step(func() error { return d.keep(name) })
}

func (d *powerDisk) keep(name string) error {
	b, err := os.ReadFile(name)
	d.synced[name] = b
	return err
}

// boot leaves in the folder what a cut could leave: of each file what was
// synced, with the rest of it there, gone, short, or zeros; of names that were
// not synced, any.
func (d *powerDisk) boot(t *testing.T, chance *rand.Rand) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := filepath.Join(d.dir, e.Name())
		live, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kept := len(d.synced[name])
		switch chance.IntN(4) {
		case 0:
			live = live[:kept]
		case 1:
			live = live[:kept+chance.IntN(len(live)-kept+1)]
		case 2:
			clear(live[kept:])
		}
		err = os.WriteFile(name, live, 0o600)
		if !d.named[name] && chance.IntN(3) == 0 {
			err = os.Remove(name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPowerCutCostsAtMostWhatCameSinceTheLastMark: the power is cut at every
// sync of a fetch, and the disk comes back in any state that it may.
func TestAPowerCutCostsAtMostWhatCameSinceTheLastMark(t *testing.T) {
	const seed, every = 11, 200 << 10
	chance := rand.New(rand.NewPCG(seed, 0))
	for cut := 1; ; cut++ {
		for _, after := range []bool{false, true} {
			for range 2 {
				s := serve(t)
				f := fetcher(t, s.URL)
				f.every = every
				d := &powerDisk{dir: f.dir, cutAt: cut, after: after, synced: map[string][]byte{}, named: map[string]bool{}}
				f.disk = d
				if err := fetch(t, f); err == nil {
					if cut < 10 {
						t.Fatalf("a fetch of %d bytes makes only %d syncs", len(object), cut)
					}
					return
				}
				durable := d.marked()
				d.boot(t, chance)
				f = restart(t, f)
				f.disk = hasty{}
				mustFetch(t, f)
				if from := s.from(1); from < durable {
					t.Errorf("seed %d, cut at sync %d: went on at %d, though %d were durable", seed, cut, from, durable)
				}
			}
		}
	}
}

// marked is the last mark that no power cut can take.
func (d *powerDisk) marked() int {
	part := filepath.Join(d.dir, bundle.DigestOf(object).Hex())
	if !d.named[part+".part"] || !d.named[part+".marks"] {
		return 0
	}
	var size, last int
	for line := range strings.Lines(string(d.synced[part+".marks"])) {
		if n, _ := fmt.Sscanf(line, "mark %d", &size); n == 1 && size <= len(d.synced[part+".part"]) {
			last = size
		}
	}
	return last
}

// TestABadBlockCostsWhatFollowsIt: flash changed one byte of what was marked.
func TestABadBlockCostsWhatFollowsIt(t *testing.T) {
	for _, bad := range []int{0, 200_000, 300_000, 599_999} {
		s := serve(t, cutAfter(600_000))
		f := fetcher(t, s.URL)
		f.every = 128 << 10
		refuse(t, f, "cut")
		part := filepath.Join(f.dir, bundle.DigestOf(object).Hex()+".part")
		b, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		b[bad] ^= 1
		if err := os.WriteFile(part, b, 0o600); err != nil {
			t.Fatal(err)
		}
		mustFetch(t, restart(t, f))
		if from := s.from(1); from > bad || bad-from > 128<<10+32<<10 {
			t.Errorf("byte %d is bad: went on at %d", bad, from)
		}
	}
}

// TestAKilledProcessLosesOnlyWhatItHadNotMarked: what lies beyond the last mark
// may be anything.
func TestAKilledProcessLosesOnlyWhatItHadNotMarked(t *testing.T) {
	for name, tail := range map[string][]byte{"right": object[500_000:520_000], "zeros": make([]byte, 20_000), "beyond the end": make([]byte, 2<<20)} {
		s := serve(t, cutAfter(500_000))
		f := fetcher(t, s.URL)
		refuse(t, f, "cut")
		appendTo(t, f, ".part", tail)
		mustFetch(t, restart(t, f))
		if from := s.from(1); from != 500_000 {
			t.Errorf("%s: went on at %d", name, from)
		}
	}
}

// TestMarksAreBelievedOnlyOfBytesThatAgree: whatever is in that file.
func TestMarksAreBelievedOnlyOfBytesThatAgree(t *testing.T) {
	other := bundle.DigestOf([]byte("other")).Hex()
	first := bundle.DigestOf(object[:100_000]).Hex()
	for lines, want := range map[string]int{
		"mark 500000 " + other + "\n": 400_000,
		"mark 100000 " + first + "\n": 100_000,
		"mark 100000 " + first:        400_000, // torn
		"mark 90":                     400_000,
		"\x00\x00\x00\x00":            400_000,
		"mark -5 " + first + "\nmark x y\nmark 9999999999999999": 400_000,
		"mark 100000 " + other + "\n":                            0,
		strings.Repeat("x", maxMarks):                            0,
	} {
		s := serve(t, cutAfter(400_000))
		f := fetcher(t, s.URL)
		refuse(t, f, "cut")
		appendTo(t, f, ".marks", []byte(lines))
		mustFetch(t, restart(t, f))
		if from := s.from(1); from != want {
			t.Errorf("%.60q: went on at %d, want %d", lines, from, want)
		}
	}
}

// TestATornLineDoesNotTakeTheNextWithIt: a process was killed while it marked.
func TestATornLineDoesNotTakeTheNextWithIt(t *testing.T) {
	s := serve(t, cutAfter(300_000), cutAfter(300_000))
	f := fetcher(t, s.URL)
	refuse(t, f, "cut")
	appendTo(t, f, ".marks", []byte("mark 30"))
	f = restart(t, f)
	refuse(t, f, "cut")
	mustFetch(t, restart(t, f))
	if from := s.from(2); from != 600_000 {
		t.Errorf("went on at %d", from)
	}
}

func appendTo(t *testing.T, f *Fetcher, ending string, b []byte) {
	t.Helper()
	name := filepath.Join(f.dir, bundle.DigestOf(object).Hex()+ending)
	old, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, bytes.Join([][]byte{old, b}, nil), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestNothingButTheObjectIsLeftBehind: whoever takes the object over need not
// know of marks.
func TestNothingButTheObjectIsLeftBehind(t *testing.T) {
	s := serve(t, cutAfter(500_000))
	f := fetcher(t, s.URL)
	f.every = 128 << 10
	refuse(t, f, "cut")
	mustFetch(t, f)
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}
