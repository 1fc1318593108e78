package fetch

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// The server's content stands for a delta here: to package fetch it is bytes.
var (
	deltaTarget = bundle.DigestOf([]byte("the target"))
	deltaBase   = bundle.DigestOf([]byte("the base"))
)

const targetSize = 2 << 20 // more than the server's content

func mustFetchDelta(t *testing.T, f *Fetcher) {
	t.Helper()
	d, err := f.FetchDelta(t.Context(), deltaTarget, deltaBase, targetSize)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(d.File)
	if err != nil || bundle.DigestOf(b) != digestOfObject || d.Size != int64(len(object)) {
		t.Fatalf("%d bytes, said to be %d, %v", len(b), d.Size, err)
	}
}

func refuseDelta(t *testing.T, f *Fetcher, want string) {
	t.Helper()
	_, err := f.FetchDelta(t.Context(), deltaTarget, deltaBase, targetSize)
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v, want one sentence with %q", err, want)
	}
}

func wantNothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("in the folder are %v, %v", left, err)
	}
}

func TestADeltaIsBroughtAndForgotten(t *testing.T) {
	s := serve(t)
	f := fetcher(t, s.URL)
	mustFetchDelta(t, f)
	if f.Arrived(deltaTarget) > 0 {
		t.Error("a part of a delta counts as a part of the object")
	}
	if err := f.DropDelta(deltaTarget, deltaBase); err != nil {
		t.Error(err)
	}
	wantNothingIn(t, f.dir)
}

func TestADeltaThatIsThereIsNotFetchedAgain(t *testing.T) {
	s := serve(t)
	f := fetcher(t, s.URL)
	mustFetchDelta(t, f)
	mustFetchDelta(t, restart(t, f))
	if n := s.sent.Load(); n > int64(len(object))+1000 {
		t.Errorf("%d bytes were sent for %d", n, len(object))
	}
}

func TestADeltaGoesOnAtOnceAfterACut(t *testing.T) {
	s := serve(t, cutAfter(100_000), cutAfter(200_000), cutAfter(300_000))
	mustFetchDelta(t, fetcher(t, s.URL))
	if n := s.sent.Load(); n != int64(len(object)) || len(s.ranges) != 4 || s.ifRange[3] != s.etag {
		t.Errorf("%d bytes were sent for %d, asked for %q if %q", n, len(object), s.ranges, s.ifRange)
	}
}

func TestADeltaThatHardlyComesIsLeftForLater(t *testing.T) {
	s := serve(t, cutAfter(100_000), cutAfter(10))
	f := fetcher(t, s.URL)
	refuseDelta(t, f, "the transfer was cut after 100010 of 1048576 bytes")
	mustFetchDelta(t, restart(t, f))
	if n := s.sent.Load(); n != int64(len(object)) {
		t.Errorf("%d bytes were sent for %d", n, len(object))
	}
}

// Bytes that the disk changed, or another delta under the same address, begin
// anew rather than be built on.
func TestADeltaThatChangedBeginsAnew(t *testing.T) {
	for name, change := range map[string]func(*server, *Fetcher){
		"another ETag": func(s *server, _ *Fetcher) { s.etag = `"another"` },
		"no ETag":      func(s *server, _ *Fetcher) { s.etag = "" },
		"on the disk": func(_ *server, f *Fetcher) {
			part := f.partialDelta(deltaTarget, deltaBase, targetSize).file()
			b, err := os.ReadFile(part)
			if err == nil {
				b[50] ^= 1
				err = os.WriteFile(part, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cutAfter(10_000))
			f := fetcher(t, s.URL)
			refuseDelta(t, f, "cut after 10000")
			change(s, f)
			mustFetchDelta(t, f)
		})
	}
}

