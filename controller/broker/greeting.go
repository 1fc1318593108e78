package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The two things that can be wrong with the first bytes of a connection.
var (
	errNotMQTT    = errors.New("it does not begin with an MQTT CONNECT")
	errNotVersion = errors.New("it does not speak MQTT 3.1.1")
)

// notAcceptable is the CONNACK for another version (MQTT 3.1.1, section
// 3.2.2.3, return code 1).
var notAcceptable = []byte{0x20, 2, 0, 1}

// readGreeting takes the first bytes of a connection, up to the version of the
// protocol, and returns them for whoever reads on. Only MQTT 3.1.1 passes, which
// devices and mosquitto's tools speak: the library decodes the properties of
// MQTT 5 before it asks who sends them, and a panic was found there.
func readGreeting(r io.Reader) (head []byte, err error) {
	take := func(n int) []byte {
		if err != nil {
			return make([]byte, n)
		}
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		head = append(head, b...)
		return b
	}
	if first := take(1); err == nil && first[0] != 0x10 { // [MQTT-3.1.0-1]
		return nil, errNotMQTT
	}
	const lengthBytes = 4 // at most [MQTT 3.1.1, section 2.2.3]
	for n := 1; take(1)[0]&0x80 != 0; n++ {
		if n == lengthBytes {
			return nil, errNotMQTT
		}
	}
	name := take(2)
	n := int(name[0])<<8 | int(name[1])
	if err == nil && n != len("MQTT") && n != len("MQIsdp") { // [MQTT-3.1.2-1], and its like in 3.1
		return nil, errNotMQTT
	}
	protocol, version := take(n), take(1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read CONNECT: %w", err)
	case !bytes.Equal(protocol, []byte("MQTT")) || version[0] != 4:
		return nil, errNotVersion
	}
	return head, nil
}
