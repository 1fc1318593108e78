package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestEveryListenerGetsASnapshotThenEachChange(t *testing.T) {
	h, live := newLiveHandler(t)
	server := httptest.NewServer(h)
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	streams := make([]*listener, 50)
	for i := range streams {
		streams[i] = listen(ctx, t, server.URL)
		var first Snapshot
		if name := streams[i].next(&first); name != "snapshot" || len(first.Devices) != 1 || first.Devices[0].Name() != "plant/cam-1" || len(first.Rollouts) != 0 {
			t.Fatalf("the first event is %q, %+v", name, first)
		}
	}
	if err := live.Device(Device{Site: "plant", Device: "cam-2"}); err != nil {
		t.Fatal(err)
	}
	if err := live.Event(DeviceEvent{Site: "plant", Device: "cam-2", Event: wire.Event{Text: "line\nbreak"}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		var d Device
		if name := s.next(&d); name != "device" || d.Name() != "plant/cam-2" {
			t.Fatalf("the second event is %q, %+v", name, d)
		}
		var e DeviceEvent
		if name := s.next(&e); name != "event" || e.Event.Text != "line\nbreak" {
			t.Fatalf("the third event is %q, %+v", name, e)
		}
	}
}

func TestOneListenerTooManyIsRefused(t *testing.T) {
	h, live := newLiveHandler(t)
	for i := range maxLive {
		if _, err := live.listen(fmt.Sprint("host ", i/maxLiveFrom)); err != nil {
			t.Fatal("refused too early")
		}
	}
	w := ask(h, "GET", "/v1/live", nil)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "256 listeners") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestAListenerThatLeavesIsForgotten(t *testing.T) {
	h, live := newLiveHandler(t)
	ctx, leave := context.WithCancel(t.Context())
	w := &stuckWriter{ResponseRecorder: httptest.NewRecorder(), writes: make(chan []byte)}
	done := serveLive(ctx, h, w)
	<-w.writes // the snapshot
	leave()
	<-done
	live.mu.Lock()
	defer live.mu.Unlock()
	if len(live.listeners) != 0 {
		t.Errorf("%d listeners are kept", len(live.listeners))
	}
}

// A listener whose connection is stuck costs its buffer and no more: nobody
// waits for it, and it is sent away once it reads again.
func TestAStuckListenerHoldsUpNobodyAndIsSentAway(t *testing.T) {
	h, live := newLiveHandler(t)
	w := &stuckWriter{ResponseRecorder: httptest.NewRecorder(), writes: make(chan []byte)}
	done := serveLive(t.Context(), h, w)
	<-w.writes // the snapshot: it listens now, and takes one frame further
	const told = 3 * liveBuffer
	for range told {
		if err := live.Device(Device{}); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for {
		select {
		case <-w.writes:
			got++
			continue
		case <-done:
		}
		break
	}
	if got < liveBuffer || got > liveBuffer+1 {
		t.Errorf("it got %d of %d frames before it was sent away, want its buffer of %d", got, told, liveBuffer)
	}
}

func TestAListenerThatIsTooSlowIsSentAway(t *testing.T) {
	l := NewLive()
	slow, _ := l.listen("a")
	quick, _ := l.listen("b")
	for range liveBuffer + 1 {
		if err := l.Device(Device{}); err != nil {
			t.Fatal(err)
		}
		<-quick
	}
	got := 0
	for range slow {
		got++
	}
	if got != liveBuffer {
		t.Errorf("the slow one got %d frames before it was sent away, want %d", got, liveBuffer)
	}
	l.leave(slow)
	l.leave(quick)
}

// newLiveHandler is the API on a fleet of one device.
func newLiveHandler(t *testing.T) (http.Handler, *Live) {
	t.Helper()
	live := NewLive()
	return New(Config{Store: newStore(t), Live: live, Log: slog.New(slog.DiscardHandler)}), live
}

// newStore has one device.
func newStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutDevice(t.Context(), store.Device{Device: wire.Device{Site: "plant", ID: "cam-1"}, FirstSeen: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// listener reads a live stream as a browser does.
type listener struct {
	t    *testing.T
	body *bufio.Reader
}

func listen(ctx context.Context, t *testing.T, url string) *listener {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%s of type %q", answer.Status, kind)
	}
	return &listener{t: t, body: bufio.NewReader(answer.Body)}
}

// next reads one event's data, and gives its name.
func (l *listener) next(into any) (name string) {
	l.t.Helper()
	for {
		line, err := l.body.ReadString('\n')
		if err != nil {
			l.t.Fatal(err)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			if err := json.Unmarshal([]byte(value), into); err != nil {
				l.t.Fatal(err)
			}
		case "":
			return name
		}
	}
}

func serveLive(ctx context.Context, h http.Handler, w http.ResponseWriter) (done chan struct{}) {
	done = make(chan struct{})
	r := httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:8080/v1/live", nil)
	go func() {
		defer close(done)
		h.ServeHTTP(w, r)
	}()
	return done
}

// stuckWriter is a connection on which each write waits until it is read.
type stuckWriter struct {
	*httptest.ResponseRecorder
	writes chan []byte
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	w.writes <- b
	return len(b), nil
}

func (w *stuckWriter) SetWriteDeadline(time.Time) error { return nil }

func TestAttackOneAddressShutsOthersOut(t *testing.T) {
	h, live := newLiveHandler(t)
	for range maxLiveFrom {
		if _, err := live.listen("192.0.2.1"); err != nil { // as httptest's requests
			t.Fatal(err)
		}
	}
	if w := ask(h, "GET", "/v1/live", nil); w.Code != http.StatusTooManyRequests {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if _, err := live.listen("192.0.2.2"); err != nil {
		t.Errorf("another address: %v", err)
	}
}

func TestAttackBodies(t *testing.T) {
	h, _ := newLiveHandler(t)
	for what, c := range map[string]struct {
		body string
		want int
	}{
		"a key twice": {`{"model":"a","model":"b"}`, http.StatusBadRequest},
		"too long":    {`{"model":"` + strings.Repeat("x", maxJSON) + `"}`, http.StatusRequestEntityTooLarge},
	} {
		r := httptest.NewRequest("POST", "http://127.0.0.1/v1/rollouts", strings.NewReader(c.body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: got %d %s", what, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1/v1/rollouts", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.HasPrefix(w.Body.String(), `{"error":`) {
		t.Errorf("cross-site: got %d %s", w.Code, w.Body)
	}
}
