package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/bucket"
	"github.com/squadron-edge/squadron/controller/bucket/buckettest"
	"github.com/squadron-edge/squadron/controller/internal/bundletest"
	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// bench is a registry and a bucket of a real server, kept level.
type bench struct {
	bundletest.Publisher
	t     *testing.T
	dir   string // of the objects
	st    *store.Store
	reg   *registry.Registry
	store *buckettest.Store
	b     *bucket.Bucket
	log   *lines
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{Publisher: bundletest.NewPublisher(t, "*"), t: t, dir: filepath.Join(t.TempDir(), "objects"), store: buckettest.Open(t), log: newLines()}
	var err error
	if b.st, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.st.Close(); err != nil {
			t.Error(err)
		}
	})
	publishers := func(context.Context) (trust.Keys, error) { return b.Keys, nil }
	if b.reg, err = registry.Open(t.Context(), b.dir, b.st, publishers, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return b
}

// run keeps the bucket level until the test ends.
func (b *bench) run() {
	b.t.Helper()
	var err error
	if b.b, err = bucket.Open(b.store.Config, b.reg, slog.New(slog.NewTextHandler(b.log, nil))); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.b.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

func (b *bench) publish(version string, model []byte) store.Bundle {
	b.t.Helper()
	row, _, err := b.reg.Publish(b.t.Context(), bytes.NewReader(b.BundleOf(b.t, "meter", version, model)), "ada", time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

// want holds the bucket to the registry, and to what else is told.
func (b *bench) want(others map[string]int64) {
	b.t.Helper()
	want := maps.Clone(others)
	list, err := b.reg.Registered(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for d, size := range list {
		want["sha256/"+d.Hex()] = size
	}
	if have := b.store.Sizes(); !maps.Equal(have, want) {
		b.t.Errorf("the bucket holds %v, want %v", have, want)
	}
}

// get reads through a presigned address.
func (b *bench) get(method string, d bundle.Digest) (status int, body []byte) {
	b.t.Helper()
	address, err := b.b.Address(b.t.Context(), method, d)
	if err != nil {
		b.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	body, err = io.ReadAll(reply.Body)
	if err := errors.Join(err, reply.Body.Close()); err != nil {
		b.t.Fatal(err)
	}
	return reply.StatusCode, body
}

// TestABucketIsKeptLevel: with what was published before it was there, with what
// is published and removed then, and without what is nobody's; keys that are not
// ours stay.
func TestABucketIsKeptLevel(t *testing.T) {
	b := open(t)
	large := bytes.Repeat([]byte("a model of more than one part. "), 18<<20/31)
	first := b.publish("1.0.0", large)
	stranger := "sha256/" + strings.Repeat("ab", 32)
	b.store.Put(stranger, "superfluous")
	b.store.Put("sha256/README", "a person's")
	b.store.Put("backup/fleet.db", "a person's")
	others := map[string]int64{"sha256/README": 10, "backup/fleet.db": 10}
	weights := bundle.DigestOf([]byte("weights of 2.0.0"))
	b.store.Put("sha256/"+weights.Hex(), "cut short") // as an upload that somebody else began
	second := b.publish("2.0.0", []byte("weights of 2.0.0"))

	b.run()
	if line := b.log.next(t); !strings.Contains(line, "level with the registry") || !strings.Contains(line, "uploaded=6 removed=1 redirect_hosts="+b.store.Host()) {
		t.Errorf("the log says %s", line)
	}
	b.want(others)
	if status, body := b.get(http.MethodGet, bundle.DigestOf(large)); status != http.StatusOK || !bytes.Equal(body, large) {
		t.Errorf("the large model is %d, %d bytes", status, len(body))
	}
	if status, body := b.get(http.MethodGet, weights); status != http.StatusOK || string(body) != "weights of 2.0.0" {
		t.Errorf("the weights are %d %q", status, body)
	}
	if status, _ := b.get(http.MethodHead, second.Digest); status != http.StatusOK {
		t.Errorf("HEAD gave %d", status)
	}

	b.publish("3.0.0", []byte("weights of 3.0.0"))
	if _, err := b.b.Address(t.Context(), http.MethodGet, bundle.DigestOf([]byte("weights of 3.0.0"))); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is not uploaded yet: %v", err)
	}
	b.b.Wake()
	if line := b.log.next(t); !strings.Contains(line, "uploaded=2 removed=0") {
		t.Errorf("the log says %s", line)
	}
	b.want(others)

	err := b.st.Update(t.Context(), func(tx *store.Tx) error { return tx.RemoveBundle(t.Context(), "meter", "1.0.0") })
	if err == nil {
		_, err = b.reg.Collect(t.Context(), first.Digest)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.b.Wake()
	if line := b.log.next(t); !strings.Contains(line, "uploaded=0 removed=2") {
		t.Errorf("the log says %s", line)
	}
	b.want(others)
	if _, err := b.b.Address(t.Context(), http.MethodGet, bundle.DigestOf(large)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was removed: %v", err)
	}
}

// TestWhatThisDiskDamagedIsNotUploaded: and keeps nothing else from it.
func TestWhatThisDiskDamagedIsNotUploaded(t *testing.T) {
	b := open(t)
	b.publish("1.0.0", []byte("weights of 1.0.0"))
	b.publish("2.0.0", []byte("weights of 2.0.0"))
	damaged, lost := bundle.DigestOf([]byte("weights of 1.0.0")), bundle.DigestOf([]byte("weights of 2.0.0"))
	path := func(d bundle.Digest) string { return filepath.Join(b.dir, "sha256", d.Hex()[:2], d.Hex()) }
	if err := errors.Join(os.WriteFile(path(damaged), []byte("weights of 1.0.1"), 0o644), os.Remove(path(lost))); err != nil {
		t.Fatal(err)
	}
	b.run()
	line := b.log.next(t)
	for _, d := range []bundle.Digest{damaged, lost} {
		if !strings.Contains(line, "upload object "+d.String()) {
			t.Errorf("the log does not name %s: %s", d, line)
		}
	}
	have := b.store.Sizes()
	if len(have) != 4 || have["sha256/"+damaged.Hex()] != 0 || have["sha256/"+lost.Hex()] != 0 {
		t.Errorf("the bucket holds %v", have)
	}
}

func TestAStoreThatRefusesIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*bucket.Config)
		want string
	}{
		"a wrong secret": {func(c *bucket.Config) { c.Credentials.SecretAccessKey = "guess" }, "list bucket models at localhost:"},
		"no such bucket": {func(c *bucket.Config) { c.Name = "nobodys" }, "bucket nobodys at localhost:"},
		"nobody there":   {func(c *bucket.Config) { c.Endpoint = "http://127.0.0.1:1" }, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			b.publish("1.0.0", []byte("weights"))
			c.edit(&b.store.Config)
			b.run()
			line := b.log.next(t)
			if !strings.Contains(line, "is not level") || !strings.Contains(line, c.want) || strings.Contains(line, "guess") {
				t.Errorf("the log says %s", line)
			}
			if _, err := b.b.Address(t.Context(), http.MethodGet, bundle.DigestOf([]byte("weights"))); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("an address of what is not there: %v", err)
			}
		})
	}
}
