package broker_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// fragile is a library that cannot cope with one message.
type fragile struct{ mqtt.HookBase }

func (*fragile) ID() string           { return "fragile" }
func (*fragile) Provides(b byte) bool { return b == mqtt.OnPacketRead }
func (*fragile) OnPacketRead(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if string(pk.Payload) == "poison" {
		panic("the library cannot cope")
	}
	return pk, nil
}

func TestAPanicEndsOneConnectionOnly(t *testing.T) {
	var log strings.Builder
	b, err := broker.New(listen(t), secret, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddHook(&fragile{}); err != nil {
		t.Fatal(err)
	}
	run(t, b)
	bystander := device(t, b, other)
	c, _ := connect(t, b.Addr(), withWill)
	if c.publish(cam.Topic(wire.KindEvent), "poison", false) {
		t.Fatal("the library coped")
	}
	if f := <-b.Facts(); f.Kind != wire.KindOnline || string(f.Payload) != "gone" {
		t.Errorf("the device is not known to be away: %+v", f)
	}
	if !bystander.publish(other.Topic(wire.KindEvent), "well", false) {
		t.Error("another connection ended too")
	}
	if f := <-b.Facts(); string(f.Payload) != "well" {
		t.Errorf("fact %+v", f)
	}
	if _, code := connect(t, b.Addr(), withWill); code != 0 {
		t.Errorf("the device cannot come back: %d", code)
	}
	if text := log.String(); !strings.Contains(text, "the library cannot cope") || !strings.Contains(text, "fragile") {
		t.Errorf("the log does not tell what happened, or where: %s", text)
	}
}

// Silence, half a CONNECT and a whole one without its end all hold a connection
// for ten seconds and no longer.
func TestAttackSilence(t *testing.T) {
	for _, said := range []string{"", "\x10", "\x10\x30\x00\x04MQ", "\x10\x30\x00\x04MQTT\x04\x02\x00\x3c\x00"} {
		synctest.Test(t, func(t *testing.T) {
			l := pipes{make(chan net.Conn), make(chan struct{})}
			b, err := broker.New(l, secret, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- b.Run(ctx) }()
			near, far := net.Pipe()
			l.conns <- far
			begun := time.Now()
			if _, err := near.Write([]byte(said)); err != nil {
				t.Error(err)
			}
			if _, err := near.Read(make([]byte, 1)); err == nil || time.Since(begun) != broker.ConnectWithin {
				t.Errorf("after %q the connection ended after %v: %v", said, time.Since(begun), err)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestAttackManyStrangers(t *testing.T) {
	b := start(t)
	device(t, b, other) // who is known does not count
	var strangers []net.Conn
	for range broker.MaxStrangers {
		strangers = append(strangers, dial(t, b))
	}
	if got := until(t, dial(t, b)); got != nil {
		t.Errorf("answered % x", got)
	}
	for _, c := range strangers {
		send(t, c, []byte{0}) // no CONNECT, so the broker ends it
		until(t, c)
	}
	device(t, b, cam)
}
