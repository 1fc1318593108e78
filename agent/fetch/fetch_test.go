package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

func TestAFetchBringsTheObject(t *testing.T) {
	s := serve(t)
	f := fetcher(t, s.URL)
	mustFetch(t, f)
	if info, err := os.Stat(f.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	mustFetch(t, f) // it is there: nothing is asked for
	if n := s.sent.Load(); n != int64(len(object)) {
		t.Errorf("%d bytes were sent for %d", n, len(object))
	}
}

func TestACutTransferIsResumed(t *testing.T) {
	for _, cut := range []int{1, 4096, 500_000, len(object) - 1} {
		s := serve(t, cutAfter(cut))
		f := fetcher(t, s.URL)
		refuse(t, f, fmt.Sprintf("the transfer was cut after %d of %d bytes", cut, len(object)))
		mustFetch(t, f)
		if n := s.sent.Load(); n != int64(len(object)) {
			t.Errorf("cut at %d: %d bytes were sent for %d", cut, n, len(object))
		}
		if want := fmt.Sprintf("bytes=%d-", cut); s.ranges[1] != want {
			t.Errorf("cut at %d: asked for %q, want %q", cut, s.ranges[1], want)
		}
		if s.ifRange[1] != s.etag {
			t.Errorf("cut at %d: resumed if the ETag is %q, want %q", cut, s.ifRange[1], s.etag)
		}
	}
}

func TestManyCutsAndANewProcessStillResume(t *testing.T) {
	s := serve(t, cutAfter(100_000), cutAfter(200_000), cutAfter(300_000))
	f := fetcher(t, s.URL)
	for range 3 {
		refuse(t, f, "cut")
		f = restart(t, f)
	}
	mustFetch(t, f)
	if n := s.sent.Load(); n != int64(len(object)) {
		t.Errorf("%d bytes were sent for %d", n, len(object))
	}
}

func TestATruncatedChunkedReplyIsResumed(t *testing.T) {
	s := serve(t, func(_ *server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"`+bundle.DigestOf(object).Hex()+`"`)
		w.Write(object[:300_000])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	f := fetcher(t, s.URL)
	refuse(t, f, "the transfer was cut after 300000 of")
	mustFetch(t, f)
}

// TestAReplyThatEndsEarlyIsNotTaken: a chunked reply that ends as if whole.
func TestAReplyThatEndsEarlyIsNotTaken(t *testing.T) {
	s := serve(t, func(_ *server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"`+bundle.DigestOf(object).Hex()+`"`)
		w.Write(object[:300_000])
		http.NewResponseController(w).Flush()
	})
	f := fetcher(t, s.URL)
	refuse(t, f, "cut after 300000 of")
	mustFetch(t, f)
}

// TestWhatCannotBeResumedStartsAnew: after a cut, the server does each of
// these; the partial is dropped and the object arrives in the same fetch.
func TestWhatCannotBeResumedStartsAnew(t *testing.T) {
	etag := `"` + bundle.DigestOf(object).Hex() + `"`
	rest := object[1000:]
	cases := map[string]fault{
		"ignores Range":           reply(200, map[string]string{"ETag": etag}, object),
		"has another version now": reply(200, map[string]string{"ETag": `"other"`}, object),
		"changed the ETag under a 206": reply(206, map[string]string{"ETag": `"other"`,
			"Content-Range": fmt.Sprintf("bytes 1000-%d/%d", len(object)-1, len(object))}, rest),
		"sends another range": reply(206, map[string]string{"ETag": etag,
			"Content-Range": fmt.Sprintf("bytes 0-%d/%d", len(object)-1, len(object))}, object),
		"sends a 206 without a range": reply(206, map[string]string{"ETag": etag}, rest),
		"has a shorter file now":      reply(416, nil, nil),
		"sends other bytes": reply(206, map[string]string{"ETag": etag,
			"Content-Range": fmt.Sprintf("bytes 1000-%d/%d", len(object)-1, len(object))}, bytes.Repeat([]byte("x"), len(rest))),
	}
	for name, second := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cutAfter(1000), second)
			f := fetcher(t, s.URL)
			refuse(t, f, "cut")
			mustFetch(t, f)
			if len(s.ranges) != 3 || s.ranges[1] != "bytes=1000-" || s.ranges[2] != "" {
				t.Errorf("asked for %q", s.ranges)
			}
		})
	}
}

