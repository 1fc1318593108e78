package fetch

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// roundTrip is a network without a network.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	reply := f(r)
	if reply == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return reply, nil
}

func answer(r *http.Request, status int, body io.Reader) *http.Response {
	if body == nil {
		body = http.NoBody
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Header: http.Header{}, ContentLength: -1, Request: r, Body: io.NopCloser(body),
	}
}

// drip hands over n bytes after each pause, until ctx ends.
type drip struct {
	ctx   context.Context
	from  io.Reader
	n     int
	pause time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(d.pause):
		return d.from.Read(p[:min(len(p), d.n)])
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

// dripping answers with the object, n bytes after each pause.
func dripping(n int, pause time.Duration) roundTrip {
	return func(r *http.Request) *http.Response {
		return answer(r, 200, &drip{r.Context(), bytes.NewReader(object), n, pause})
	}
}

// TestTheLimitHoldsAndIsNoStall: each wait for the limit is longer than the
// patience with the network.
func TestTheLimitHoldsAndIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(t, "https://far")
		f.transport = dripping(len(object), 0)
		f.limit = limiter(64 << 10)
		f.idle = 100 * time.Millisecond
		start := time.Now()
		mustFetch(t, f)
		if took := time.Since(start); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("1 MiB at 64 KiB a second took %s", took)
		}
	})
}

func TestTheLimitIsForAllTransfersTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := fetcher(t, "https://far"), fetcher(t, "https://far")
		a.transport, b.transport = dripping(len(object), 0), dripping(len(object), 0)
		a.limit = limiter(64 << 10)
		b.limit = a.limit // two objects of one device, in two folders
		start := time.Now()
		done := make(chan error)
		go func() { done <- fetch(t, a) }()
		mustFetch(t, b)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 31*time.Second {
			t.Errorf("2 MiB at 64 KiB a second took %s", took)
		}
	})
}

func TestALimitedFetchCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(t, "https://far")
		f.transport = dripping(len(object), 0)
		f.limit = limiter(MinLimit)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := f.Fetch(ctx, digestOfObject, int64(len(object))); err == nil {
			t.Error("a cancelled fetch succeeded")
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it ended %s after its start", took)
		}
	})
}

// Slow retrieval by a mirror ends when there is somebody else to ask. If there is not,
// one byte now and then is progress, and package update sets the end.
func TestAttackSlowRetrievalByAMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(t, "https://far")
		f.transport = dripping(32<<10, 20*time.Second)
		mustFetch(t, f)

		f = fetcher(t, "https://far", "https://near")
		near, far := dripping(1000, 1100*time.Millisecond), dripping(len(object), 0)
		f.transport = roundTrip(func(r *http.Request) *http.Response {
			if r.URL.Host == "near" {
				return near(r)
			}
			if r.Header.Get("Range") != "bytes=27000-" {
				t.Errorf("the controller was asked for %q", r.Header.Get("Range"))
			}
			reply := far(r)
			reply.StatusCode = 206
			reply.Header.Set("Content-Range", "bytes 27000-1048575/1048576")
			reply.Body = io.NopCloser(bytes.NewReader(object[27000:]))
			return reply
		})
		start := time.Now()
		mustFetch(t, f)
		if took := time.Since(start); took != idleTimeout {
			t.Errorf("the mirror was waited for %s", took)
		}
	})
}

func TestAttackSlowRetrievalInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(t, "https://far")
		f.transport = roundTrip(func(*http.Request) *http.Response { return nil })
		refuse(t, f, "from far: no answer came for 30s")
		f.transport = dripping(100, 31*time.Second)
		refuse(t, f, "from far: the transfer was cut after 0 of 1048576 bytes: nothing came for 30s")
	})
}

// TestASlowLinkIsMarkedByTime: what a power cut could cost is bounded in
// seconds too.
func TestASlowLinkIsMarkedByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(t, "https://far")
		f.transport = dripping(1000, time.Second)
		d := &powerDisk{dir: f.dir, until: time.Now().Add(25 * time.Second), synced: map[string][]byte{}, named: map[string]bool{}}
		f.disk = d
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		if _, err := f.Fetch(ctx, digestOfObject, int64(len(object))); err == nil {
			t.Fatal("it ended")
		}
		if n := d.marked(); n < 15_000 {
			t.Errorf("after 25 s at 1,000 bytes a second, %d are durable", n)
		}
	})
}
