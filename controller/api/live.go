package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Bounds on one listener of the live stream.
const (
	liveBuffer = 256              // events that wait for a slow listener
	liveChunk  = 32 << 10         // of an event, such as the snapshot of a large fleet
	liveWrite  = 10 * time.Second // for each of them to be written
	liveBeat   = 15 * time.Second // between comments that keep proxies awake
	// maxLive is how many listeners there may be, and maxLiveFrom how many from one
	// address: an office behind one, with a page each. Whoever puts a proxy in
	// front makes one address of everybody.
	maxLive     = 256
	maxLiveFrom = 64
)

// Live tells listeners what changes, as it changes. A listener that falls 256
// events behind is sent away: it comes back by itself, as browsers do, and
// begins with a fresh snapshot, which is less than what it missed.
type Live struct {
	mu        sync.Mutex
	listeners map[chan []byte]string // by their addresses
}

// NewLive is a stream without listeners.
func NewLive() *Live { return &Live{listeners: map[chan []byte]string{}} }

// Device tells that a device changed.
func (l *Live) Device(d Device) error { return l.tell("device", d) }

// Gone tells that a device was removed.
func (l *Live) Gone(d wire.Device) error { return l.tell("gone", d) }

// Rollout tells that a rollout changed.
func (l *Live) Rollout(r Rollout) error { return l.tell("rollout", r) }

// Event tells an event of a device.
func (l *Live) Event(e DeviceEvent) error { return l.tell("event", e) }

func (l *Live) tell(name string, data any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.listeners) == 0 {
		return nil
	}
	f, err := frame(name, data)
	if err != nil {
		return err
	}
	for ch := range l.listeners {
		select {
		case ch <- f:
		default:
			l.drop(ch)
		}
	}
	return nil
}

// listen gives a channel of frames, closed when the listener was too slow; a
// refusal if there are too many listeners.
func (l *Live) listen(from string) (chan []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.listeners) >= maxLive {
		return nil, Refuse(http.StatusServiceUnavailable, "%d listeners already watch this controller", maxLive)
	}
	beside := 0
	for _, other := range l.listeners {
		if other == from {
			beside++
		}
	}
	if beside >= maxLiveFrom {
		return nil, Refuse(http.StatusTooManyRequests, "%d listeners from %s already watch this controller: close some", maxLiveFrom, from)
	}
	ch := make(chan []byte, liveBuffer)
	l.listeners[ch] = from
	return ch, nil
}

func (l *Live) leave(ch chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(ch)
}

func (l *Live) drop(ch chan []byte) {
	if _, ok := l.listeners[ch]; ok {
		delete(l.listeners, ch)
		close(ch)
	}
}

// frame is one server-sent event (WHATWG HTML, section 9.2): JSON has no line
// breaks.
func frame(name string, data any) ([]byte, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode live %s: %w", name, err)
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, b), nil
}

// Snapshot is the first event of every live stream; the later ones, "device",
// "gone", "rollout" and "event", replace, remove or add to its parts.
type Snapshot struct {
	Devices  []Device  `json:"devices"`
	Rollouts []Rollout `json:"rollouts"`
}

// live streams until the caller leaves. It listens before it takes the
// snapshot, so that no change falls between.
func (h *handler) live(w http.ResponseWriter, r *http.Request) error {
	frames, err := h.Live.listen(caller(r))
	if err != nil {
		return err
	}
	defer h.Live.leave(frames)
	first, err := h.snapshot(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := stream{w: w, c: http.NewResponseController(w)}
	if s.send(first) != nil {
		return nil // it left
	}
	s.follow(r, frames)
	return nil
}

func (h *handler) snapshot(r *http.Request) ([]byte, error) {
	devices, err := h.Store.Devices(r.Context())
	if err != nil {
		return nil, err
	}
	rollouts, err := h.newest(r)
	if err != nil {
		return nil, err
	}
	return frame("snapshot", Snapshot{Devices: each(devices, h.deviceOf), Rollouts: rollouts})
}

// stream is one listener's connection.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

// follow passes frames on until the listener leaves, is too slow, or the
// controller stops.
func (s stream) follow(r *http.Request, frames <-chan []byte) {
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for {
		next, open := []byte(": still here\n\n"), true
		select {
		case <-r.Context().Done():
			return
		case next, open = <-frames:
		case <-beat.C:
		}
		if !open || s.send(next) != nil {
			return
		}
	}
}

// send writes an event in chunks, each of which has its time: a slow listener is
// given as long as a large event needs, and one that is stuck is not.
func (s stream) send(b []byte) error {
	for part := range slices.Chunk(b, liveChunk) {
		if err := s.c.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil {
			return err
		}
		if _, err := s.w.Write(part); err != nil {
			return err
		}
	}
	return s.c.Flush()
}
