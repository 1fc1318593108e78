package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// object is what the tests fetch: 1 MiB that does not repeat.
var object = func() []byte {
	b := make([]byte, 1<<20)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}()

var digestOfObject = bundle.DigestOf(object)

// server serves object as the controller does, but for the faults of the next
// replies. It counts the bytes that left it.
type server struct {
	*httptest.Server
	faults  []fault
	sent    atomic.Int64
	ranges  []string // asked for, one a request
	ifRange []string
	content []byte
	etag    string
}

func serve(t *testing.T, faults ...fault) *server {
	s := &server{faults: faults, content: object, etag: `"` + bundle.DigestOf(object).Hex() + `"`}
	s.Server = httptest.NewServer(http.HandlerFunc(s.handle))
	t.Cleanup(s.Close)
	return s
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	s.ifRange = append(s.ifRange, r.Header.Get("If-Range"))
	w = &counted{w, &s.sent}
	if len(s.faults) > 0 {
		fault := s.faults[0]
		s.faults = s.faults[1:]
		fault(s, w, r)
		return
	}
	w.Header().Set("ETag", s.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.content))
}

type counted struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// fault is what a server does in place of its duty.
type fault func(*server, http.ResponseWriter, *http.Request)

// cutAfter answers as told and breaks the connection after n bytes.
func cutAfter(n int) fault {
	return func(s *server, w http.ResponseWriter, r *http.Request) {
		from := 0
		if v := r.Header.Get("Range"); v != "" {
			from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(v, "bytes="), "-"))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(object)-1, len(object)))
		}
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Length", strconv.Itoa(len(object)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(s.content[from:min(from+n, len(object))])
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		panic(http.ErrAbortHandler)
	}
}

// with makes a fault of an ordinary handler.
func with(h http.HandlerFunc) fault {
	return func(_ *server, w http.ResponseWriter, r *http.Request) { h(w, r) }
}

func reply(status int, header map[string]string, body []byte) fault {
	return func(_ *server, w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		w.Write(body)
	}
}

func fetcher(t *testing.T, base string, mirrors ...string) *Fetcher {
	t.Helper()
	f, err := New(Options{Base: base, Mirrors: mirrors, Dir: filepath.Join(t.TempDir(), "incoming")})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fetch asks for object and checks what an error or a success must leave.
func fetch(t *testing.T, f *Fetcher) error {
	t.Helper()
	d := bundle.DigestOf(object)
	file, err := f.Fetch(t.Context(), d, int64(len(object)))
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("not one sentence: %q", err)
		}
		if !strings.HasPrefix(err.Error(), "fetch "+d.Short()+" from ") && !strings.HasPrefix(err.Error(), "fetch "+d.Short()+" into "+f.dir) {
			t.Errorf("%q does not say what was tried on what", err)
		}
		return err
	}
	b, readErr := os.ReadFile(file)
	if readErr != nil || !bytes.Equal(b, object) {
		t.Fatalf("fetched %d bytes, %v: not the object", len(b), readErr)
	}
	return nil
}

func mustFetch(t *testing.T, f *Fetcher) {
	t.Helper()
	if err := fetch(t, f); err != nil {
		t.Fatal(err)
	}
}

// refuse fetches and wants an error that says want.
func refuse(t *testing.T, f *Fetcher, want string) {
	t.Helper()
	if err := fetch(t, f); err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
}

// restart is a new process on the same folder.
func restart(t *testing.T, f *Fetcher) *Fetcher {
	t.Helper()
	var mirrors []string
	for _, s := range f.sources {
		mirrors = append(mirrors, s.base.String())
	}
	last := len(mirrors) - 1
	n, err := New(Options{Base: mirrors[last], Mirrors: mirrors[:last], Dir: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	n.every = f.every
	return n
}

// from is the byte from which the n-th request asked.
func (s *server) from(n int) (from int) {
	if len(s.ranges) <= n {
		return len(s.content)
	}
	fmt.Sscanf(s.ranges[n], "bytes=%d-", &from)
	return from
}
