package fetch

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// signature stands for what lets its reader read the object for an hour.
const signature = "X-Amz-Signature=5ec5e7"

// signed is the object's address at a store, under another name of this machine
// than the sources', as a mirror that knows a bucket redirects to it.
func signed(t *testing.T, store *server) string {
	t.Helper()
	u, err := url.Parse(store.URL)
	if err != nil {
		t.Fatal(err)
	}
	return "http://localhost:" + u.Port() + "/bucket/object?X-Amz-Expires=3600&" + signature
}

// redirected is a fetcher of which a mirror redirects to an address, at a host
// that the owner named, and its log.
func redirected(t *testing.T, base, to string, hosts ...string) (*Fetcher, *bytes.Buffer) {
	t.Helper()
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who := r.Header.Get(wire.DeviceHeader); who != "plant-7/cam-3" {
			t.Errorf("the mirror is told %q", who)
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "secret"})
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	t.Cleanup(mirror.Close)
	var log bytes.Buffer
	f, err := New(Options{
		Base: base, Mirrors: []string{mirror.URL}, RedirectHosts: hosts, Device: "plant-7/cam-3",
		Dir: filepath.Join(t.TempDir(), "incoming"), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, &log
}

func TestAMirrorMayRedirectToAHostThatTheOwnerNamed(t *testing.T) {
	s, store := serve(t), serve(t)
	_, port, _ := strings.Cut(host(store), ":")
	for hosts, goes := range map[string]bool{
		"localhost": true, "localhost:" + port: true, "LOCALHOST": true, "elsewhere.example,localhost": true,
		"localhost:1": false, "elsewhere.example": false, "host": false, "notlocalhost": false,
	} {
		before := store.sent.Load()
		f, log := redirected(t, s.URL, signed(t, store), strings.Split(hosts, ",")...)
		mustFetch(t, f)
		if came := store.sent.Load() > before; came != goes {
			t.Errorf("%s named: the store was asked: %v, want %v", hosts, came, goes)
		}
		if told := strings.Contains(log.String(), "it redirects to another host, localhost:"+port); told == goes {
			t.Errorf("%s named: the log says %s", hosts, log)
		}
	}
}

// TestADownloadCutAtTheStoreGoesOnThere: through another signed address, and
// with the ETag that the store gave.
func TestADownloadCutAtTheStoreGoesOnThere(t *testing.T) {
	s, store := serve(t, reply(503, nil, nil)), serve(t, cutAfter(400_000))
	f, _ := redirected(t, s.URL, signed(t, store), "localhost")
	refuse(t, f, "the transfer was cut after 400000 of 1048576 bytes; from "+host(s)+": the server answered 503")
	f2, _ := redirected(t, s.URL, signed(t, store)+"again", "localhost")
	f2.dir, f2.sources[0].base = f.dir, f.sources[0].base
	mustFetch(t, f2)
	if n := store.sent.Load(); n > int64(len(object))+4096 {
		t.Errorf("the store sent %d bytes for %d", n, len(object))
	}
	if want := []string{"", "bytes=400000-"}; !slices.Equal(store.ranges, want) || store.ifRange[1] != store.etag {
		t.Errorf("the store was asked for %q if %q", store.ranges, store.ifRange)
	}
}

// TestNothingSecretGoesWithARedirect: a store, and whoever it redirects to, hears
// which object is wanted and from which byte. A signed address is no Referer.
func TestNothingSecretGoesWithARedirect(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("machine localhost login ada password secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	var heard []http.Header
	hear := func(w http.ResponseWriter, r *http.Request) { heard = append(heard, r.Header.Clone()) }
	last := serve(t, with(func(w http.ResponseWriter, r *http.Request) { hear(w, r); w.WriteHeader(404) }))
	store := serve(t, with(func(w http.ResponseWriter, r *http.Request) {
		hear(w, r)
		http.SetCookie(w, &http.Cookie{Name: "store", Value: "secret"})
		http.Redirect(w, r, last.URL, http.StatusTemporaryRedirect)
	}))
	f, _ := redirected(t, serve(t).URL, signed(t, store), "localhost", "127.0.0.1")
	mustFetch(t, f)
	if len(heard) != 2 {
		t.Fatalf("%d hosts were asked", len(heard))
	}
	for _, h := range heard {
		if names := slices.Sorted(maps.Keys(h)); !slices.Equal(names, []string{"Accept-Encoding", "User-Agent"}) {
			t.Errorf("it was told %v", h)
		}
	}
}

// TestASignedAddressIsNotPrinted: whatever fails at or after the redirect, no
// error and no line of the log has the signature, and the sentence says where.
func TestASignedAddressIsNotPrinted(t *testing.T) {
	hangUp := with(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	onwards := func(to string) fault { return with(redirect(to + "?" + signature)) }
	away := func(store *server) string { return "localhost:" + strings.Split(host(store), ":")[1] }
	for name, c := range map[string]struct {
		fault fault
		want  string
	}{
		"refuses":             {reply(403, nil, []byte("<Error>"+signature)), ", to which it redirects: the server answered 403 Forbidden"},
		"lacks it":            {reply(404, nil, nil), ", to which it redirects: the server answered 404 Not Found"},
		"is busy":             {reply(503, map[string]string{"Retry-After": "7"}, nil), "and asks to wait 7s"},
		"hangs up":            {hangUp, ", to which it redirects: the server hung up without an answer"},
		"is cut":              {cutAfter(1000), "the transfer was cut after 1000 of"},
		"sends other bytes":   {reply(200, nil, bytes.Repeat([]byte("x"), len(object))), "are not what was asked for"},
		"sends too few":       {reply(200, nil, []byte("x")), ", to which it redirects: the server has 1 bytes"},
		"redirects elsewhere": {onwards("http://elsewhere.example/"), "it redirects to another host, elsewhere.example"},
		"redirects to ftp":    {onwards("ftp://localhost/"), "it redirects to ftp"},
		"redirects in clear":  {onwards("http://clear.example/"), "it redirects to http://clear.example, which is neither encrypted"},
		"gives a password":    {onwards("http://ada:" + signature + "@localhost/"), "it redirects to an address with a password, at localhost"},
		"is gone":             {onwards("http://localhost:1/"), "localhost:1, to which it redirects: dial tcp"},
		"is no HTTPS":         {nil, ", to which it redirects: tls: "},
		"is no address": {with(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://[::1?"+signature)
			w.WriteHeader(307)
		}), "it redirects to what is no address"},
		"is no answer": {with(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "?"+signature)
			w.WriteHeader(304)
		}), "the server answered 304 Not Modified"},
	} {
		t.Run(name, func(t *testing.T) {
			store := serve(t, c.fault, c.fault, c.fault)
			to := signed(t, store)
			if c.fault == nil {
				to = strings.Replace(to, "http:", "https:", 1)
			}
			failing := reply(500, nil, nil)
			s := serve(t, failing, failing, failing)
			f, log := redirected(t, s.URL, to, "localhost", "clear.example")
			err := fetch(t, f)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.HasPrefix(c.want, ", to which") && !strings.Contains(err.Error(), away(store)+c.want) {
				t.Errorf("%v does not name the host", err)
			}
			f, deltas := redirected(t, s.URL, to, "localhost", "clear.example")
			_, delta := f.FetchDelta(t.Context(), deltaTarget, deltaBase, targetSize)
			for where, text := range map[string]string{"error": err.Error(), "error of a delta": fmt.Sprint(delta), "log": log.String() + deltas.String()} {
				if strings.Contains(text, "5ec5e7") || strings.Contains(text, "X-Amz") || text == "" {
					t.Errorf("the %s says %s", where, text)
				}
			}
		})
	}
}

