package broker

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// takeover puts a device's connections in order. One that comes back while its
// old connection hangs takes the session over, and the broker then sends the
// old one's last will whenever it gets to it: after the device has said that it
// is there, if chance wants so, and for good. This hook ends the old connection
// and lets its will out before the new one is welcomed.
type takeover struct {
	mqtt.HookBase
	clients  *mqtt.Clients
	contests *contests

	mu   sync.Mutex
	live map[string][]*connection // by client id
}

// connection is one between its admission and its last word.
type connection struct {
	client  *mqtt.Client
	party   party
	welcome chan struct{} // closed when it is established: only then it has a will
	over    chan struct{} // closed when it has said its last
}

// welcomeWithin is how long a connection that was taken over while it was being
// welcomed may take to find out that it is gone. The broker does not tell of one
// whose welcome could not be sent.
const welcomeWithin = time.Second

// ID names the hook.
func (t *takeover) ID() string { return "squadron-takeover" }

// Provides lists the hooks in use.
func (t *takeover) Provides(b byte) bool {
	return bytes.Contains([]byte{mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnDisconnect}, []byte{b})
}

// OnSessionEstablish runs before a connection is welcomed.
func (t *takeover) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	old, ok := t.clients.Get(cl.ID)
	who := partyOf(cl)
	before := t.admit(cl, old, who)
	if before != nil && len(cl.Properties.Username) > 0 {
		t.contests.note(cl.ID, before.party, who, time.Now())
	}
	if !ok || old.Properties.Clean || before == nil {
		return // the broker forgets a clean session itself, and must not be overtaken
	}
	old.Stop(packets.ErrSessionTakenOver)
	select {
	case <-before.welcome:
		<-before.over
	case <-time.After(welcomeWithin):
	}
}

// admit remembers a connection, and returns the one of old if it is there.
func (t *takeover) admit(cl, old *mqtt.Client, who party) (before *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	connections := slices.DeleteFunc(t.live[cl.ID], (*connection).failed)
	if i := slices.IndexFunc(connections, func(c *connection) bool { return c.client == old }); i >= 0 {
		before = connections[i]
	}
	t.live[cl.ID] = append(connections, &connection{client: cl, party: who, welcome: make(chan struct{}), over: make(chan struct{})})
	return before
}

// failed reports whether its welcome could not be sent; it has no will, and no
// hook tells of its end.
func (c *connection) failed() bool {
	select {
	case <-c.welcome:
		return false
	default:
		return c.client.Closed()
	}
}

// of is who was admitted on a connection; nil if nobody was.
func (t *takeover) of(conn net.Conn) *mqtt.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, connections := range t.live {
		for _, c := range connections {
			if c.client.Net.Conn == conn {
				return c.client
			}
		}
	}
	return nil
}

// OnSessionEstablished runs when a connection is welcome; OnDisconnect follows
// in every case.
func (t *takeover) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.live[cl.ID] {
		if c.client == cl {
			close(c.welcome)
		}
	}
}

// OnDisconnect runs after the last will.
func (t *takeover) OnDisconnect(cl *mqtt.Client, _ error, _ bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := slices.DeleteFunc(t.live[cl.ID], func(c *connection) bool {
		if c.client == cl {
			close(c.over)
		}
		return c.client == cl
	})
	if t.live[cl.ID] = rest; len(rest) == 0 {
		delete(t.live, cl.ID)
	}
}
