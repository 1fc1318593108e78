package fetch

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// raw is a server below HTTP: it reads a request's head and does the rest
// itself.
func raw(t *testing.T, answer func(net.Conn)) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				answer(c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// say answers with a text, and then listens until the other side is tired.
func say(text string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := io.WriteString(c, text); err == nil {
			_, _ = io.Copy(io.Discard, c) // until it hangs up, however it does
		}
	}
}

// TestServersThatDoNotSpeakHTTP, or not to its end.
func TestServersThatDoNotSpeakHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(net.Conn)
		want   string
	}{
		"hangs up":              {func(net.Conn) {}, "the server hung up without an answer"},
		"says nothing":          {say(""), "no answer came for 100ms"},
		"stops in its head":     {say("HTTP/1.1 200 OK\r\nContent-Le"), "no answer came for 100ms"},
		"speaks something else": {say("220 mail ready\r\n"), "malformed HTTP"},
		"has an endless head":   {func(c net.Conn) { endless(c, "HTTP/1.1 200 OK\r\n", "X-A: b\r\n") }, "server response headers exceeded 65536 bytes"},
		"lies about its chunks": {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), "after 0 of 1048576 bytes: invalid byte in chunk length"},
		"is cut in a chunk":     {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nabc") }, "cut after 3 of 1048576 bytes"},
		"names two lengths":     {say("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\nContent-Length: 5\r\n\r\n"), "Content-Length"},
		"continues for ever":    {func(c net.Conn) { endless(c, "", "HTTP/1.1 100 Continue\r\n\r\n") }, "server response headers exceeded 65536 bytes"},
		"has endless chunk tails": {func(c net.Conn) {
			endless(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("x", 4000)+"\r\nx\r\n")
		}, "cut after"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fetcher(t, raw(t, c.answer))
			if strings.HasSuffix(c.want, "100ms") {
				f.idle = 100 * time.Millisecond
			}
			refuse(t, f, c.want)
		})
	}
}

// endless says something for ever.
func endless(c net.Conn, first, again string) {
	_, err := io.WriteString(c, first)
	for err == nil {
		_, err = io.WriteString(c, again)
	}
}

func TestNobodyListens(t *testing.T) {
	s := serve(t)
	s.Close()
	refuse(t, fetcher(t, s.URL), "connect: connection refused")
}

// TestWrongRangesAreNotWrittenDown: another source goes on where the partial
// ends, or the same one from the start.
func TestWrongRangesAreNotWrittenDown(t *testing.T) {
	size := len(object)
	for _, got := range []string{
		fmt.Sprintf("bytes 999-%d/%d", size-1, size),
		fmt.Sprintf("bytes 1001-%d/%d", size-1, size),
		fmt.Sprintf("bytes 1000-%d/%d", size-2, size),
		fmt.Sprintf("bytes 1000-%d/%d", size-1, size+1),
		fmt.Sprintf("bytes 1000-%d/*", size-1),
		"bytes */" + fmt.Sprint(size),
		"",
	} {
		wrong := reply(206, map[string]string{"Content-Range": got}, object[1000:])
		s := serve(t, cutAfter(1000), wrong, reply(500, nil, nil))
		f := fetcher(t, s.URL)
		refuse(t, f, "cut")
		refuse(t, f, "the server answered 500 Internal Server Error") // from the start, as no other could go on
		if len(s.ranges) != 3 || s.ranges[1] != "bytes=1000-" || s.ranges[2] != "" {
			t.Errorf("%q: asked for %q", got, s.ranges)
		}
		s, honest := serve(t, cutAfter(1000)), serve(t, reply(404, nil, nil), wrong)
		f = fetcher(t, s.URL, honest.URL)
		refuse(t, f, "cut")
		mustFetch(t, f)
		if from := s.from(1); from != 1000 {
			t.Errorf("%q: the next source went on at %d", got, from)
		}
	}
}

// TestAStormOfErrorsKeepsWhatHadCome.
func TestAStormOfErrorsKeepsWhatHadCome(t *testing.T) {
	storm := []fault{cutAfter(400_000)}
	for _, status := range []int{500, 502, 503, 504, 429, 408, 403} {
		storm = append(storm, reply(status, nil, []byte("no")))
	}
	s := serve(t, storm...)
	f := fetcher(t, s.URL)
	refuse(t, f, "cut")
	for range storm[1:] {
		refuse(t, f, "the server answered ")
	}
	mustFetch(t, f)
	if from := s.from(len(storm)); from != 400_000 {
		t.Errorf("went on at %d", from)
	}
}