// TestWithoutAStrongETagTheDigestAloneVouches: such a server must not cost the
// resume, since the address is the digest.
func TestWithoutAStrongETagTheDigestAloneVouches(t *testing.T) {
	for _, etag := range []string{`W/"weak"`, "", `"with space "`, "unquoted", `"qu"ote"`} {
		s := serve(t, cutAfter(1000))
		s.etag = etag
		f := fetcher(t, s.URL)
		refuse(t, f, "cut")
		mustFetch(t, f)
		if s.ranges[1] != "bytes=1000-" || s.ifRange[1] != "" {
			t.Errorf("ETag %q: asked for %q if %q", etag, s.ranges[1], s.ifRange[1])
		}
	}
}

// TestADamagedETagOnDiskIsNone: what no header may hold must not stop the object
// for ever. (A reply with such an ETag is refused before it is looked at.)
func TestADamagedETagOnDiskIsNone(t *testing.T) {
	for _, c := range []string{"\x01", "\x00", "\x7f"} {
		s := serve(t, cutAfter(1000))
		f := fetcher(t, s.URL)
		refuse(t, f, "cut")
		appendTo(t, f, ".marks", fmt.Appendf(nil, "etag %s \"a%sb\"\n", f.sources[0].base, c))
		mustFetch(t, f)
		if s.ranges[1] != "bytes=1000-" || s.ifRange[1] != s.etag {
			t.Errorf("%q: asked for %q if %q", c, s.ranges[1], s.ifRange[1])
		}
	}
}

// TestWhatIsNotTheObjectIsRefused: whatever a server sends, twice.
func TestWhatIsNotTheObjectIsRefused(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(object)
	z.Close()
	chunked := func(b []byte) fault {
		return func(_ *server, w http.ResponseWriter, _ *http.Request) {
			for part := range slices.Chunk(b, 64<<10) {
				w.Write(part)
				http.NewResponseController(w).Flush()
			}
		}
	}
	long := append(bytes.Clone(object), '!')
	cases := map[string]struct {
		fault fault
		want  string
	}{
		"too long":             {reply(200, nil, long), "the server has 1048577 bytes, want 1048576"},
		"too short":            {reply(200, nil, object[1:]), "the server has 1048575 bytes, want 1048576"},
		"too long in chunks":   {chunked(long), "the server sent more than its 1048576 bytes"},
		"wrong bytes":          {reply(200, nil, bytes.Repeat([]byte("x"), len(object))), "are not what was asked for"},
		"compressed":           {reply(200, map[string]string{"Content-Encoding": "gzip"}, zipped.Bytes()), "the server compressed it (gzip)"},
		"not there":            {reply(404, nil, []byte("no")), "the server answered 404 Not Found"},
		"overloaded":           {reply(503, nil, nil), "the server answered 503 Service Unavailable"},
		"a range nobody asked": {reply(206, map[string]string{"Content-Range": "bytes 0-9/10"}, nil), "the server answered 206"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.fault, c.fault, c.fault)
			refuse(t, fetcher(t, s.URL), c.want)
			if n := s.sent.Load(); n > 2*int64(len(object))+2<<10 {
				t.Errorf("%d bytes were sent for %d", n, len(object))
			}
		})
	}
}

func TestAttackEndlessData(t *testing.T) {
	endless := func(_ *server, w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(object); err != nil {
				return
			}
		}
	}
	s := serve(t, endless, endless)
	f := fetcher(t, s.URL)
	refuse(t, f, "the server sent more than its")
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("left %v behind, %v", entries, err)
	}
}

