package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Message is any message of this package.
type Message interface {
	Online | Info | Desired | State | Event | Telemetry | Command | Reply | RolloutStatus
}

// Encode writes m as JSON with the current Version. It fails above MaxMessage,
// so that no broker on the way has to.
func Encode[M Message](m M) ([]byte, error) {
	reflect.ValueOf(&m).Elem().FieldByName("V").SetInt(Version)
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", m, err)
	}
	if limit := limitOf(m); len(b) > limit {
		return nil, fmt.Errorf("encode %T: %d bytes, more than the %d that it may have", m, len(b), limit)
	}
	return b, nil
}

// Decode reads one message. It refuses more than MaxMessage bytes, another
// version, and bytes after the message; it ignores unknown fields, so that a
// newer sender can add some.
func Decode[M Message](b []byte) (M, error) {
	var m M
	if limit := limitOf(m); len(b) > limit {
		return m, fmt.Errorf("decode %T: %d bytes, more than the %d that it may have", m, len(b), limit)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("decode %T: %w", m, err)
	}
	if v := reflect.ValueOf(m).FieldByName("V").Int(); v != Version {
		return m, fmt.Errorf("decode %T: version %d, this program speaks %d", m, v, Version)
	}
	return m, nil
}

// limitOf is MaxMessage but for a state, which tells of up to eight models by
// names, versions and digests of any length.
func limitOf[M Message](m M) int {
	if _, ok := any(m).(State); ok {
		return MaxState
	}
	return MaxMessage
}
