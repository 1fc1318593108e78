package registry_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

func TestWhatIsRegisteredIsListedAndReadIntact(t *testing.T) {
	b := newBench(t)
	row, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.publish(b.Bundle(t, "meter-reader", "2.0.0")); err != nil {
		t.Fatal(err)
	}
	b.orphan(t, "nobody's", now)
	list, err := b.reg.Registered(t.Context())
	if err != nil || len(list) != 6 || list[row.Digest] != row.EnvelopeBytes { // two pictures are shared
		t.Fatalf("%v, %v", list, err)
	}
	for d, size := range list {
		f, err := b.reg.Intact(d, size)
		if err != nil {
			t.Fatal(err)
		}
		got, n, err := bundle.DigestReader(f)
		if got != d || n != size || errors.Join(err, f.Close()) != nil {
			t.Errorf("%s gave %s, %d bytes, %v", d, got, n, err)
		}
	}
}

// TestADamagedObjectIsNotPassedOn: whoever reads it does not get its last byte.
func TestADamagedObjectIsNotPassedOn(t *testing.T) {
	const weights = "weights of 1.0.0"
	d, size := bundle.DigestOf([]byte(weights)), int64(len(weights))
	for name, damaged := range map[string]string{
		"a changed byte":      "Weights of 1.0.0",
		"a changed last byte": "weights of 1.0.1",
		"cut":                 "weights of",
		"longer":              weights + "!",
		"empty":               "",
	} {
		b := newBench(t)
		if _, _, err := b.publish(b.Bundle(t, "meter-reader", "1.0.0")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(b.dir, "sha256", d.Hex()[:2], d.Hex()), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := b.reg.Intact(d, size)
		var got bytes.Buffer
		if err == nil {
			_, err = io.Copy(&got, iotest.OneByteReader(f))
			err = errors.Join(err, f.Close())
		}
		if !errors.Is(err, registry.ErrDamaged) || got.Len() >= len(weights) {
			t.Errorf("%s: read %q, %v", name, &got, err)
		}
	}
	b := newBench(t)
	if _, err := b.reg.Intact(d, size); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's object: %v", err)
	}
}