// TestARedirectToAStoreStaysWithinTLS: in each step, also where it began in
// plain HTTP on this machine.
func TestARedirectToAStoreStaysWithinTLS(t *testing.T) {
	clear := serve(t)
	s, pool := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, signed(t, clear), http.StatusTemporaryRedirect)
	})
	f, _ := redirected(t, serve(t, reply(500, nil, nil), reply(500, nil, nil)).URL, s.URL, "localhost", "127.0.0.1")
	f.transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	refuse(t, f, "it redirects from https to http")
	if len(clear.ranges) > 0 {
		t.Error("the object was asked for in the clear")
	}
}

func TestHostsThatMayNotBeNamed(t *testing.T) {
	for _, text := range []string{
		"", "https://bucket.example", "bucket.example/path", "ada@bucket.example", "bucket.example?x", "bucket.example#x",
		"*.example", "bucket.example:", "bucket.example:s3", "bucket.example:0", "bucket.example:65536", "a b", "a,b", "::1", "-a", "a\n",
	} {
		if err := CheckRedirectHost(text); err == nil || !strings.Contains(err.Error(), "want a host or host:port") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"bucket.example", "bucket.example:9000", "localhost", "10.0.0.1:9000", "[::1]:9000", "[::1]"} {
		if err := CheckRedirectHost(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := New(Options{Base: "https://ctl", Dir: t.TempDir(), RedirectHosts: []string{"https://b"}}); err == nil || !strings.Contains(err.Error(), "redirect") {
		t.Errorf("got %v", err)
	}
}
