package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/bucket/buckettest"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// branch is an office whose controller keeps a bucket in a real S3 server, a way
// to that controller that counts, and what a device there fetches with.
type branch struct {
	*office
	store *buckettest.Store
	way   *metered
	log   bytes.Buffer // of the device
}

func openBranch(t *testing.T) *branch {
	t.Helper()
	store := buckettest.Open(t)
	o := openOfficeWith(t, store.Config)
	return &branch{office: o, store: store, way: meter(t, o)}
}

// fetcher is what a device has that was told of the bucket; in a folder, after a
// restart.
func (b *branch) fetcher(dir string) *fetch.Fetcher {
	b.t.Helper()
	f, err := fetch.New(fetch.Options{
		Base: b.way.URL + "/v1/artefacts", Mirrors: []string{b.way.URL + "/v1/s3"}, RedirectHosts: []string{b.store.Host()},
		Dir: filepath.Join(dir, "incoming"), Log: slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// large publishes a release of which the model has so many bytes of chance.
func (b *branch) large(size int) bundle.File {
	b.t.Helper()
	payload, m, objects := b.unpacked(b.pack("meter-reader", "2.0.0", "publisher.key"))
	old, _ := m.File(m.Model)
	model := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{'s', '3'}).Read(model); err != nil {
		b.t.Fatal(err)
	}
	d := bundle.DigestOf(model)
	objects[d] = model
	payload = bytes.Replace(payload, []byte(old.Digest.Hex()), []byte(d.Hex()), 1)
	payload = bytes.Replace(payload, fmt.Appendf(nil, `"size_bytes":%d`, old.Size), fmt.Appendf(nil, `"size_bytes":%d`, size), 1)
	key, err := config.PrivateKey(b.key("publisher.key"), []byte(passphrase))
	if err != nil {
		b.t.Fatal(err)
	}
	if m, err = bundle.ParseManifest(payload); err != nil {
		b.t.Fatal(err)
	}
	envelope, err := trust.Sign(bundle.ManifestType, payload, key)
	if err != nil {
		b.t.Fatal(err)
	}
	var file bytes.Buffer
	open := func(f bundle.File) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(objects[f.Digest])), nil
	}
	if err := errors.Join(bundle.Write(&file, envelope, m, open), os.WriteFile(b.file("large.sqb"), file.Bytes(), 0o600)); err != nil {
		b.t.Fatal(err)
	}
	b.publishes(exit.Done, b.file("large.sqb"))
	f, _ := m.File(m.Model)
	b.awaitUploaded(f.Digest)
	return f
}

// ask asks the controller where the bucket has an object, and follows nowhere.
func (b *branch) ask(d bundle.Digest) *http.Response {
	b.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: patience}
	reply, err := client.Get(b.url + "/v1/s3/sha256/" + d.Hex())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := reply.Body.Close(); err != nil {
		b.t.Fatal(err)
	}
	return reply
}

func (b *branch) awaitUploaded(d bundle.Digest) {
	b.t.Helper()
	until(b.t, "the object in the bucket", func() bool { return b.ask(d).StatusCode == http.StatusTemporaryRedirect })
}

