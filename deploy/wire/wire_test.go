package wire_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestTopicRoundTrip(t *testing.T) {
	d := wire.Device{Site: "plant-7", ID: "cam_3"}
	for _, k := range wire.FromDevice {
		got, kind, err := wire.ParseTopic(d.Topic(k))
		if err != nil || got != d || kind != k {
			t.Errorf("%s: got %v %q, %v", d.Topic(k), got, kind, err)
		}
	}
}

func TestParseTopicRefusesWhatCouldEscape(t *testing.T) {
	for _, topic := range []string{
		"", "squadron/v1", "squadron/v2/a/b/state", "squadron/v1/a/b/c/d",
		"squadron/v1/+/b/state", "squadron/v1/a/#/state", "squadron/v1/../b/state",
		"squadron/v1/a//state", "squadron/v1/A/b/state", "squadron/v1/a/" + strings.Repeat("x", 64) + "/state",
	} {
		if d, k, err := wire.ParseTopic(topic); err == nil {
			t.Errorf("%q was taken as %v %q", topic, d, k)
		}
	}
}

func TestDecodeIsBoundedAndVersioned(t *testing.T) {
	b, err := wire.Encode(wire.Command{ID: "1", Kind: wire.CommandAck, Seq: 7})
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Decode[wire.Command](b)
	if err != nil || c.Seq != 7 || c.V != wire.Version {
		t.Fatalf("round trip gave %+v, %v", c, err)
	}
	for name, b := range map[string]string{
		"too long":        `{"v":1,"id":"` + strings.Repeat("x", wire.MaxMessage) + `"}`,
		"another version": `{"v":2}`,
		"no version":      `{}`,
		"trailing bytes":  `{"v":1}{}`,
		"not JSON":        `hello`,
	} {
		if _, err := wire.Decode[wire.Command]([]byte(b)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := wire.Encode(wire.Event{Text: strings.Repeat("x", wire.MaxMessage)}); err == nil {
		t.Error("an oversize message was encoded")
	}
}
