package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Transport is how the agent speaks HTTP: TLS 1.2 or newer, no waiting for ever
// for an answer, no compression.
func Transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// guard stands between go-getter and the network. It answers the HEAD request
// itself (the size is signed, and a refused HEAD would cost the resume), makes
// a Range request conditional on the ETag where one is known, refuses replies
// that do not continue the partial, and bounds and hashes the body.
type guard struct {
	fetcher *Fetcher
	source  *source
	partial partial
	have    *progress
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodHead {
		return g.head(r), nil
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	reply, err := g.request(ctx, cancel, r)
	if err != nil {
		cancel(nil)
		return nil, g.where(r, err)
	}
	on, err := follows(reply)
	if on {
		reply.Body = &closer{reply.Body, func() { cancel(nil) }}
		return reply, nil
	}
	if err == nil {
		err = g.check(reply)
	}
	if err != nil {
		cancel(nil)
		return nil, g.where(r, errors.Join(err, reply.Body.Close()))
	}
	g.have.note(g.source.base.String(), reply.Header)
	wait := g.fetcher.idle
	reply.Body = &body{
		ReadCloser: reply.Body, ctx: ctx, cancel: cancel, limit: g.fetcher.limit, partial: g.partial, have: g.have,
		patience: newPatience(cancel, wait, g.source.enough(wait)),
	}
	return reply, nil
}

// request asks for the rest, and does not wait for ever for the answer's head.
func (g *guard) request(ctx context.Context, cancel context.CancelCauseFunc, r *http.Request) (*http.Response, error) {
	r = r.Clone(ctx)
	r.Header.Set("Accept-Encoding", "identity")
	if g.fetcher.device != "" && r.URL.Host == g.source.base.Host {
		r.Header.Set(wire.DeviceHeader, g.fetcher.device)
	}
	etag, known := g.etag()
	if g.have.size > 0 && (known || !g.partial.isDelta()) {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", g.have.size))
	}
	if g.have.size > 0 && known {
		r.Header.Set("If-Range", etag)
	}
	silence := fmt.Errorf("no answer came for %s", g.fetcher.idle)
	timer := time.AfterFunc(g.fetcher.idle, func() { cancel(silence) })
	defer timer.Stop()
	reply, err := g.fetcher.transport.RoundTrip(r)
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), silence):
		err = silence
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the server hung up without an answer")
	}
	return reply, err
}

// etag is what this source called the object when it last brought a part.
func (g *guard) etag() (string, bool) {
	etag, ok := g.have.etags[g.source.base.String()]
	return etag, ok
}

// where says which host failed, if it is another one than the source's own.
func (g *guard) where(r *http.Request, err error) error {
	if r.URL.Host == g.source.base.Host || err == nil {
		return err
	}
	return fmt.Errorf("%s, to which it redirects: %w", r.URL.Host, err)
}

// closer releases a reply's context with its body.
type closer struct {
	io.ReadCloser
	then func()
}

func (c *closer) Close() error {
	defer c.then()
	return c.ReadCloser.Close()
}

// head says what is known anyway.
func (g *guard) head(r *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept-Ranges": {"bytes"}}, ContentLength: g.partial.size, Body: http.NoBody, Request: r,
	}
}

// check refuses a reply that is not the object, or not its rest.
func (g *guard) check(reply *http.Response) error {
	if e := reply.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("the server compressed it (%.40s), though asked not to", e)
	}
	if g.partial.isDelta() {
		return g.checkDelta(reply)
	}
	resuming := g.have.size > 0
	switch {
	case resuming && reply.StatusCode == http.StatusPartialContent:
		return g.checkRest(reply)
	case resuming && reply.StatusCode == http.StatusOK:
		return discontinuedf("the server has it anew, or ignores Range")
	case resuming && reply.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return discontinuedf("the server has no bytes after %d", g.have.size)
	case reply.StatusCode != http.StatusOK:
		return answerError(reply)
	}
	if n := reply.ContentLength; n >= 0 && n != g.partial.size {
		return fmt.Errorf("the server has %d bytes, want %d", n, g.partial.size)
	}
	return nil
}

// checkRest holds a 206 to what was asked: RFC 9110 §15.3.7.
func (g *guard) checkRest(reply *http.Response) error {
	want := fmt.Sprintf("bytes %d-%d/%d", g.have.size, g.partial.size-1, g.partial.size)
	if got := reply.Header.Get("Content-Range"); got != want {
		return discontinuedf("the server sent %.80q, want %q", got, want)
	}
	known, ok := g.etag()
	if etag := reply.Header.Get("ETag"); ok && etag != "" && etag != known {
		return discontinuedf("the server has another version of it now")
	}
	return nil
}