// fetches has a device fetch an object, and counts what that costs: from the
// store, and from the controller.
func (b *branch) fetches(f *fetch.Fetcher, object bundle.File) (fromStore, fromController int64) {
	b.t.Helper()
	_, store := b.store.Read()
	controller := b.fromController()
	file, err := f.Fetch(b.t.Context(), object.Digest, object.Size)
	if err != nil {
		b.t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil || bundle.DigestOf(content) != object.Digest {
		b.t.Fatalf("fetched %d bytes, which are not the object: %v", len(content), err)
	}
	_, sent := b.store.Read()
	b.wantNoSignature()
	return sent - store, b.fromController() - controller
}

func (b *branch) fromController() int64 { return int64(b.way.brought("/v1/artefacts/")) }

// wantNoSignature holds the device's log to be no way into the bucket.
func (b *branch) wantNoSignature() {
	b.t.Helper()
	if strings.Contains(b.log.String(), "X-Amz") {
		b.t.Errorf("the log has a presigned address: %s", &b.log)
	}
}

// TestADeviceFetchesFromTheBucket: all of a release comes from there, the
// envelope too; the controller tells the way, and what to believe.
func TestADeviceFetchesFromTheBucket(t *testing.T) {
	b := openBranch(t)
	file := b.pack("meter-reader", "2.0.0", "publisher.key")
	b.publishes(exit.Done, file)
	_, m, _ := b.unpacked(file)
	total := b.bundles()[0].TotalBytes
	for _, f := range m.Objects() {
		b.awaitUploaded(f.Digest)
	}
	through := *b.office
	through.url = b.way.URL
	device := startAgent(t, buildAgent(t), &through,
		`"mirrors": ["`+b.way.URL+`/v1/s3"]`, `"redirect_hosts": ["`+b.store.Host()+`"]`)
	until(t, "the device online", func() bool { return b.showsOnline(true) })
	b.asks(exit.Done, "rollout", "start", "meter-reader@2.0.0", "--waves", "100%", "--wait")
	if n := b.fromController(); n != 0 {
		t.Errorf("%d bytes of objects came from the controller", n)
	}
	if _, sent := b.store.Read(); sent != total {
		t.Errorf("%d bytes came from the bucket, want %d", sent, total)
	}
	wantReading(t, device.addr, b.file("samples/pictures/000.png"))
	device.end()
}

// TestAPresignedAddressIsNobodysToKeep.
func TestAPresignedAddressIsNobodysToKeep(t *testing.T) {
	b := openBranch(t)
	model := b.large(100_000)
	reply := b.ask(model.Digest)
	to, err := url.Parse(reply.Header.Get("Location"))
	if err != nil || to.Host != b.store.Host() || to.Query().Get("X-Amz-Expires") != "3600" || to.Query().Get("X-Amz-SignedHeaders") != "host" {
		t.Errorf("it redirects to %s, %v", to, err)
	}
	if got := reply.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if reply := b.ask(bundle.DigestOf([]byte("nobody's"))); reply.StatusCode != http.StatusNotFound {
		t.Errorf("nobody's object: %s", reply.Status)
	}
}

// TestADownloadFromTheBucketGoesOnWhereItWasCut: through another presigned
// address, after a restart, for at most 2 % more bytes.
func TestADownloadFromTheBucketGoesOnWhereItWasCut(t *testing.T) {
	b := openBranch(t)
	model := b.large(18 << 20) // two parts of an upload
	b.lose(model.Digest)       // the controller cannot help
	dir := t.TempDir()
	b.store.CutAfter(11 << 20)
	_, err := b.fetcher(dir).Fetch(t.Context(), model.Digest, model.Size)
	if want := fmt.Sprintf("the transfer was cut after %d of %d bytes", 11<<20, model.Size); err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q; the log says %s", err, want, &b.log)
	}
	fromStore, fromController := b.fetches(b.fetcher(dir), model)
	_, sent := b.store.Read()
	t.Logf("%d bytes, cut after %d: %d bytes in all (%.4f ×), %d of them after the cut", model.Size, 11<<20, sent, float64(sent)/float64(model.Size), fromStore)
	if float64(sent) > 1.02*float64(model.Size) || fromController > 0 {
		t.Errorf("%d bytes came from the bucket for %d, %d from the controller", sent, model.Size, fromController)
	}
	if ranges, _ := b.store.Read(); !slices.Equal(ranges, []string{"", fmt.Sprintf("bytes=%d-", 11<<20)}) {
		t.Errorf("the bucket was asked for %q", ranges)
	}
}

// TestAThiefOfTheBucketChangesNothing: what somebody wrote over an object, with
// its length, is refused by its digest, and the controller's is fetched.
func TestAThiefOfTheBucketChangesNothing(t *testing.T) {
	b := openBranch(t)
	model := b.large(1 << 20)
	b.store.Put("sha256/"+model.Digest.Hex(), strings.Repeat("x", int(model.Size)))
	fromStore, fromController := b.fetches(b.fetcher(t.TempDir()), model)
	if fromStore != model.Size || fromController != model.Size {
		t.Errorf("%d bytes came from the bucket and %d from the controller, want %d of each", fromStore, fromController, model.Size)
	}
	if !strings.Contains(b.log.String(), "are not what was asked for") {
		t.Errorf("the log says %s", &b.log)
	}
}

// TestABucketThatIsDownStopsNothing: neither a device, nor a publisher; once it
// is back it is brought level.
func TestABucketThatIsDownStopsNothing(t *testing.T) {
	b := openBranch(t)
	model := b.large(1 << 20)
	b.store.Break(true)
	if fromStore, fromController := b.fetches(b.fetcher(t.TempDir()), model); fromStore != 0 || fromController != model.Size {
		t.Errorf("%d bytes came from the bucket and %d from the controller", fromStore, fromController)
	}
	if !strings.Contains(b.log.String(), b.store.Host()+", to which it redirects: the server hung up") {
		t.Errorf("the log does not say who failed: %s", &b.log)
	}
	b.publishes(exit.Done, b.damagedRelease(), "--no-delta")
	until(t, "the controller to know that the bucket is down", func() bool { return b.ask(model.Digest).StatusCode == http.StatusNotFound })
	if fromStore, fromController := b.fetches(b.fetcher(t.TempDir()), model); fromStore != 0 || fromController != model.Size {
		t.Errorf("%d bytes came from the bucket and %d from the controller", fromStore, fromController)
	}
	b.store.Break(false)
	b.awaitUploaded(model.Digest)
}

// TestWhatIsRemovedLeavesTheBucket.
func TestWhatIsRemovedLeavesTheBucket(t *testing.T) {
	b := openBranch(t)
	model := b.large(1 << 20)
	b.store.Put("a person's own", "and not ours")
	b.asks(exit.Done, "bundles", "remove", "meter-reader@2.0.0")
	until(t, "an empty bucket", func() bool { return len(b.store.Sizes()) == 1 })
	if got := slices.Collect(maps.Keys(b.store.Sizes())); !slices.Equal(got, []string{"a person's own"}) {
		t.Errorf("left are %q", got)
	}
	if reply := b.ask(model.Digest); reply.StatusCode != http.StatusNotFound {
		t.Errorf("its model is answered %s", reply.Status)
	}
	if _, err := b.fetcher(t.TempDir()).Fetch(t.Context(), model.Digest, model.Size); err == nil {
		t.Error("it can still be fetched")
	}
}
