package fetch

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

func host(s *server) string { return strings.TrimPrefix(s.URL, "http://") }

func TestAMirrorSparesTheController(t *testing.T) {
	s, mirror := serve(t), serve(t)
	mustFetch(t, fetcher(t, s.URL, mirror.URL))
	if len(s.ranges) != 0 || mirror.sent.Load() != int64(len(object)) {
		t.Errorf("the controller was asked %d times, the mirror sent %d bytes", len(s.ranges), mirror.sent.Load())
	}
}

// TestTheNextSourceGoesOnWhereAMirrorFailed: whatever a mirror does after the
// first 400,000 bytes, nothing that had come is fetched again, it is left
// alone, and the log says why.
func TestTheNextSourceGoesOnWhereAMirrorFailed(t *testing.T) {
	for name, c := range map[string]struct {
		fault fault
		want  string
		rests bool
	}{
		"lacks it":           {reply(404, nil, nil), "the server answered 404 Not Found", false},
		"had it":             {reply(410, nil, nil), "the server answered 410 Gone", false},
		"is broken":          {reply(500, nil, nil), "the server answered 500 Internal Server Error", true},
		"is busy":            {reply(503, map[string]string{"Retry-After": "120"}, nil), "the server answered 503 Service Unavailable, and asks to wait 2m0s", true},
		"wants a password":   {reply(401, nil, nil), "the server answered 401 Unauthorized", true},
		"ignores Range":      {reply(200, nil, object), "the server has it anew, or ignores Range", false},
		"has less":           {reply(416, nil, nil), "the server has no bytes after 400000", false},
		"sends another part": {reply(206, map[string]string{"Content-Range": "bytes 0-9/10"}, []byte("0123456789")), `the server sent "bytes 0-9/10"`, false},
		"compresses":         {reply(206, map[string]string{"Content-Encoding": "gzip"}, nil), "the server compressed it (gzip)", true},
		"is cut":             {cutAfter(100_000), "the transfer was cut after 500000 of 1048576 bytes", true},
		"redirects away":     {with(redirect("http://127.0.0.2:1/x")), "it redirects to another host, 127.0.0.2", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, mirror := serve(t, cutAfter(400_000)), serve(t, reply(404, nil, nil), c.fault)
			f := fetcher(t, s.URL, mirror.URL)
			var log bytes.Buffer
			refuse(t, f, "from "+host(mirror)+": the server answered 404 Not Found; from "+host(s)+": the transfer was cut")
			f.log = slog.New(slog.NewTextHandler(&log, nil))
			mustFetch(t, f)
			if !strings.Contains(log.String(), "a mirror failed") || !strings.Contains(strings.ReplaceAll(log.String(), `\"`, `"`), c.want) {
				t.Errorf("the log says %s, want %q", &log, c.want)
			}
			if from := s.from(1); from < 400_000 {
				t.Errorf("the controller was asked for bytes from %d", from)
			}
			if rests := f.sources[0].rests(time.Now()); rests != c.rests {
				t.Errorf("the mirror rests: %v", rests)
			}
		})
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// A malicious mirror sends other bytes, from the start or after honest ones.
func TestAttackMaliciousMirror(t *testing.T) {
	lie := bytes.Repeat([]byte("x"), len(object))
	liar := func(n int) fault { // n bytes at most
		return func(s *server, w http.ResponseWriter, r *http.Request) {
			s.content = lie
			cutAfter(n)(s, w, r)
		}
	}
	for name, c := range map[string]struct {
		mirror, other fault
		most          int // bytes that leave all three
	}{
		"whole":                         {liar(len(lie)), nil, 2 * len(object)},
		"first, and others go on":       {liar(300_000), nil, 2 * len(object)},
		"after honest bytes of another": {cutAfter(300_000), liar(len(lie)), 2 * len(object)},
	} {
		t.Run(name, func(t *testing.T) {
			s, mirror, other := serve(t), serve(t, c.mirror), serve(t)
			if c.other != nil {
				other.faults = []fault{c.other}
			}
			f := fetcher(t, s.URL, mirror.URL, other.URL)
			mustFetch(t, f)
			if n := s.sent.Load() + mirror.sent.Load() + other.sent.Load(); n > int64(c.most) {
				t.Errorf("%d bytes were sent for %d", n, len(object))
			}
			if !f.sources[0].rests(time.Now()) {
				t.Error("the mirror is asked again at once")
			}
		})
	}
}

func TestAllMirrorsThatFailedAreNamed(t *testing.T) {
	s, mirror := serve(t, reply(500, nil, nil)), serve(t, reply(404, nil, nil))
	refuse(t, fetcher(t, s.URL, mirror.URL),
		"from "+host(mirror)+": the server answered 404 Not Found; from "+host(s)+": the server answered 500 Internal Server Error")
}

// TestAMirrorWithoutRangesStillServesWhenNobodyElseDoes.
func TestAMirrorWithoutRangesStillServesWhenNobodyElseDoes(t *testing.T) {
	s, mirror := serve(t, cutAfter(1000), reply(503, nil, nil)), serve(t, reply(404, nil, nil), reply(200, nil, object))
	f := fetcher(t, s.URL, mirror.URL)
	refuse(t, f, "cut")
	mustFetch(t, f)
	if mirror.ranges[2] != "" {
		t.Errorf("asked for %q", mirror.ranges[2])
	}
}

func TestAMirrorRestsAndIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		f := fetcher(t, "https://far", "https://near")
		f.transport = roundTrip(func(r *http.Request) *http.Response {
			asked[r.URL.Host]++
			if r.URL.Host == "near" {
				return answer(r, 500, nil)
			}
			return answer(r, 200, bytes.NewReader(object))
		})
		again := func() {
			t.Helper()
			mustFetch(t, f)
			if err := os.RemoveAll(filepath.Join(f.dir, bundle.DigestOf(object).Hex()+".part")); err != nil {
				t.Fatal(err)
			}
		}
		again()
		again()
		time.Sleep(mirrorRest - time.Second)
		again()
		if asked["near"] != 1 {
			t.Errorf("a mirror that rests was asked %d times", asked["near"])
		}
		time.Sleep(time.Second)
		again()
		if asked["near"] != 2 || asked["far"] != 4 {
			t.Errorf("asked %v", asked)
		}
	})
}