func TestAReplyThatStallsIsCutAndResumed(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(_ *server, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+bundle.DigestOf(object).Hex()+`"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(object)))
		w.Write(object[:1000])
		http.NewResponseController(w).Flush()
		<-release
	})
	defer close(release)
	f := fetcher(t, s.URL)
	f.idle = 300 * time.Millisecond
	refuse(t, f, "nothing came for 300ms")
	f.idle = idleTimeout
	mustFetch(t, f)
	if s.ranges[1] != "bytes=1000-" {
		t.Errorf("then asked for %q", s.ranges[1])
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	elsewhere := "http://127.0.0.2:1/stolen"
	loop := func(_ *server, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}
	s := serve(t, func(_ *server, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusFound)
	})
	refuse(t, fetcher(t, s.URL), "it redirects to another host, 127.0.0.2")
	s = serve(t, loop, loop, loop, loop, loop, loop, loop, loop)
	refuse(t, fetcher(t, s.URL), "it redirects more than 5 times")
	s = serve(t, loop, loop)
	mustFetch(t, fetcher(t, s.URL))
}

func tlsServer(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func TestARedirectOutOfTLSIsRefused(t *testing.T) {
	clear := serve(t)
	s, pool := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, clear.URL+r.URL.Path, http.StatusFound)
	})
	f, err := New(Options{Base: s.URL, Dir: filepath.Join(t.TempDir(), "in"), RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, f, "it redirects from https to http")
}

func TestAnUnknownAuthorityIsRefused(t *testing.T) {
	s, pool := tlsServer(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(object) })
	refuse(t, fetcher(t, s.URL), "certificate signed by unknown authority")
	f, err := New(Options{Base: s.URL, Dir: filepath.Join(t.TempDir(), "in"), RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	mustFetch(t, f)
}

func TestHeadersOfTerraformAreNothingToUs(t *testing.T) {
	s := serve(t, reply(200, map[string]string{"X-Terraform-Get": "file:///etc"}, object))
	mustFetch(t, fetcher(t, s.URL))
}

// Somebody put a symlink where the partial goes.
func TestAttackSymlinkOfAPartial(t *testing.T) {
	s := serve(t)
	f := fetcher(t, s.URL)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	planted := filepath.Join(f.dir, bundle.DigestOf(object).Hex())
	err := errors.Join(os.Symlink(victim, planted+".part"), os.WriteFile(planted+".etag", []byte(s.etag), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	mustFetch(t, f)
	if b, err := os.ReadFile(victim); err != nil || string(b) != "precious" {
		t.Errorf("the link's target now holds %d bytes, %v", len(b), err)
	}
}

func TestAPoisonedPartialOfTheRightSizeIsDropped(t *testing.T) {
	s := serve(t)
	f := fetcher(t, s.URL)
	part := filepath.Join(f.dir, bundle.DigestOf(object).Hex()+".part")
	for name, planted := range map[string][]byte{
		"same size": bytes.Repeat([]byte("x"), len(object)),
		"larger":    bytes.Repeat([]byte("x"), len(object)+1),
		"no ETag":   object[:5000],
	} {
		if err := os.WriteFile(part, planted, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := fetch(t, f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileIsCopiedAndChecked(t *testing.T) {
	src := t.TempDir()
	name := filepath.Join(src, "sha256", bundle.DigestOf(object).Hex())
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f := fetcher(t, "file://"+src)
	refuse(t, f, "no such file or directory")
	put := func(b []byte) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(name), os.WriteFile(name, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put(object[:10])
	refuse(t, f, "has 10 bytes, want 1048576")
	put(bytes.Repeat([]byte("x"), len(object)))
	refuse(t, f, "are not what was asked for")
	put(object)
	mustFetch(t, f)
	if info, err := os.Lstat(filepath.Join(f.dir, bundle.DigestOf(object).Hex()+".part")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the copy is %v, %v", info, err)
	}
}

func TestAttackSymlinkOnAStick(t *testing.T) {
	src := t.TempDir()
	if err := os.Mkdir(filepath.Join(src, "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(src, "sha256", bundle.DigestOf(object).Hex())); err != nil {
		t.Fatal(err)
	}
	refuse(t, fetcher(t, "file://"+src), "is not a plain file")
}

func TestACancelledFetchEndsAndCanBeResumed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ *server, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+bundle.DigestOf(object).Hex()+`"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(object)))
		w.Write(object[:1000])
		http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	f := fetcher(t, s.URL)
	if _, err := f.Fetch(ctx, bundle.DigestOf(object), int64(len(object))); err == nil {
		t.Fatal("a cancelled fetch succeeded")
	}
	mustFetch(t, f)
}

func TestAddressesThatAnAgentMayNotUse(t *testing.T) {
	for address, want := range map[string]string{
		"http://ctl.example/v1":      `name "insecure_http": true`,
		"http://10.0.0.1:8080":       `name "insecure_http": true`,
		"ftp://ctl.example/":         "want https://host",
		"ctl.example:8080":           "want https://host",
		"git::https://ctl.example/x": "want https://host",
		"https://user:pw@ctl/":       "no password",
		"https://ctl/?checksum=file": "no password, query",
		"file://host/path":           "want file:///",
		"":                           "want https://host",
		"https://":                   "want https://host",
	} {
		if _, err := CheckURL(address, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", address, err, want)
		}
	}
	for _, address := range []string{"https://ctl.example/v1", "http://127.0.0.1:80/", "http://localhost", "http://[::1]:8080", "file:///media/usb"} {
		if _, err := CheckURL(address, false); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := CheckURL("http://10.0.0.1:8080", true); err != nil {
		t.Errorf("named insecure: %v", err)
	}
	if u, err := CheckURL("https://ctl//a//b", false); err != nil || u.Path != "/a/b" {
		t.Errorf("a path that go-getter would split became %v, %v", u, err)
	}
}

func TestAFolderThatOthersCanOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Base: "https://ctl", Dir: dir}); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("got %v", err)
	}
}