func TestNobodyHasADelta(t *testing.T) {
	mirror, s := serve(t, missing), serve(t, missing)
	_, err := fetcher(t, s.URL, mirror.URL).FetchDelta(t.Context(), deltaTarget, deltaBase, targetSize)
	if !errors.Is(err, ErrNoDelta) || len(mirror.ranges) != 1 || len(s.ranges) != 1 {
		t.Errorf("%v, after %d and %d requests", err, len(mirror.ranges), len(s.ranges))
	}
}

func TestAMirrorThatHasADeltaIsAskedFirst(t *testing.T) {
	mirror, s := serve(t), serve(t)
	f := fetcher(t, s.URL, mirror.URL)
	mustFetchDelta(t, f)
	if s.sent.Load() > 0 || mirror.sent.Load() != int64(len(object)) {
		t.Errorf("the mirror sent %d bytes, the controller %d", mirror.sent.Load(), s.sent.Load())
	}
}

// A part that came from the controller survives that a mirror has no such delta,
// and is not mixed with what a mirror has.
func TestADeltaGoesOnFromTheSourceThatBeganIt(t *testing.T) {
	mirror, s := serve(t, missing, missing), serve(t, cutAfter(10_000))
	f := fetcher(t, s.URL, mirror.URL)
	refuseDelta(t, f, "cut after 10000")
	mustFetchDelta(t, f)
	if n := s.sent.Load(); n != int64(len(object)) {
		t.Errorf("%d bytes were sent for %d", n, len(object))
	}
}

func TestAFolderThatHasTheObjectNeedsNoDelta(t *testing.T) {
	s := serve(t)
	stick := t.TempDir()
	f := fetcher(t, s.URL, "file://"+stick)
	mustFetchDelta(t, f) // the folder has nothing
	if err := os.MkdirAll(filepath.Join(stick, "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stick, "sha256", deltaTarget.Hex()), make([]byte, targetSize), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := f.FetchDelta(t.Context(), deltaTarget, deltaBase, targetSize)
	if !errors.Is(err, ErrNoDelta) || !strings.Contains(err.Error(), stick+" has the whole object") {
		t.Errorf("got %v", err)
	}
}

var missing = reply(http.StatusNotFound, nil, nil)

// Whatever a source does, no more than the object's length comes onto the disk.
func TestAttackRepliesThatAreNoDelta(t *testing.T) {
	for name, c := range map[string]struct {
		fault fault
		want  string
	}{
		"as long as the object": {with(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2097152")
			w.WriteHeader(http.StatusOK)
		}), "it has 2097152 bytes, want 1 to 2097151"},
		"without a length": {with(func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			w.Write(object)
		}), "it has -1 bytes"},
		"nothing":        {reply(http.StatusOK, nil, nil), "it has 0 bytes"},
		"compressed":     {reply(http.StatusOK, map[string]string{"Content-Encoding": "gzip"}, []byte("x")), "compressed"},
		"another host":   {reply(http.StatusFound, map[string]string{"Location": "https://evil.example/x"}, nil), "redirects to another host"},
		"a part":         {reply(http.StatusPartialContent, map[string]string{"Content-Range": "bytes 5-9/10"}, []byte("56789")), `the server sent "bytes 5-9/10"`},
		"no such range":  {reply(http.StatusRequestedRangeNotSatisfiable, map[string]string{"Content-Range": "bytes */0"}, nil), "no bytes after 0"},
		"not to be told": {reply(http.StatusForbidden, nil, nil), "403 Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.fault)
			f := fetcher(t, s.URL)
			refuseDelta(t, f, c.want)
			wantNothingIn(t, f.dir)
		})
	}
}

// TestAReplyThatLeadsNowhereIsNoDelta: to a client it is an answer, and its body
// is whatever a server likes.
func TestAReplyThatLeadsNowhereIsNoDelta(t *testing.T) {
	for _, status := range []int{300, 302, 304, 307, 399} {
		s := serve(t, reply(status, nil, nil))
		if status != 304 {
			s.faults = []fault{reply(status, nil, object)}
		}
		f := fetcher(t, s.URL)
		refuseDelta(t, f, "the server answered 3")
		wantNothingIn(t, f.dir)
	}
}
