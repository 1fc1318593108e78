package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/squadron-edge/squadron/controller/gate"
)

// Bounds on connections that have shown no credential. After a restart all the
// devices of a site come back at once, from one address perhaps, and each is a
// stranger for a round trip or three; a device that is turned away comes back by
// itself. A stranger costs a file descriptor and a goroutine.
const (
	connectWithin   = 10 * time.Second // from the first byte of TLS to a CONNECT that is admitted
	maxStrangers    = 256              // from one address, or one /64 of IPv6
	maxStrangersAll = 2048
	acceptAgain     = time.Second // after a connection could not be accepted
)

// door is the broker's listener. It turns away what does not speak the protocol
// or does not say who it is in time, and owns every connection from its first
// byte to its last: what happens on one ends at most that one.
type door struct {
	listener net.Listener
	log      *slog.Logger
	lost     func(net.Conn) // told of a connection that a panic ended
	closing  chan struct{}
	busy     sync.WaitGroup // the accept loop, and each connection

	mu        sync.Mutex
	closed    bool
	inside    map[*visitor]bool
	strangers map[netip.Prefix]int
	waiting   int // sum of strangers
	refused   int // since it was last asked
}

// visitor is a connection. It gives back the bytes of its greeting first.
type visitor struct {
	net.Conn
	door *door
	head []byte
	from netip.Prefix

	stranger bool // guarded by door.mu
}

func newDoor(l net.Listener, log *slog.Logger, lost func(net.Conn)) *door {
	return &door{
		listener: l, log: log, lost: lost, closing: make(chan struct{}),
		inside: map[*visitor]bool{}, strangers: map[netip.Prefix]int{},
	}
}

// The listeners.Listener that the library knows.

func (d *door) Init(*slog.Logger) error { return nil }
func (d *door) ID() string              { return "mqtt" }
func (d *door) Address() string         { return d.listener.Addr().String() }
func (d *door) Protocol() string        { return d.listener.Addr().Network() }

// Serve accepts connections until Close. One that cannot be accepted, for want
// of file descriptors perhaps, does not end it.
func (d *door) Serve(establish listeners.EstablishFn) {
	if !d.open() {
		return
	}
	defer d.busy.Done()
	for {
		conn, err := d.listener.Accept()
		if err == nil {
			d.receive(conn, establish)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		d.log.Warn("a connection cannot be accepted; tried again in a moment", "error", err)
		select {
		case <-time.After(acceptAgain):
		case <-d.closing:
		}
	}
}

// open counts the accept loop in, unless the door is closed already.
func (d *door) open() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.busy.Add(1)
	}
	return !d.closed
}

func (d *door) receive(conn net.Conn, establish listeners.EstablishFn) {
	v := &visitor{Conn: conn, door: d, from: gate.Origin(conn.RemoteAddr()), stranger: true}
	if !d.enter(v) {
		conn.Close() // nothing was written that could be lost
		return
	}
	go func() {
		defer d.busy.Done()
		defer d.leave(v)
		defer d.survive(v)
		if err := d.attend(v, establish); err != nil {
			d.log.Debug("connection ended", "remote", v.RemoteAddr().String(), "error", err)
		}
	}()
}

// attend hears who comes, and leaves the rest to the library. The deadline holds
// until the library sets its own, for one that is admitted.
func (d *door) attend(v *visitor, establish listeners.EstablishFn) error {
	if err := v.SetDeadline(time.Now().Add(connectWithin)); err != nil {
		return err
	}
	head, err := readGreeting(v.Conn)
	if errors.Is(err, errNotVersion) {
		_, writeErr := v.Write(notAcceptable)
		return errors.Join(err, writeErr)
	}
	if err != nil {
		return err
	}
	v.head = head
	return establish(d.ID(), v)
}

// survive keeps a panic on one connection from ending the process.
func (d *door) survive(v *visitor) {
	p := recover()
	if p == nil {
		return
	}
	d.log.Error("a connection was ended, since the broker could not cope with what came on it: tell Squadron's makers",
		"remote", v.RemoteAddr().String(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	d.lost(v)
}

// enter counts a connection in, unless there are too many strangers.
func (d *door) enter(v *visitor) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	if d.strangers[v.from] >= maxStrangers || d.waiting >= maxStrangersAll {
		d.refused++
		return false
	}
	d.strangers[v.from]++
	d.waiting++
	d.inside[v] = true
	d.busy.Add(1)
	return true
}

// admit is told of a connection that has shown its credential.
func (v *visitor) admit() {
	v.door.mu.Lock()
	defer v.door.mu.Unlock()
	v.door.known(v)
}

// known takes a connection off the strangers; mu is held.
func (d *door) known(v *visitor) {
	if !v.stranger {
		return
	}
	v.stranger = false
	d.waiting--
	if d.strangers[v.from]--; d.strangers[v.from] == 0 {
		delete(d.strangers, v.from)
	}
}

func (d *door) leave(v *visitor) {
	v.Close() // the library may have closed it before; there is nobody left to tell
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known(v)
	delete(d.inside, v)
}

// turnedAway counts the connections refused since it was last asked.
func (d *door) turnedAway() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.refused
	d.refused = 0
	return n
}

// Close stops accepting first, then ends each connection and waits for it, so
// that the library has nothing left to wait for. Clients of MQTT 3.1.1 are not
// told more than that.
func (d *door) Close(listeners.CloseFn) {
	for _, v := range d.shut() {
		d.busy.Go(func() { v.Close() }) // TLS says goodbye, which may take a while
	}
	d.busy.Wait()
}

// shut stops accepting, and lists who is inside.
func (d *door) shut() []*visitor {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		close(d.closing)
		if err := d.listener.Close(); err != nil {
			d.log.Debug("the listener was closed before", "error", err)
		}
	}
	return slices.Collect(maps.Keys(d.inside))
}

// Read implements net.Conn.
func (v *visitor) Read(b []byte) (int, error) {
	if len(v.head) > 0 {
		n := copy(b, v.head)
		v.head = v.head[n:]
		return n, nil
	}
	return v.Conn.Read(b)
}
