package wire

import (
	"fmt"
	"strings"
)

// SiteID names a place with people and a link; DeviceID a device in it. Both
// are 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or digit, so
// that neither can hold a topic separator or wildcard.
type (
	SiteID    string
	DeviceID  string
	RolloutID string
)

// rolloutsTopic stands in a topic where a device's name does.
const rolloutsTopic = "rollouts"

// Device is a device's full name, unique in the fleet.
type Device struct {
	Site SiteID   `json:"site"`
	ID   DeviceID `json:"device"`
}

func (d Device) String() string { return string(d.Site) + "/" + string(d.ID) }

// ParseDevice reads "site/device".
func ParseDevice(s string) (Device, error) {
	site, id, ok := strings.Cut(s, "/")
	d := Device{Site: SiteID(site), ID: DeviceID(id)}
	if !ok {
		return Device{}, fmt.Errorf("device %.80q: want site/device", s)
	}
	return d, d.Validate()
}

// Validate refuses names that could not stand in a topic, a path or a URL.
func (d Device) Validate() error {
	if err := ValidateID(string(d.Site)); err != nil {
		return fmt.Errorf("site %w", err)
	}
	if err := ValidateID(string(d.ID)); err != nil {
		return fmt.Errorf("device %w", err)
	}
	if d.ID == rolloutsTopic {
		return fmt.Errorf("device %q: a site keeps its rollouts under that name", d.ID)
	}
	return nil
}

// ValidateID refuses what is not 1 to 63 of a-z, 0-9, '-' and '_', starting
// with a letter or digit.
func ValidateID(s string) error {
	if s == "" || len(s) > 63 {
		return fmt.Errorf("%.80q: want 1 to 63 characters, has %d", s, len(s))
	}
	for i, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '-' || c == '_'):
		default:
			return fmt.Errorf("%q: only a-z, 0-9, - and _ may stand in it, and a letter or digit first", s)
		}
	}
	return nil
}

// Root is the first level of every topic, with the version of the tree.
const Root = "squadron/v1"

// Kind is the last level of a device's topic.
type Kind string

// The topics of one device. Retained ones hold the newest state; the
// controller's database stays the truth.
const (
	KindOnline    Kind = "online"    // device → retained, QoS 1; also its last will
	KindInfo      Kind = "info"      // device → retained, QoS 1
	KindState     Kind = "state"     // device → retained, QoS 1
	KindEvent     Kind = "event"     // device → QoS 1, numbered, kept until acknowledged
	KindTelemetry Kind = "telemetry" // device → QoS 0
	KindReply     Kind = "reply"     // device → QoS 1, answers a command
	KindDesired   Kind = "desired"   // controller → retained, QoS 1
	KindCommand   Kind = "command"   // controller → QoS 1, with an id and an expiry
)

// FromDevice lists the kinds that a device writes; all others it reads.
var FromDevice = []Kind{KindOnline, KindInfo, KindState, KindEvent, KindTelemetry, KindReply}

// Topic is the device's topic of a kind.
func (d Device) Topic(k Kind) string {
	return Root + "/" + string(d.Site) + "/" + string(d.ID) + "/" + string(k)
}

// ParseTopic splits a device's topic.
func ParseTopic(topic string) (Device, Kind, error) {
	rest, ok := strings.CutPrefix(topic, Root+"/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return Device{}, "", fmt.Errorf("topic %.200q: want %s/{site}/{device}/{kind}", topic, Root)
	}
	d := Device{Site: SiteID(parts[0]), ID: DeviceID(parts[1])}
	if err := d.Validate(); err != nil {
		return Device{}, "", fmt.Errorf("topic %.200q: %w", topic, err)
	}
	return d, Kind(parts[2]), nil
}

// RolloutTopic holds a rollout's progress in a site, retained, for people.
func RolloutTopic(site SiteID, id RolloutID) string {
	return Root + "/" + string(site) + "/" + rolloutsTopic + "/" + string(id)
}

// DeviceHeader is how a device says over HTTP which it is, as site/device, so that
// its site's budget counts for what it downloads. It proves nothing.
const DeviceHeader = "Squadron-Device"
