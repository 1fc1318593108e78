// Package broker is the MQTT broker inside the controller: who may say what,
// what the fleet says, and what the controller publishes.
//
// It owns the access rules and the limits of the embedded broker. It refuses to
// be the truth: what it retains is a cache that a restart empties, and the
// controller fills again from its database before anybody connects.
//
// Vocabulary: a fact is one message from a device, by device and kind. The
// controller reads facts in this process, through the broker's inline client:
// a subscriber behind a socket loses messages when thousands are retained or
// when it is slow for a moment.
//
// What a client may do: a device, whose user name and client id are both its
// name, "site/device", and whose password is its Token, writes its own topics of wire.FromDevice and reads its
// own order and commands. A client without a user name may read everything
// under squadron/v1, if it comes from this machine. All else is refused, and so
// is every protocol but MQTT 3.1.1, a connection that has not said within 10
// seconds who it is, and the 257th of those from one address.
//
//	b, err := broker.New(listener, secret, log)
//	err = b.Publish(device.Topic(wire.KindDesired), payload, true)
//	group.Go(func() error { return b.Run(ctx) })
//	for fact := range facts {
//		...
//	}
package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Limits of the broker. The writes that may wait are allocated for every
// client, 8 bytes each; 1024 are enough for a person's view of a few hundred
// devices, and what does not fit is counted and reported.
const (
	pendingWrites  = 1024
	maxInflight    = 1024
	sessionExpiry  = 24 * time.Hour
	maxPacket      = wire.MaxEnvelope + 1<<10 // a message and its topic
	factBuffer     = 1024
	watchEvery     = 10 * time.Second
	inlineID       = 1 // of our one subscription on each filter
	qosAtLeastOnce = 1
)

// Fact is one message from a device about itself.
type Fact struct {
	Device  wire.Device
	Kind    wire.Kind
	Payload []byte
}

// Broker is the embedded broker.
type Broker struct {
	server   *mqtt.Server
	door     *door
	takeover *takeover
	log      *slog.Logger
	facts    chan Fact
	closing  chan struct{} // closed when nobody reads facts any more
}

// New makes a broker for a listener that is already open. Devices must give
// their Token as their password; an empty secret lets any device in.
func New(l net.Listener, secret string, log *slog.Logger) (*Broker, error) {
	server := mqtt.New(&mqtt.Options{
		Capabilities: capabilities(),
		Logger:       slog.New(demoted{log.Handler()}),
		InlineClient: true,
	})
	b := &Broker{
		server: server, log: log,
		takeover: &takeover{
			clients: server.Clients, live: map[string][]*connection{},
			contests: &contests{log: log, byName: map[string]*contest{}},
		},
		facts: make(chan Fact, factBuffer), closing: make(chan struct{}),
	}
	b.door = newDoor(l, log, b.lost)
	for _, hook := range []mqtt.Hook{&access{secret: secret}, b.takeover} {
		if err := server.AddHook(hook, nil); err != nil {
			return nil, fmt.Errorf("broker: add hook %s: %w", hook.ID(), err)
		}
	}
	if err := server.AddListener(b.door); err != nil {
		return nil, fmt.Errorf("broker: listen on %s: %w", l.Addr(), err)
	}
	return b, nil
}

func capabilities() *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumMessageExpiryInterval = 0 // the default removes retained messages after a day
	c.MaximumSessionExpiryInterval = uint32(sessionExpiry / time.Second)
	c.MaximumClientWritesPending = pendingWrites
	c.MaximumInflight = maxInflight
	c.MaximumPacketSize = maxPacket
	c.SharedSubAvailable = 0
	c.TopicAliasMaximum = 0
	c.MinimumProtocolVersion = 4 // 3.1.1; the door lets no other in
	return c
}

// Addr is where clients connect.
func (b *Broker) Addr() string { return b.door.Address() }

// Publish sends a message of the controller's own. A retained one may be
// published before Run.
func (b *Broker) Publish(topic string, payload []byte, retained bool) error {
	if err := b.server.Publish(topic, payload, retained, qosAtLeastOnce); err != nil {
		return fmt.Errorf("publish on %s: %w", topic, err)
	}
	return nil
}

