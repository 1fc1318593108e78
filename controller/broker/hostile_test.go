package broker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A SUBSCRIBE of MQTT 5 whose filter has no options byte ends the decoder of
// the library with a panic, and with it would the controller.
func TestAttackSubscribeWithoutItsOptions(t *testing.T) {
	b := start(t)
	conn := dial(t, b)
	send(t, conn, connectPacket("MQTT", 5, "reader", ""))
	send(t, conn, []byte{0x82, 6, 0, 1, 0, 0, 1, 'a'})
	if got := until(t, conn); !bytes.Equal(got, []byte{0x20, 2, 0, 1}) {
		t.Errorf("answered % x, want a CONNACK of unacceptable protocol version", got)
	}
	device(t, b, cam)
}

// Devices and mosquitto's tools speak 3.1.1, and what else the library reads
// is nobody's loss.
func TestAttackAnotherProtocol(t *testing.T) {
	for what, c := range map[string]struct{ packet, want []byte }{
		"MQTT 3.1":            {connectPacket("MQIsdp", 3, "reader", ""), []byte{0x20, 2, 0, 1}},
		"MQTT 5":              {connectPacket("MQTT", 5, "reader", ""), []byte{0x20, 2, 0, 1}},
		"a bridge's 3.1.1":    {connectPacket("MQTT", 0x84, "reader", ""), []byte{0x20, 2, 0, 1}},
		"HTTP":                {[]byte("GET / HTTP/1.1\r\n\r\n"), nil},
		"no CONNECT first":    {[]byte{0xc0, 0}, nil},
		"a name without end":  {[]byte{0x10, 0x7f, 0xff, 0xff, 'M', 'Q', 'T', 'T'}, nil},
		"a length of 5 bytes": {[]byte{0x10, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 4, 'M', 'Q', 'T', 'T', 4}, nil},
	} {
		b := start(t)
		conn := dial(t, b)
		send(t, conn, c.packet)
		if got := until(t, conn); !bytes.Equal(got, c.want) {
			t.Errorf("%s: answered % x, want % x", what, got, c.want)
		}
	}
}

// Whole packets of all kinds and versions, each damaged by chance.
func TestAttackDamagedPackets(t *testing.T) {
	b, err := broker.New(listen(t), "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	run(t, b)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for {
			select {
			case <-b.Facts():
			case <-ctx.Done():
				return
			}
		}
	}()
	seed := uint64(time.Now().UnixNano())
	chance := rand.New(rand.NewPCG(seed, 0))
	whole := conversations()
	const attacks = 1500
	for range attacks {
		conn := dial(t, b)
		conversation := whole[chance.IntN(len(whole))]
		send(t, conn, damaged(conversation, chance))
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil && !closedByPeer(err) {
			t.Fatal(err)
		}
		until(t, conn)
	}
	if _, code := connect(t, b.Addr(), login{id: cam.String(), user: cam.String()}); code != 0 {
		t.Errorf("seed %d: afterwards a device is answered %d", seed, code)
	}
}

// damaged changes, removes or adds up to five bytes, after the CONNECT in two
// of three.
func damaged(conversation []byte, chance *rand.Rand) []byte {
	m, keep := bytes.Clone(conversation), 0
	if chance.IntN(3) > 0 {
		keep = int(m[1]) + 2
	}
	for range chance.IntN(6) {
		if len(m) <= keep+1 {
			break
		}
		i := keep + chance.IntN(len(m)-keep)
		switch chance.IntN(5) {
		case 0:
			m[i] ^= 1 << chance.IntN(8)
		case 1:
			m[i] = byte(chance.IntN(256))
		case 2:
			m = append(m[:i], m[min(len(m), i+1+chance.IntN(4)):]...)
		case 3:
			m = append(m[:i], append([]byte{byte(chance.IntN(256))}, m[i:]...)...)
		case 4:
			m[i] = []byte{0, 255, 127, 128}[chance.IntN(4)]
		}
	}
	return m
}

// conversations are a CONNECT and one packet of every kind, by a reader and by
// a device, in each version.
func conversations() (list [][]byte) {
	for _, version := range []byte{3, 4, 4, 4, 5} {
		var none, properties []byte
		if version == 5 {
			none, properties = []byte{0}, []byte{2, 0x0b, 3}
		}
		for _, user := range []string{"", cam.String()} {
			name := "MQTT"
			if version == 3 {
				name = "MQIsdp"
			}
			list = append(list, bytes.Join([][]byte{
				connectPacket(name, version, "r"+user, user),
				packet(0x82, []byte{0, 1}, properties, text(cam.Topic(wire.KindDesired)), []byte{1}),
				packet(0x82, []byte{0, 2}, none, text("$share/g/squadron/v1/#"), []byte{2}, text("+/#"), []byte{0x2d}),
				packet(0x32, text(cam.Topic(wire.KindState)), []byte{0, 3}, none, []byte("{}")),
				packet(0x34, text(cam.Topic(wire.KindEvent)), []byte{0, 4}, none, []byte("{}")),
				packet(0x62, []byte{0, 4}), packet(0x40, []byte{0, 1}), packet(0x50, []byte{0, 9}), packet(0x70, []byte{0, 9}),
				packet(0xa2, []byte{0, 5}, none, text(cam.Topic(wire.KindDesired))),
				packet(0xc0), packet(0xf0, []byte{0x18}, none), packet(0xe0),
			}, nil))
		}
	}
	return list
}

func packet(first byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append([]byte{first, byte(len(body))}, body...)
}

func text(s string) []byte { return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...) }

func connectPacket(name string, version byte, id, user string) []byte {
	flags := byte(2)
	var more [][]byte
	if version == 5 {
		more = append(more, []byte{0})
	}
	if more = append(more, text(id)); user != "" {
		flags, more = flags|0x80, append(more, text(user))
	}
	return packet(0x10, append([][]byte{text(name), {version, flags, 0, 60}}, more...)...)
}

func dial(t *testing.T, b *broker.Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, p []byte) {
	t.Helper()
	if _, err := conn.Write(p); err != nil && !closedByPeer(err) {
		t.Fatal(err)
	}
}

// until reads what comes before the broker closes the connection.
func until(t *testing.T, conn net.Conn) []byte {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil && !closedByPeer(err) {
		t.Fatalf("the broker does not end the connection: %v", err)
	}
	if len(got) == 0 {
		return nil
	}
	return got
}

func closedByPeer(err error) bool {
	var fault *net.OpError
	return errors.As(err, &fault) && !fault.Timeout()
}
