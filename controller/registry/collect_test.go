package registry_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

func TestAFailedUploadLeavesNoObjects(t *testing.T) {
	b := newBench(t)
	good := b.Bundle(t, "meter-reader", "1.0.0")
	if _, _, err := b.publish(good); err != nil {
		t.Fatal(err)
	}
	before := b.files(t)
	next := b.Bundle(t, "meter-reader", "2.0.0")
	gone := io.MultiReader(bytes.NewReader(next[:len(next)-1024]), iotest.ErrReader(errors.New("connection reset")))
	for name, file := range map[string]io.Reader{
		"cut short":           bytes.NewReader(next[:len(next)-1024]),
		"a broken connection": gone,
		"a taken version":     bytes.NewReader(b.rekeyed(t).Bundle(t, "meter-reader", "1.0.0")),
	} {
		if _, _, err := b.reg.Publish(t.Context(), file, "ada", now); err == nil {
			t.Fatalf("%s: it was published", name)
		}
		if after := b.files(t); !slices.Equal(before, after) {
			t.Errorf("%s: the disk held %q, now %q", name, before, after)
		}
	}
}

func TestAStartRemovesOldObjectsThatNoBundleNames(t *testing.T) {
	b := newBench(t)
	if _, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	before := b.files(t)
	young := b.orphan(t, "young", time.Now())
	b.orphan(t, "old", time.Now().Add(-31*24*time.Hour))
	before = append(before, young)
	slices.Sort(before)
	// The publisher's key is trusted no more: what it published is kept.
	if _, err := openRegistry(t, b.dir, b.st, trust.Keys{}); err != nil {
		t.Fatal(err)
	}
	if after := b.files(t); !slices.Equal(before, after) {
		t.Errorf("the disk held %q, now %q", before, after)
	}
}

// Without its envelope nobody knows what a bundle consists of: then nothing is
// removed at all, and the registry works on.
func TestNothingIsRemovedWhileABundleCannotBeRead(t *testing.T) {
	b := newBench(t)
	row, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	envelope := filepath.Join(b.dir, "sha256", row.Digest.Hex()[:2], row.Digest.Hex())
	if err := os.WriteFile(envelope, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := b.files(t)
	reg, err := openRegistry(t, b.dir, b.st, b.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := reg.Collect(t.Context(), row.Digest); err == nil || n != 0 {
		t.Errorf("removed %d, %v", n, err)
	}
	if after := b.files(t); !slices.Equal(before, after) {
		t.Errorf("the disk held %q, now %q", before, after)
	}
}

// An upload under way keeps what it found: here its bundle is removed, and
// another upload fails, while its last byte is still to come.
func TestAnUploadKeepsTheObjectsThatItFound(t *testing.T) {
	b := newBench(t)
	file := b.Bundle(t, "meter-reader", "1.0.0")
	row, _, err := b.publish(file)
	if err != nil {
		t.Fatal(err)
	}
	before := b.files(t)
	last := readerFunc(func(p []byte) (int, error) {
		b.remove(t, row)
		next := b.Bundle(t, "meter-reader", "2.0.0")
		if _, _, err := b.publish(next[:len(next)-1]); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("the other upload: %v", err)
		}
		return 0, io.EOF
	})
	again, created, err := b.reg.Publish(t.Context(), io.MultiReader(bytes.NewReader(file), last), "bob", now)
	if err != nil || !created || again.Digest != row.Digest {
		t.Fatalf("created %t, %+v, %v", created, again, err)
	}
	if after := b.files(t); !slices.Equal(before, after) {
		t.Errorf("the disk held %q, now %q", before, after)
	}
}

func TestARemovedBundleLeavesWhatOthersShare(t *testing.T) {
	b := newBench(t)
	first, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	before := b.files(t)
	second, _, err := b.publish(b.Bundle(t, "meter-reader", "2.0.0")) // of the same pictures
	if err != nil {
		t.Fatal(err)
	}
	b.remove(t, second)
	if after := b.files(t); !slices.Equal(before, after) {
		t.Errorf("the disk held %q, now %q", before, after)
	}
	b.remove(t, first)
	if after := b.files(t); len(after) != 0 {
		t.Errorf("left behind: %q", after)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// remove takes a bundle's row away, and collects.
func (b *bench) remove(t *testing.T, row store.Bundle) {
	t.Helper()
	err := b.st.Update(t.Context(), func(tx *store.Tx) error { return tx.RemoveBundle(t.Context(), row.Name, row.Version) })
	if err == nil {
		_, err = b.reg.Collect(t.Context(), row.Digest)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// files lists the files of the registry.
func (b *bench) files(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(b.dir, "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// orphan is an object that no bundle names, of an age.
func (b *bench) orphan(t *testing.T, body string, at time.Time) string {
	t.Helper()
	hex := bundle.DigestOf([]byte(body)).Hex()
	file := filepath.Join(b.dir, "sha256", hex[:2], hex)
	err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(body), 0o644), os.Chtimes(file, at, at))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A database that is gone takes no model with it.
func TestALostDatabaseRemovesNoObjects(t *testing.T) {
	b := newBench(t)
	if _, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	b.orphan(t, "old", time.Now().Add(-31*24*time.Hour))
	before := b.files(t)
	empty, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if _, err := openRegistry(t, b.dir, empty, b.Keys); err == nil || !strings.Contains(err.Error(), "from a backup") {
		t.Errorf("opened beside an empty database: %v", err)
	}
	if after := b.files(t); !slices.Equal(before, after) {
		t.Errorf("the disk held %q, now %q", before, after)
	}
	if _, err := openRegistry(t, b.dir, b.st, b.Keys); err != nil {
		t.Errorf("with its own database back: %v", err)
	}
}

// A power cut in the middle of the first upload ever is no lost database.
func TestAFirstUploadCutShortLetsTheNextStartBe(t *testing.T) {
	b := newBench(t)
	b.orphan(t, "of the first upload", time.Now())
	if _, err := openRegistry(t, b.dir, b.st, b.Keys); err != nil {
		t.Error(err)
	}
}
