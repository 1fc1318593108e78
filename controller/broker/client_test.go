package broker_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// client speaks MQTT 3.1.1 packet by packet, so that a test can send what no
// library would.
type client struct {
	t    *testing.T
	conn net.Conn
}

type login struct {
	id, user, password string
	will               string // topic
	words              string // of the will; "gone" if not given
	keep               bool   // the session
}

// connect returns the client and the broker's answer; 0 is welcome.
func connect(t *testing.T, addr string, l login) (*client, byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, conn: conn}
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, ProtocolVersion: 4}
	if l.words == "" {
		l.words = "gone"
	}
	pk.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), ClientIdentifier: l.id, Clean: !l.keep, Keepalive: 30,
		Username: []byte(l.user), UsernameFlag: l.user != "",
		Password: []byte(l.password), PasswordFlag: l.password != "",
		WillFlag: l.will != "", WillTopic: l.will, WillPayload: []byte(l.words), WillRetain: l.will != "",
	}
	c.send(pk.ConnectEncode)
	answer, ok := c.read()
	if !ok || answer.FixedHeader.Type != packets.Connack {
		t.Fatalf("no CONNACK: %+v", answer)
	}
	return c, answer.ReasonCode
}

func (c *client) send(encode func(*bytes.Buffer) error) {
	c.t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(b.Bytes()); err != nil {
		c.t.Log("write:", err) // the broker may have closed already; read tells
	}
}

// read takes the next packet; false says that the broker closed the connection.
func (c *client) read() (packets.Packet, bool) {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	pk := packets.Packet{ProtocolVersion: 4}
	var first [1]byte
	if _, err := io.ReadFull(c.conn, first[:]); err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			c.t.Fatal("the broker is silent")
		}
		return pk, false
	}
	if err := pk.FixedHeader.Decode(first[0]); err != nil {
		c.t.Fatal(err)
	}
	n, _, err := packets.DecodeLength(byteReader{c.conn})
	if err != nil {
		return pk, false
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return pk, false
	}
	decode := map[byte]func([]byte) error{
		packets.Connack: pk.ConnackDecode, packets.Suback: pk.SubackDecode, packets.Publish: pk.PublishDecode,
		packets.Puback: pk.PubackDecode, packets.Pingresp: pk.PingrespDecode, packets.Disconnect: pk.DisconnectDecode,
	}[pk.FixedHeader.Type]
	if decode == nil {
		c.t.Fatalf("unexpected packet %d", pk.FixedHeader.Type)
	}
	if err := decode(body); err != nil {
		c.t.Fatal(err)
	}
	return pk, true
}

// subscribe returns the broker's code: 0x80 is a refusal.
func (c *client) subscribe(filter string) byte {
	c.t.Helper()
	c.ask(filter)
	answer, ok := c.read()
	if !ok || answer.FixedHeader.Type != packets.Suback {
		c.t.Fatalf("no SUBACK to %s: type %d", filter, answer.FixedHeader.Type)
	}
	return answer.ReasonCodes[0]
}

// ask subscribes and leaves the answer to read.
func (c *client) ask(filter string) {
	c.t.Helper()
	pk := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, ProtocolVersion: 4, PacketID: 7,
		Filters: packets.Subscriptions{{Filter: filter, Qos: 1}},
	}
	c.send(pk.SubscribeEncode)
}

// publish reports whether the broker took the message.
func (c *client) publish(topic, payload string, retain bool) bool {
	c.t.Helper()
	pk := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1, Retain: retain}, ProtocolVersion: 4, PacketID: 9,
		TopicName: topic, Payload: []byte(payload),
	}
	c.send(pk.PublishEncode)
	for {
		answer, ok := c.read()
		if !ok || answer.FixedHeader.Type == packets.Disconnect {
			return false
		}
		if answer.FixedHeader.Type == packets.Puback {
			return true
		}
	}
}

func (c *client) leave() {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ProtocolVersion: 4}
	c.send(pk.DisconnectEncode)
}

type byteReader struct{ r io.Reader }

func (b byteReader) ReadByte() (byte, error) {
	var p [1]byte
	_, err := io.ReadFull(b.r, p[:])
	return p[0], err
}
