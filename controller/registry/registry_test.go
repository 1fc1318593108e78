package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/squadron-edge/squadron/controller/internal/bundletest"
	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAPublishedBundleIsServedByDigest(t *testing.T) {
	b := newBench(t)
	row, created, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0"))
	if err != nil || !created {
		t.Fatalf("created %t, %v", created, err)
	}
	if row.Name != "meter-reader" || row.By != "ada" || row.TotalBytes <= row.EnvelopeBytes {
		t.Errorf("row %+v", row)
	}
	for _, d := range []bundle.Digest{row.Digest, bundle.DigestOf([]byte("weights of 1.0.0"))} {
		f, err := b.reg.Object(d)
		if err != nil {
			t.Fatal(err)
		}
		got, size, err := bundle.DigestReader(f)
		if got != d || size != f.Size || err != nil {
			t.Errorf("object %s holds %s, %d bytes, %v", d, got, size, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	log, err := b.st.AuditLog(t.Context(), 9)
	if err != nil || len(log) != 1 || log[0].Who != "ada" || !strings.Contains(log[0].What, row.Digest.String()) {
		t.Errorf("audit log %v, %v", log, err)
	}
}

func TestPublishingAgainChangesNothing(t *testing.T) {
	b := newBench(t)
	file := b.Bundle(t, "meter-reader", "1.0.0")
	first, _, err := b.publish(file)
	if err != nil {
		t.Fatal(err)
	}
	again, created, err := b.publish(file)
	if err != nil || created || again.Digest != first.Digest {
		t.Errorf("created %t, %v, %v", created, again, err)
	}
}

// What a disk did to an object is mended by publishing its bundle again, and
// nothing else of it is written.
func TestPublishingAgainMendsWhatTheDiskDamaged(t *testing.T) {
	b := newBench(t)
	file := b.Bundle(t, "meter-reader", "1.0.0")
	row, _, err := b.publish(file)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(b.dir, "sha256", "*", "*"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("objects %v, %v", paths, err)
	}
	for what, damage := range map[string]func([]byte) []byte{
		"a bit":      func(whole []byte) []byte { whole[len(whole)/2] ^= 1; return whole },
		"its end":    func(whole []byte) []byte { return whole[:len(whole)-1] },
		"all of it":  func([]byte) []byte { return nil },
		"a byte too": func(whole []byte) []byte { return append(whole, 'x') },
	} {
		for _, path := range paths {
			whole := read(t, path)
			if err := os.WriteFile(path, damage(bytes.Clone(whole)), 0o644); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			b.reopen(t, &log)
			again, created, err := b.publish(file)
			if err != nil || created || again.Digest != row.Digest {
				t.Fatalf("%s: created %t, %v, %v", what, created, again, err)
			}
			if !bytes.Equal(read(t, path), whole) {
				t.Errorf("%s of %s is lost", what, filepath.Base(path))
			}
			if text := log.String(); strings.Count(text, "damaged on the disk") != 1 || !strings.Contains(text, filepath.Base(path)) {
				t.Errorf("%s of %s: the log says %q", what, filepath.Base(path), text)
			}
		}
	}
}

// A damaged upload mends what of it is whole, and nothing else.
func TestADamagedUploadPutsNothingWorseInPlace(t *testing.T) {
	b := newBench(t)
	file := b.Bundle(t, "meter-reader", "1.0.0")
	row, _, err := b.publish(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Replace(file, []byte("weights of"), []byte("Weights of"), 1)
	paths, err := filepath.Glob(filepath.Join(b.dir, "sha256", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if filepath.Base(path) == row.Digest.Hex() {
			continue
		}
		if err := os.WriteFile(path, []byte("damaged"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.publish(bad); !errors.Is(err, registry.ErrRefused) {
		t.Errorf("got %v", err)
	}
	for _, path := range paths {
		now := read(t, path)
		if digest := bundle.DigestOf(now).Hex(); digest != filepath.Base(path) && string(now) != "damaged" {
			t.Errorf("%s holds the bytes of %s", filepath.Base(path), digest)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAVersionIsNeverChanged(t *testing.T) {
	b := newBench(t)
	first, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	other := b.rekeyed(t).Bundle(t, "meter-reader", "1.0.0")
	_, _, err = b.publish(other)
	if !errors.Is(err, registry.ErrConflict) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"ada published meter-reader 1.0.0 at 2026-01-02 03:04:05Z as " + first.Digest.Short(),
		"another bundle, " + digestOf(t, other).Short(), "pack this one as another version",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %q", want, err)
		}
	}
}

// A damaged file is told to be damaged, also under a version that is taken.
func TestDamageIsToldBeforeATakenVersion(t *testing.T) {
	b := newBench(t)
	good := b.Bundle(t, "meter-reader", "1.0.0")
	if _, _, err := b.publish(good); err != nil {
		t.Fatal(err)
	}
	other := b.rekeyed(t).Bundle(t, "meter-reader", "1.0.0")
	for name, bad := range map[string][]byte{"the same bundle": good, "another bundle": other} {
		bad = bytes.Replace(bad, []byte("weights of"), []byte("Weights of"), 1)
		_, _, err := b.publish(bad)
		if !errors.Is(err, registry.ErrRefused) || errors.Is(err, registry.ErrConflict) {
			t.Errorf("%s, damaged: %v", name, err)
		}
		if _, _, err := b.publish(bad[:len(bad)-2000]); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("%s, cut short: %v", name, err)
		}
	}
}

func TestEachChangedByteIsRefused(t *testing.T) {
	b := newBench(t)
	good := b.Bundle(t, "meter-reader", "1.0.0")
	for i := 0; i < len(good); i += 37 {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, _, err := b.publish(bad); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("byte %d changed: got %v", i, err)
		}
	}
	b.expectNothing(t)
}

func TestABundleThatEndsEarlyIsRefused(t *testing.T) {
	b := newBench(t)
	good := b.Bundle(t, "meter-reader", "1.0.0")
	if _, _, err := b.publish(good[:len(good)-2000]); !errors.Is(err, registry.ErrRefused) {
		t.Errorf("got %v", err)
	}
	b.expectNothing(t)
}

func TestABrokenConnectionIsNotTheBundlesFault(t *testing.T) {
	b := newBench(t)
	good := b.Bundle(t, "meter-reader", "1.0.0")
	gone := errors.New("connection reset")
	r := io.MultiReader(bytes.NewReader(good[:len(good)-2000]), iotest.ErrReader(gone))
	_, _, err := b.reg.Publish(t.Context(), r, "ada", now)
	if !errors.Is(err, gone) || errors.Is(err, registry.ErrRefused) {
		t.Errorf("got %v", err)
	}
	b.expectNothing(t)
}

func TestAStrangersSignatureIsRefused(t *testing.T) {
	b := newBench(t)
	stranger := bundletest.Publisher{Key: key(t, "x")}
	_, _, err := b.publish(stranger.Bundle(t, "meter-reader", "1.0.0"))
	if !errors.Is(err, registry.ErrRefused) {
		t.Errorf("got %v", err)
	}
	b.expectNothing(t)
}

func TestAPublisherKeepsToItsModels(t *testing.T) {
	b := newBench(t)
	_, _, err := b.publish(b.Bundle(t, "face-reader", "1.0.0"))
	if !errors.Is(err, registry.ErrRefused) || !strings.Contains(err.Error(), "face-reader") {
		t.Errorf("got %v", err)
	}
	b.expectNothing(t)
}

func TestWhatABrokenUploadLeftIsRemoved(t *testing.T) {
	b := newBench(t)
	left := filepath.Join(b.dir, "sha256", "ab", ".incoming-123")
	if err := os.MkdirAll(filepath.Dir(left), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openRegistry(t, b.dir, b.st, b.Keys); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestADiskThatFailsIsNotTheBundlesFault(t *testing.T) {
	b := newBench(t)
	file := b.Bundle(t, "meter-reader", "1.0.0")
	if err := os.RemoveAll(filepath.Join(b.dir, "sha256")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "sha256"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.publish(file)
	if err == nil || errors.Is(err, registry.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

// bench is an open registry and a publisher that it trusts.
type bench struct {
	bundletest.Publisher
	dir string
	st  *store.Store
	reg *registry.Registry
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Publisher: bundletest.NewPublisher(t, "meter-*"), dir: filepath.Join(t.TempDir(), "objects")}
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	b.st = st
	if b.reg, err = openRegistry(t, b.dir, st, b.Keys); err != nil {
		t.Fatal(err)
	}
	return b
}

func openRegistry(t *testing.T, dir string, st *store.Store, keys trust.Keys) (*registry.Registry, error) {
	return registry.Open(t.Context(), dir, st, func(context.Context) (trust.Keys, error) { return keys, nil }, slog.New(slog.DiscardHandler))
}

// reopen has the registry tell log what it does.
func (b *bench) reopen(t *testing.T, log io.Writer) {
	t.Helper()
	publishers := func(context.Context) (trust.Keys, error) { return b.Keys, nil }
	reg, err := registry.Open(t.Context(), b.dir, b.st, publishers, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.reg = reg
}

// rekeyed is a second publisher that the registry, opened anew, trusts too.
func (b *bench) rekeyed(t *testing.T) bundletest.Publisher {
	t.Helper()
	p := bundletest.Publisher{Key: key(t, "k")}
	public := p.Key.Public()
	keys := b.Keys
	keys.Publishers = append(keys.Publishers, trust.Publisher{Key: public, ID: public.ID(), Models: []trust.Pattern{"*"}})
	reg, err := openRegistry(t, b.dir, b.st, keys)
	if err != nil {
		t.Fatal(err)
	}
	b.reg = reg
	return p
}

func (b *bench) publish(file []byte) (store.Bundle, bool, error) {
	return b.reg.Publish(context.Background(), bytes.NewReader(file), "ada", now)
}

// digestOf is the digest of a bundle file.
func digestOf(t *testing.T, file []byte) (d bundle.Digest) {
	t.Helper()
	verify := func(envelope []byte) (*bundle.Manifest, error) {
		d = bundle.DigestOf(envelope)
		return nil, errors.New("that is all")
	}
	if err := bundle.Read(bytes.NewReader(file), verify, nil); d.IsZero() {
		t.Fatal(err)
	}
	return d
}

// expectNothing is for after a refusal.
func (b *bench) expectNothing(t *testing.T) {
	t.Helper()
	rows, err := b.st.Bundles(t.Context())
	if err != nil || len(rows) > 0 {
		t.Errorf("published: %v, %v", rows, err)
	}
	left, err := filepath.Glob(filepath.Join(b.dir, "sha256", "*", ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func key(t *testing.T, letter string) trust.PrivateKey {
	t.Helper()
	k, err := trust.Generate(strings.NewReader(strings.Repeat(letter, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}
