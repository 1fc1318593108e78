package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/controller/internal/bundletest"
	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// shelf is a remote in memory, with the faults of a store.
type shelf struct {
	mu      sync.Mutex
	objects map[bundle.Digest]int64
	asked   []time.Duration // when it was listed, since began
	began   time.Time
	down    error
	full    error // takes nothing
	forgets bool  // what it takes
	log     bytes.Buffer
}

// change has a test look at the shelf, or alter it, between two calls.
func (s *shelf) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// Write takes the Bucket's log.
func (s *shelf) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(line)
}

func (s *shelf) list(context.Context) (map[bundle.Digest]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Since(s.began))
	if s.down != nil {
		return nil, s.down
	}
	list := map[bundle.Digest]int64{}
	for d, size := range s.objects {
		list[d] = size
	}
	return list, nil
}

func (s *shelf) put(_ context.Context, d bundle.Digest, r io.Reader, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full != nil {
		return s.full
	}
	n, err := io.Copy(io.Discard, r)
	if err == nil && !s.forgets {
		s.objects[d] = n
	}
	return err
}

func (s *shelf) remove(_ context.Context, d bundle.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, d)
	return nil
}

func (s *shelf) address(_ context.Context, method string, d bundle.Digest) (*url.URL, error) {
	return url.Parse("https://shelf/" + method + "/" + d.Hex())
}

// bench is a Bucket on a shelf, in a bubble, of a registry with one bundle.
type bench struct {
	*Bucket
	*shelf
}

var weights = bundle.DigestOf([]byte("weights"))

// shelved runs do in a bubble, once the Bucket has looked at the shelf, which
// before sets up.
func shelved(t *testing.T, before func(*shelf), do func(*testing.T, *bench)) {
	synctest.Test(t, func(t *testing.T) {
		st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
		if err != nil {
			t.Fatal(err)
		}
		p := bundletest.NewPublisher(t, "*")
		reg, err := registry.Open(t.Context(), filepath.Join(t.TempDir(), "objects"), st,
			func(context.Context) (trust.Keys, error) { return p.Keys, nil }, slog.New(slog.DiscardHandler))
		if err == nil {
			_, _, err = reg.Publish(t.Context(), bytes.NewReader(p.BundleOf(t, "meter", "1.0.0", []byte("weights"))), "ada", time.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{shelf: &shelf{objects: map[bundle.Digest]int64{}, began: time.Now()}}
		before(b.shelf)
		b.Bucket = newBucket(b.shelf, reg, slog.New(slog.NewTextHandler(b.shelf, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		synctest.Wait()
		do(t, b)
		cancel()
		if err := errors.Join(<-ended, st.Close()); err != nil {
			t.Error(err)
		}
	})
}

// told counts the lines of the log, and wants the last to say something.
func (b *bench) told(t *testing.T, lines int, last string) {
	t.Helper()
	var text string
	b.change(func() { text = b.shelf.log.String() })
	all := strings.Split(strings.TrimSpace(text), "\n")
	if len(all) != lines || !strings.Contains(all[len(all)-1], last) {
		t.Errorf("the log says\n%s\nwant %d lines and %q at last", text, lines, last)
	}
}

// holds reports whether devices are sent to the shelf for what content is.
func (b *bench) holds(content string) bool {
	_, err := b.Address(context.Background(), http.MethodGet, bundle.DigestOf([]byte(content)))
	return err == nil
}

// looks are when the shelf was listed, since the last looks.
func (b *bench) looks() (asked []time.Duration) {
	synctest.Wait()
	b.change(func() { asked, b.asked = b.asked, nil })
	return asked
}

// TestAStoreThatIsDownIsTriedAgain: less and less often, told once, and at once
// when something was published.
func TestAStoreThatIsDownIsTriedAgain(t *testing.T) {
	down := func(s *shelf) { s.down = errors.New("the store is down") }
	shelved(t, down, func(t *testing.T, b *bench) {
		time.Sleep(time.Hour)
		want := []time.Duration{0, 5, 15, 35, 75, 155, 315, 635, 1235, 1835, 2435, 3035}
		for i := range want {
			want[i] *= time.Second
		}
		if asked := b.looks(); !slices.Equal(asked, want) {
			t.Errorf("asked after %v, want %v", asked, want)
		}
		b.told(t, 1, "is not level")
		b.Wake()
		if len(b.looks()) != 1 {
			t.Error("a change of the registry did not have it tried")
		}
		b.change(func() { b.down = nil })
		time.Sleep(longestPause)
		b.looks()
		b.told(t, 2, "uploaded=4 removed=0")
		if !b.holds("weights") {
			t.Error("once it is back it holds nothing")
		}
		b.change(func() { b.down = errors.New("the store is down again") })
		time.Sleep(24 * time.Hour)
		if n := len(b.looks()); n > 0 {
			t.Errorf("it was asked %d times without a reason", n)
		}
		b.Wake()
		b.looks()
		b.told(t, 3, "the store is down again")
		if b.holds("weights") {
			t.Error("devices are sent to a store that is down")
		}
		time.Sleep(firstPause)
		if len(b.looks()) != 1 {
			t.Error("the wait was not short again")
		}
	})
}

// TestManyChangesAreFewLooks: the one under way, and one that sees the last change.
func TestManyChangesAreFewLooks(t *testing.T) {
	shelved(t, func(*shelf) {}, func(t *testing.T, b *bench) {
		b.told(t, 1, "uploaded=4 removed=0")
		b.looks()
		for range 100 {
			b.Wake()
		}
		if n := len(b.looks()); n < 1 || n > 2 {
			t.Errorf("it looked %d times", n)
		}
		b.told(t, 1, "") // nothing was to be done
	})
}

// TestAStoreThatForgetsWhatItTookIsNotBelieved.
func TestAStoreThatForgetsWhatItTookIsNotBelieved(t *testing.T) {
	shelved(t, func(s *shelf) { s.forgets = true }, func(t *testing.T, b *bench) {
		b.told(t, 1, "was uploaded, and the bucket lists 0 bytes of it")
		if b.holds("weights") {
			t.Error("an object counts as held that no listing shows")
		}
		b.change(func() { b.forgets = false })
		time.Sleep(firstPause)
		b.looks()
		b.told(t, 2, "uploaded=4")
		if !b.holds("weights") {
			t.Error("it is not held")
		}
	})
}

// TestAFullStoreIsClearedFirst: what is superfluous goes, whatever else fails,
// and what is there stays known.
func TestAFullStoreIsClearedFirst(t *testing.T) {
	superfluous := bundle.DigestOf([]byte("superfluous"))
	full := func(s *shelf) {
		s.full = errors.New("the store is full")
		s.objects[superfluous], s.objects[weights], s.objects[bundle.DigestOf([]byte("a seven"))] = 11, 7, 6
	}
	shelved(t, full, func(t *testing.T, b *bench) {
		b.change(func() {
			if _, ok := b.objects[superfluous]; ok || len(b.objects) != 2 {
				t.Errorf("it holds %v", b.objects)
			}
		})
		b.told(t, 1, "the store is full")
		if !b.holds("weights") {
			t.Error("what it holds is not known")
		}
		if b.holds("a seven") {
			t.Error("devices are sent for what is not there whole")
		}
	})
}

func TestAControllerWithoutABucketHoldsNothing(t *testing.T) {
	none, err := Open(Config{}, nil, nil)
	if none != nil || err != nil {
		t.Fatalf("%v, %v", none, err)
	}
	none.Wake()
	if err := none.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := none.Address(t.Context(), http.MethodGet, weights); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "has no bucket") {
		t.Errorf("got %v", err)
	}
}
