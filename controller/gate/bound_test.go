package gate_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/squadron-edge/squadron/controller/gate"
)

const ask = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// Where every connection is being answered, one more is closed at once and not
// kept waiting; when one of them has its answer, there is room.
func TestOneConnectionTooManyIsTurnedAwayAtOnce(t *testing.T) {
	var log strings.Builder
	h := newHeld(t, gate.NewBoundOf(9, 2, slog.New(slog.NewTextHandler(&log, nil))))
	first, _ := h.call(), h.call()
	if _, err := io.ReadAll(h.dial()); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the third connection: %v", err)
	}
	if text := log.String(); !strings.Contains(text, "turned away") || !strings.Contains(text, "127.0.0.1") {
		t.Errorf("the log says %q", text)
	}
	h.answer(first)
	h.call()
}

// A connection without a request makes room, that which has none for longest
// first.
func TestWhoWaitsLongestMakesRoom(t *testing.T) {
	for what, bound := range map[string]*gate.Bound{
		"of one address": gate.NewBoundOf(9, 3, slog.New(slog.DiscardHandler)),
		"of all":         gate.NewBoundOf(3, 9, slog.New(slog.DiscardHandler)),
	} {
		h := newHeld(t, bound)
		busy, silent := h.call(), h.dial()
		idle := h.call()
		h.answer(idle)
		h.call()
		if n, err := silent.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%s: the silent connection is kept, %d, %v", what, n, err)
		}
		h.call()
		h.answer(busy)
		if n, err := idle.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%s: the idle connection is kept, %d, %v", what, n, err)
		}
	}
}

// held is a server that answers each connection when it is told to.
type held struct {
	t      *testing.T
	addr   string
	asked  chan struct{} // one for each request
	now    sync.Map      // by the caller's address, what it is answered upon
	states chan http.ConnState
}

func newHeld(t *testing.T, bound *gate.Bound) *held {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &held{t: t, addr: l.Addr().String(), asked: make(chan struct{}), states: make(chan http.ConnState, 16)}
	over, ended := make(chan struct{}), make(chan error, 1)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.asked <- struct{}{}
			select {
			case <-h.turn(r.RemoteAddr):
			case <-over:
			}
			io.WriteString(w, "x")
		}),
		ConnState: func(c net.Conn, s http.ConnState) {
			bound.Changed(c, s)
			if s == http.StateNew || s == http.StateIdle {
				h.states <- s
			}
		},
	}
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		close(over)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return h
}

func (h *held) turn(addr string) chan struct{} {
	ch, _ := h.now.LoadOrStore(addr, make(chan struct{}))
	return ch.(chan struct{})
}

// dial connects, and waits until the server knows.
func (h *held) dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	h.must(http.StateNew)
	return conn
}

// call connects and asks, and waits until its answer is being made.
func (h *held) call() net.Conn {
	h.t.Helper()
	conn := h.dial()
	if _, err := io.WriteString(conn, ask); err != nil {
		h.t.Fatal(err)
	}
	<-h.asked
	return conn
}

// answer lets a call have its answer, reads it, and waits until the server knows
// that the connection is idle.
func (h *held) answer(conn net.Conn) {
	h.t.Helper()
	h.turn(conn.LocalAddr().String()) <- struct{}{}
	var got strings.Builder
	for b := make([]byte, 1); !strings.HasSuffix(got.String(), "\r\n\r\nx"); got.Write(b) {
		if _, err := conn.Read(b); err != nil {
			h.t.Fatalf("%v after %q", err, got.String())
		}
	}
	h.must(http.StateIdle)
}

func (h *held) must(want http.ConnState) {
	h.t.Helper()
	if got := <-h.states; got != want {
		h.t.Fatalf("a connection is %s, want %s", got, want)
	}
}
