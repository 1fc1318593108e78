package broker

import mqtt "github.com/mochi-mqtt/server/v2"

const (
	MaxStrangers  = maxStrangers
	ConnectWithin = connectWithin
)

// AddHook lets a test break the library.
func (b *Broker) AddHook(h mqtt.Hook) error { return b.server.AddHook(h, nil) }

// Gone reports whether the broker knows that a client has left.
func (b *Broker) Gone(id string) bool {
	cl, ok := b.server.Clients.Get(id)
	return !ok || cl.Closed()
}
