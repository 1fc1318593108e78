package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
)

// The models of two releases, which have most in common.
var (
	oldModel = padded("1.0.0")
	newModel = padded("2.0.0")
)

func padded(version string) []byte {
	return []byte("weights of " + version + strings.Repeat(" and the rest", 400))
}

// twoReleases is a bench with both published.
func twoReleases(t *testing.T) (b *bench, first, second store.Bundle) {
	t.Helper()
	b = newBench(t)
	for version, row := range map[string]*store.Bundle{"1.0.0": &first, "2.0.0": &second} {
		var err error
		if *row, _, err = b.publish(b.BundleOf(t, "meter-reader", version, padded(version))); err != nil {
			t.Fatal(err)
		}
	}
	return b, first, second
}

func encoded(t *testing.T, base, target []byte) []byte {
	t.Helper()
	var d bytes.Buffer
	if _, err := delta.Encode(&d, delta.File{Data: base}, delta.File{Data: target}); err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

func (b *bench) putDelta(d []byte) (int64, bool, error) {
	return b.reg.PutDelta(context.Background(), bundle.DigestOf(newModel), bundle.DigestOf(oldModel), bytes.NewReader(d), "ada", now)
}

func TestADeltaIsServedAsItCame(t *testing.T) {
	b, _, _ := twoReleases(t)
	d := encoded(t, oldModel, newModel)
	if _, err := b.reg.Delta(bundle.DigestOf(newModel), bundle.DigestOf(oldModel)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before it came: %v", err)
	}
	size, created, err := b.putDelta(d)
	if err != nil || !created || size != int64(len(d)) {
		t.Fatalf("%d bytes, created %t, %v", size, created, err)
	}
	size, created, err = b.putDelta([]byte("another one, which is not even read"))
	if err != nil || created || size != int64(len(d)) {
		t.Errorf("the second time: %d bytes, created %t, %v", size, created, err)
	}
	f, err := b.reg.Delta(bundle.DigestOf(newModel), bundle.DigestOf(oldModel))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil || !bytes.Equal(got, d) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	log, err := b.st.AuditLog(t.Context(), 1)
	if err != nil || log[0].Who != "ada" || !strings.Contains(log[0].What, "that makes "+bundle.DigestOf(newModel).String()) {
		t.Errorf("audit log %v, %v", log, err)
	}
}

// Whatever does not make the target of the base is refused at the door, and
// leaves nothing.
func TestAttackDeltasThatAreRefused(t *testing.T) {
	b, first, _ := twoReleases(t)
	good := encoded(t, oldModel, newModel)
	changed := bytes.Clone(good)
	changed[len(changed)-2] ^= 1
	stranger := []byte("no bundle has this")
	old, next := bundle.DigestOf(oldModel), bundle.DigestOf(newModel)
	before := b.files(t)
	for name, c := range map[string]struct {
		target, base bundle.Digest
		body         io.Reader
		want         error
		why          string
	}{
		"no delta":               {next, old, strings.NewReader(strings.Repeat("x", 200)), registry.ErrDeltaRefused, "does not begin as a delta does"},
		"empty":                  {next, old, strings.NewReader(""), registry.ErrDeltaRefused, "cut short"},
		"a changed byte":         {next, old, bytes.NewReader(changed), registry.ErrDeltaRefused, "apply delta"},
		"cut short":              {next, old, bytes.NewReader(good[:len(good)-1]), registry.ErrDeltaRefused, "cut short"},
		"more behind":            {next, old, bytes.NewReader(append(bytes.Clone(good), 0)), registry.ErrDeltaRefused, "more follows"},
		"without end":            {next, old, io.MultiReader(bytes.NewReader(good), zeros{}), registry.ErrDeltaRefused, "it is no shorter than the"},
		"of another base":        {next, old, bytes.NewReader(encoded(t, nil, newModel)), registry.ErrDeltaRefused, "its base is"},
		"of another target":      {old, next, bytes.NewReader(good), registry.ErrDeltaRefused, "its base is"},
		"from itself":            {old, old, bytes.NewReader(good), registry.ErrDeltaRefused, "from itself"},
		"a target nobody named":  {bundle.DigestOf(stranger), old, bytes.NewReader(encoded(t, oldModel, stranger)), store.ErrNotFound, "of a published bundle"},
		"a base nobody named":    {next, bundle.DigestOf(stranger), bytes.NewReader(encoded(t, stranger, newModel)), store.ErrNotFound, "of a published bundle"},
		"an envelope for a base": {next, first.Digest, bytes.NewReader(good), store.ErrNotFound, "of a published bundle"},
		"a broken connection":    {next, old, io.MultiReader(bytes.NewReader(good[:50]), iotest.ErrReader(io.ErrClosedPipe)), io.ErrClosedPipe, "receive it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, created, err := b.reg.PutDelta(t.Context(), c.target, c.base, c.body, "ada", now)
			if created || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("created %t, %v, want %q", created, err, c.why)
			}
			if after := b.files(t); !slices.Equal(before, after) {
				t.Errorf("the disk held %q, now %q", before, after)
			}
		})
	}
	if _, _, err := b.putDelta(good); err != nil {
		t.Errorf("the good one after all of them: %v", err)
	}
}

// A delta that is as long as its target saves nothing, and is cut off there.
func TestADeltaIsShorterThanWhatItMakes(t *testing.T) {
	b := newBench(t)
	for _, version := range []string{"1.0.0", "2.0.0"} {
		if _, _, err := b.publish(b.Bundle(t, "meter-reader", version)); err != nil {
			t.Fatal(err)
		}
	}
	base, target := []byte("weights of 1.0.0"), []byte("weights of 2.0.0")
	_, _, err := b.reg.PutDelta(t.Context(), bundle.DigestOf(target), bundle.DigestOf(base), bytes.NewReader(encoded(t, base, target)), "ada", now)
	if !errors.Is(err, registry.ErrDeltaRefused) || !strings.Contains(err.Error(), "no shorter than the 16 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestADeltaIsCollectedWithEitherEnd(t *testing.T) {
	for name, end := range map[string]func(first, second store.Bundle) store.Bundle{
		"base":   func(first, _ store.Bundle) store.Bundle { return first },
		"target": func(_, second store.Bundle) store.Bundle { return second },
	} {
		t.Run(name, func(t *testing.T) {
			b, first, second := twoReleases(t)
			if _, _, err := b.putDelta(encoded(t, oldModel, newModel)); err != nil {
				t.Fatal(err)
			}
			if n, err := b.reg.Collect(t.Context(), first.Digest); n != 0 || err != nil {
				t.Errorf("with both ends there %d files went, %v", n, err)
			}
			b.remove(t, end(first, second))
			if left, err := filepath.Glob(filepath.Join(b.dir, "deltas", "*", "*")); err != nil || len(left) != 0 {
				t.Errorf("left: %q, %v", left, err)
			}
		})
	}
}

func TestAStartRemovesADeltaThatWasCutOff(t *testing.T) {
	b, _, _ := twoReleases(t)
	if _, _, err := b.putDelta(encoded(t, oldModel, newModel)); err != nil {
		t.Fatal(err)
	}
	before := b.files(t)
	cut := filepath.Join(b.dir, "deltas", bundle.DigestOf(newModel).Hex()[:2], ".incoming-123")
	if err := os.WriteFile(cut, []byte("SQDELTA"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openRegistry(t, b.dir, b.st, b.Keys); err != nil {
		t.Fatal(err)
	}
	if after := b.files(t); !slices.Equal(before, after) {
		t.Errorf("the disk held %q, now %q", before, after)
	}
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
