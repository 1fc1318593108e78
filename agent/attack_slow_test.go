package agent

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// Slow retrieval, by the device's real patience: synctest turns the clock on. The server is
// net/http's over pipes; the fetcher, the client of the repository, the updater and the
// disk are the device's own.
func TestAttackSlowRetrieval(t *testing.T) {
	p := newPocketFleet(t, "1.0.0", "2.0.0")
	for name, c := range map[string]struct {
		path  string
		every time.Duration // a byte comes
		want  string
	}{
		"an object that stalls": {"/artefacts/", 31 * time.Second, "the transfer was cut after 0 of 1888 bytes: nothing came for 30s"},
		"an object that drips":  {"/artefacts/", 20 * time.Second, "it took longer than 2m0s"},
		"metadata that stalls":  {"/timestamp.json", time.Hour, "timestamp.json: fetch it from localhost: not all of it came in 1m50s"},
		"metadata that drips":   {"/timestamp.json", time.Second, "timestamp.json: fetch it from localhost: not all of it came in 1m50s"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSlow(t, p)
				s.mustCommit(0)
				s.drip(c.path, c.every)
				s.device.updater.offer(p.envelopes[1])
				asked := time.Now()
				for !strings.Contains(s.device.state().Why, c.want) {
					synctest.Wait()
					select {
					case <-s.device.updater.changed:
					case <-time.After(time.Minute):
					}
					if time.Since(asked) > time.Hour {
						t.Fatalf("the device says %+v, want %q", s.device.state(), c.want)
					}
				}
				if got := s.device.serves(); got != "1.0.0" || !strings.Contains(s.device.state().Why, "1.0.0 goes on serving") {
					t.Errorf("%q serves: %+v", got, s.device.state())
				}
				s.drip("", 0)
				s.mustCommit(1)
			})
		})
	}
}

// slow is a device whose server takes its time.
type slow struct {
	t      *testing.T
	fleet  *pocketFleet
	device *pocket
	slowed atomic.Pointer[drip]
}

type drip struct {
	path  string
	every time.Duration
}

func (s *slow) drip(path string, every time.Duration) { s.slowed.Store(&drip{path, every}) }

func newSlow(t *testing.T, p *pocketFleet) *slow {
	t.Helper()
	s := &slow{t: t, fleet: p}
	s.drip("", 0)
	l := pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(s.serve)}
	go server.Serve(l)
	transport := fetch.Transport(nil)
	transport.Proxy = nil
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return l.dial() }
	store, err := slot.Open(t.TempDir(), slot.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Device: cam, Trust: p.trust.Files["1.root.json"], Probation: 10 * time.Second, Engines: []kernels.Engine{reference.Engine{}}, Log: p.log}
	a := &Agent{config: c, log: c.Log, store: store, models: serve.NewModels(c.Log)}
	fetcher, err := fetch.New(fetch.Options{Base: "http://localhost/artefacts", Dir: store.Incoming(), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := fetch.NewMetadata(fetch.Options{Base: "http://localhost/tuf", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if a.authority, err = openAuthority(c, store, metadata, c.Log); err != nil {
		t.Fatal(err)
	}
	out, err := openOutbox(store, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	a.updater = newUpdater(a, fetcher, wire.Info{Arch: "any"}, out)
	s.device = &pocket{store: store, updater: a.updater}
	s.device.start(context.Background(), nil)
	t.Cleanup(func() {
		for _, end := range []func() error{s.device.stop, server.Close, store.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
		transport.CloseIdleConnections()
	})
	return s
}

// serve is the controller, a byte at a time where it is slow.
func (s *slow) serve(w http.ResponseWriter, r *http.Request) {
	b, found := s.fleet.trust.Files[path.Base(r.URL.Path)]
	if d, err := bundle.ParseDigest("sha256:" + path.Base(r.URL.Path)); err == nil {
		b, found = s.fleet.objects[d]
	}
	if !found {
		http.NotFound(w, r)
		return
	}
	slowed := s.slowed.Load()
	if slowed.path == "" || !strings.Contains(r.URL.Path, slowed.path) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		return
	}
	if err := http.NewResponseController(w).Flush(); err != nil { // the head comes at once
		return
	}
	for _, c := range b {
		select {
		case <-time.After(slowed.every):
		case <-r.Context().Done():
			return
		}
		if _, err := w.Write([]byte{c}); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}

func (s *slow) mustCommit(i int) {
	s.t.Helper()
	if err := s.device.carryOut(s.fleet.envelopes[i], s.fleet.versions[i]); err != nil {
		s.t.Fatal(err)
	}
}

// pipes is a listener of pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipes) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l pipes) Close() error { close(l.closed); return nil }

// Addr implements net.Listener.
func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "a pipe"} }