// TestHowLongABusyServerAsksToWait: RFC 9110 §10.2.3.
func TestHowLongABusyServerAsksToWait(t *testing.T) {
	const date = "Sun, 06 Nov 1994 08:49:37 GMT"
	for _, c := range []struct {
		status     int
		retryAfter string
		want       time.Duration // -1 is no wait asked for
	}{
		{503, "120", 2 * time.Minute},
		{429, "1", time.Second},
		{503, "0", 0},
		{503, "99999999", longestAfter},
		{503, "99999999999999999999", -1},
		{503, "Sun, 06 Nov 1994 08:50:07 GMT", 30 * time.Second}, // by the server's own clock
		{503, "Sun, 06 Nov 1994 08:00:00 GMT", 0},
		{503, "Fri, 31 Dec 2199 23:59:59 GMT", longestAfter},
		{503, "-3", -1},
		{503, "soon", -1},
		{503, "", -1},
		{500, "120", -1},
		{404, "120", -1},
	} {
		s := serve(t, reply(c.status, map[string]string{"Retry-After": c.retryAfter, "Date": date}, nil))
		err := fetch(t, fetcher(t, s.URL))
		var busy *BusyError
		got := time.Duration(-1)
		if errors.As(err, &busy) {
			got = busy.After
		}
		if got != c.want {
			t.Errorf("%d with Retry-After %q: %v: asks to wait %s, want %s", c.status, c.retryAfter, err, got, c.want)
		}
		if c.want > 0 && !strings.HasSuffix(err.Error(), ", and asks to wait "+c.want.String()) {
			t.Errorf("%q does not say how long to wait", err)
		}
	}
}

// TestRedirectsThatAreNotFollowed, wherever in the chain.
func TestRedirectsThatAreNotFollowed(t *testing.T) {
	for to, want := range map[string]string{
		"http://127.0.0.2:1/stolen":      "it redirects to another host, 127.0.0.2",
		"https://elsewhere.example/x":    "it redirects to another host, elsewhere.example",
		"//elsewhere.example/x":          "it redirects to another host, elsewhere.example",
		"file:///etc/passwd":             "it redirects to file",
		"ftp://127.0.0.1/x":              "it redirects to ftp",
		"git::https://127.0.0.1/x":       "it redirects to git",
		"http://127.0.0.1.nip.example/x": "it redirects to another host, 127.0.0.1.nip.example",
		"http://%zz":                     "it redirects to what is no address",
	} {
		hop := with(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		away := with(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusMovedPermanently)
		})
		refuse(t, fetcher(t, serve(t, away).URL), want)
		refuse(t, fetcher(t, serve(t, hop, away).URL), want)
	}
}

// TestARedirectKeepsTheRange: what had come is not asked for again.
func TestARedirectKeepsTheRange(t *testing.T) {
	hop := with(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	s := serve(t, cutAfter(1000), hop)
	f := fetcher(t, s.URL)
	refuse(t, f, "cut")
	mustFetch(t, f)
	if from := s.from(2); from != 1000 || s.ifRange[2] != s.etag {
		t.Errorf("behind the redirect, asked for %q if %q", s.ranges[2], s.ifRange[2])
	}
}

// TestAServerThatRefusesHEADIsResumed: as object stores do with addresses that
// are signed for GET.
func TestAServerThatRefusesHEADIsResumed(t *testing.T) {
	refused := 0
	refusing := func(inner fault) fault {
		return func(s *server, w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				refused++
				w.WriteHeader(http.StatusForbidden)
				return
			}
			inner(s, w, r)
		}
	}
	s := serve(t, refusing(cutAfter(300_000)), refusing(cutAfter(300_000)))
	f := fetcher(t, s.URL)
	refuse(t, f, "cut")
	refuse(t, f, "cut after 600000")
	mustFetch(t, f)
	if refused > 0 || s.sent.Load() != int64(len(object)) {
		t.Errorf("%d requests were refused, %d bytes sent", refused, s.sent.Load())
	}
}

// certified serves with a certificate that is valid in the given time.
func certified(t *testing.T, from, until time.Time) (*httptest.Server, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(object) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func TestACertificateOutOfItsTimeIsRefused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		from, until time.Time
		want        string
	}{
		{now.Add(-2 * time.Hour), now.Add(-time.Hour), "certificate has expired or is not yet valid"},
		{now.Add(time.Hour), now.Add(2 * time.Hour), "certificate has expired or is not yet valid"},
		{now.Add(-time.Hour), now.Add(time.Hour), ""},
	} {
		s, pool := certified(t, c.from, c.until)
		f, err := New(Options{Base: s.URL, Dir: filepath.Join(t.TempDir(), "in"), RootCAs: pool})
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			mustFetch(t, f)
		} else {
			refuse(t, f, c.want)
		}
	}
}

// TestAnOldTLSIsRefused.
func TestAnOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.StartTLS()
	t.Cleanup(s.Close)
	refuse(t, fetcher(t, s.URL), "protocol version not supported")
}
