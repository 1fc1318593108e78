package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// metered is a way to the controller that counts what comes back, by path.
type metered struct {
	*httptest.Server
	mu    sync.Mutex
	bytes map[string]int
}

func meter(t *testing.T, o *office) *metered {
	t.Helper()
	to, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	m := &metered{bytes: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(&meteredWriter{w, m, r.URL.Path}, r)
	}))
	t.Cleanup(m.Close)
	return m
}

type meteredWriter struct {
	http.ResponseWriter
	m    *metered
	path string
}

func (w *meteredWriter) Write(b []byte) (int, error) {
	w.m.mu.Lock()
	w.m.bytes[w.path] += len(b)
	w.m.mu.Unlock()
	return w.ResponseWriter.Write(b)
}

// Unwrap lets the proxy flush.
func (w *meteredWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// brought is how many bytes came from paths that hold a part.
func (m *metered) brought(part string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path, bytes := range m.bytes {
		if strings.Contains(path, part) {
			n += bytes
		}
	}
	return n
}

// TestTheNextVersionArrivesAsADelta has a real device take 2.0.0 and then 3.0.0,
// of which one layer is other, and counts what comes over the wire.
func TestTheNextVersionArrivesAsADelta(t *testing.T) {
	o := openOffice(t)
	way := meter(t, o)
	through := *o
	through.url = way.URL
	first := o.pack("meter-reader", "2.0.0", "publisher.key")
	if _, told := o.publishes(exit.Done, first); strings.Contains(told, "delta") || strings.Contains(told, "MiB for devices") {
		t.Errorf("the first version told of deltas: %q", told)
	}
	device := startAgent(t, buildAgent(t), &through)
	until(t, "the device online", func() bool { return o.showsOnline(true) })
	o.asks(exit.Done, "rollout", "start", "meter-reader@2.0.0", "--waves", "100%", "--wait")

	next := o.damagedRelease()
	out, _ := o.publishes(exit.Done, next, "--json")
	var published publishAnswer
	if err := json.Unmarshal([]byte(out), &published); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if len(published.Deltas) != 1 || published.Version != "3.0.0" {
		t.Fatalf("published %+v", published)
	}
	d := published.Deltas[0]
	if d.Path != "model.onnx" || d.From != "2.0.0" || d.NotPublished != "" || d.Bytes > 6000 || d.WholeBytes < 270_000 {
		t.Errorf("the delta is %+v", d)
	}
	if _, told := o.publishes(exit.Done, next); !strings.Contains(told, "model.onnx: 0.0 of 0.3 MiB for devices that run 2.0.0\n") {
		t.Errorf("the second time it told %q", told)
	}

	_, m, _ := o.unpacked(next)
	model, _ := m.File(m.Model)
	o.asks(exit.Failed, "rollout", "start", "meter-reader@3.0.0", "--waves", "100%", "--wait") // its self-test refuses it
	if whole := way.brought(model.Digest.Hex()) - way.brought(model.Digest.Hex()+"/from/"); whole != 0 {
		t.Errorf("%d bytes of the whole model came over the wire", whole)
	}
	if n := way.brought("/from/"); n != int(d.Bytes) {
		t.Errorf("%d bytes of deltas came over the wire, want %d", n, d.Bytes)
	}
	if out, _ := o.asks(exit.Done, "devices", "show", fourth.String()); !strings.Contains(out, "Fetched 0.0 of 0.3 MiB (delta from 2.0.0)") {
		t.Errorf("squadron devices show printed %s", out)
	}
	device.end()
}

// damagedRelease packs 3.0.0, which fails its golden pictures.
func (o *office) damagedRelease() string {
	o.t.Helper()
	out := o.file("meter-reader-3.0.0.sqb")
	squadron(o.t, exit.Done, "pack", o.file("samples/meter-reader-3.0.0.onnx"), "--name", "meter-reader", "--version", "3.0.0",
		"--key", o.key("publisher.key"), "--out", out, "--allow-failing-golden",
		"--labels", o.file("samples/labels.txt"), "--golden", o.file("samples/golden"), "--pipeline", o.file("samples/pipeline.json"))
	return out
}

// A delta that cannot be made, here because the controller's disk lost the base,
// is told, and fails nothing: the bundle is published.
func TestPublishWithoutDeltas(t *testing.T) {
	o := openOffice(t)
	first, next := o.pack("meter-reader", "2.0.0", "publisher.key"), o.damagedRelease()
	o.publishes(exit.Done, first)
	if out, told := o.publishes(exit.Done, next, "--no-delta"); strings.Contains(told, "2.0.0") || !strings.Contains(out, "Published meter-reader 3.0.0") {
		t.Errorf("told not to make any, it printed %q and told %q", out, told)
	}
	_, m, _ := o.unpacked(first)
	model, _ := m.File(m.Model)
	o.lose(model.Digest)
	why := "delta of model.onnx from 2.0.0: object "
	if _, told := o.publishes(exit.Done, next); !strings.Contains(told, "No more deltas: "+why) {
		t.Errorf("it told %q", told)
	}
	if out, told := o.publishes(exit.Done, next, "--json"); !strings.Contains(out, `"delta_failed": "`+why) || told != "" {
		t.Errorf("as JSON it printed %q and told %q", out, told)
	}
}

// lose removes an object from the controller's disk.
func (o *office) lose(d bundle.Digest) {
	o.t.Helper()
	if err := os.Remove(o.file("controller/objects/sha256/" + d.Hex()[:2] + "/" + d.Hex())); err != nil {
		o.t.Fatal(err)
	}
}