// TestAStickTakenOutHalfWayCostsNothing: a mirror that is a folder must not
// harm what had arrived.
func TestAStickTakenOutHalfWayCostsNothing(t *testing.T) {
	stick := t.TempDir()
	name := filepath.Join(stick, "sha256", bundle.DigestOf(object).Hex())
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t, cutAfter(400_000), cutAfter(100_000))
	f := fetcher(t, s.URL, "file://"+stick)
	refuse(t, f, "from "+stick+": lstat "+name+": no such file or directory; from "+host(s)+": the transfer was cut")
	f = restart(t, f)
	put := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(bytes.Repeat([]byte("x"), len(object)))
	refuse(t, f, "so they are not what was asked for; from")
	if s.from(1) != 400_000 {
		t.Errorf("after a wrong copy, went on at %d", s.from(1))
	}
	f = restart(t, f)
	put(object)
	mustFetch(t, f)
	if len(s.ranges) != 2 {
		t.Errorf("the controller was asked %d times", len(s.ranges))
	}
}

// TestOnlyTheAuthoritySaysHowLongToWait: what a mirror asks for is between it
// and the fetcher.
func TestOnlyTheAuthoritySaysHowLongToWait(t *testing.T) {
	wait := func(seconds string) fault { return reply(503, map[string]string{"Retry-After": seconds}, nil) }
	var busy *BusyError
	f := fetcher(t, serve(t, reply(500, nil, nil)).URL, serve(t, wait("3000")).URL)
	if err := fetch(t, f); errors.As(err, &busy) {
		t.Errorf("%v asks to wait %s", err, busy.After)
	}
	f = fetcher(t, serve(t, wait("7")).URL, serve(t, wait("3000")).URL)
	if err := fetch(t, f); !errors.As(err, &busy) || busy.After != 7*time.Second {
		t.Errorf("%v: want a wait of 7s", err)
	}
}