// Contested says, in one sentence, that two devices contend for a name; it is empty
// if they do not.
func (b *Broker) Contested(d wire.Device) string {
	return b.takeover.contests.standing(d.String(), time.Now())
}

// Forget takes away what is retained of a device and, unless it is connected, what
// was kept for it to come back to.
func (b *Broker) Forget(d wire.Device) error {
	if cl, ok := b.server.Clients.Get(d.String()); ok && cl.Closed() {
		cl.ClearInflights()
		b.endSession(cl)
	}
	var err error
	for _, kind := range append([]wire.Kind{wire.KindDesired}, wire.FromDevice...) {
		topic := d.Topic(kind)
		if _, ok := b.server.Topics.Retained.Get(topic); ok {
			err = errors.Join(err, b.Publish(topic, nil, true)) // [MQTT-3.3.1-10]
		}
	}
	return err
}

// endSession forgets a client that is gone, unless it has come back.
func (b *Broker) endSession(cl *mqtt.Client) {
	if now, ok := b.server.Clients.Get(cl.ID); ok && now == cl {
		b.server.UnsubscribeClient(cl)
		b.server.Clients.Delete(cl.ID)
	}
}

// Facts gives what devices say. The channel holds 1024; when it is full, the
// device that speaks waits, and with it its connection: nothing is lost here
// and a reader that is slow slows the fleet. It is never closed.
func (b *Broker) Facts() <-chan Fact { return b.facts }

// Dropped counts the messages that slow clients did not get.
func (b *Broker) Dropped() int64 { return atomic.LoadInt64(&b.server.Info.MessagesDropped) }

// Run serves until ctx ends, then closes every connection. It is called once.
// A panic while a client is heard ends that client's connection, and is logged.
func (b *Broker) Run(ctx context.Context) error {
	for _, kind := range wire.FromDevice {
		filter := wire.Root + "/+/+/" + string(kind)
		if err := b.server.Subscribe(filter, inlineID, b.receive); err != nil {
			return fmt.Errorf("broker: subscribe to %s: %w", filter, err)
		}
	}
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("broker: serve %s: %w", b.Addr(), err)
	}
	b.watch(ctx)
	close(b.closing)
	if err := b.server.Close(); err != nil {
		return fmt.Errorf("broker: close: %w", err)
	}
	return nil
}

// watch tells when clients lose messages and when strangers are turned away,
// until ctx ends.
func (b *Broker) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for last := b.Dropped(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := b.Dropped(); now > last {
			b.log.Warn("clients were too slow and lost messages; what is retained they get again when they reconnect", "messages", now-last)
			last = now
		}
		if n := b.door.turnedAway(); n > 0 {
			b.log.Info("connections were turned away, since too many from the same address had not said who they are", "connections", n)
		}
	}
}

// receive runs on the connection of the device that speaks. The access rules
// have made sure that it speaks for itself.
func (b *Broker) receive(_ *mqtt.Client, _ packets.Subscription, pk packets.Packet) {
	d, kind, err := wire.ParseTopic(pk.TopicName)
	if err != nil || pk.Origin == mqtt.InlineClientId {
		return // ours: what an offline device last said, told again after a start
	}
	fact := Fact{Device: d, Kind: kind, Payload: bytes.Clone(pk.Payload)}
	select {
	case b.facts <- fact:
	case <-b.closing:
	}
}

// lost is told of a connection that a panic ended, which the library says
// nothing about: its last will is let out, as of one that broke, and nobody waits
// for its last word.
func (b *Broker) lost(conn net.Conn) {
	cl := b.takeover.of(conn)
	if cl == nil {
		return // nobody had been admitted on it
	}
	if w := cl.Properties.Will; w.Flag == 1 {
		pk := packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: w.Retain},
			TopicName:   w.TopicName, Payload: w.Payload,
		}
		if err := b.server.InjectPacket(cl, pk); err != nil {
			b.log.Error("the last will of a lost connection was not told", "client", cl.ID, "error", err)
		}
	}
	b.takeover.OnDisconnect(cl, nil, false)
	if cl.Properties.Clean {
		b.endSession(cl)
	}
}
