package broker

import (
	"bytes"
	"sync"

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
	clients *mqtt.Clients

	mu   sync.Mutex
	live map[*mqtt.Client]chan struct{} // closed when the connection has said its last
}

// ID names the hook.
func (t *takeover) ID() string { return "squadron-takeover" }

// Provides lists the hooks in use.
func (t *takeover) Provides(b byte) bool {
	return bytes.Contains([]byte{mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnDisconnect}, []byte{b})
}

// OnSessionEstablish runs before a connection is welcomed.
func (t *takeover) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	old, ok := t.clients.Get(cl.ID)
	if !ok || old.Properties.Clean {
		return // the broker forgets a clean session itself, and must not be overtaken
	}
	t.mu.Lock()
	over, ok := t.live[old]
	t.mu.Unlock()
	if ok {
		old.Stop(packets.ErrSessionTakenOver)
		<-over
	}
}

// OnSessionEstablished runs when a connection is welcome; OnDisconnect follows
// in every case.
func (t *takeover) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[cl] = make(chan struct{})
}

// OnDisconnect runs after the last will.
func (t *takeover) OnDisconnect(cl *mqtt.Client, _ error, _ bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.live[cl])
	delete(t.live, cl)
}
