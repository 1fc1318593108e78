package api

import (
	"time"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Device is what the controller knows of a device; what it never said is absent.
type Device struct {
	Site      wire.SiteID     `json:"site"`
	Device    wire.DeviceID   `json:"device"`
	Online    bool            `json:"online"`
	FirstSeen time.Time       `json:"first_seen"`
	LastSeen  time.Time       `json:"last_seen"`
	Desired   *wire.Desired   `json:"desired,omitempty"` // its newest order
	Info      *wire.Info      `json:"info,omitempty"`
	State     *wire.State     `json:"state,omitempty"`
	Telemetry *wire.Telemetry `json:"telemetry,omitempty"`
	// Contested says, in one sentence, that two devices have this name.
	Contested string `json:"contested,omitempty"`
	// Withheld says, in one sentence that begins with a verb, why it is given no order.
	Withheld string `json:"withheld,omitempty"`
	// Events are the newest, newest first; only in the answer about one device.
	Events []wire.Event `json:"events,omitempty"`
}

// Name is "site/device".
func (d Device) Name() string { return wire.Device{Site: d.Site, ID: d.Device}.String() }

// DeviceOf is a device as the API shows it.
func DeviceOf(d store.Device) Device {
	return Device{
		Site: d.Site, Device: d.ID, Online: d.Online, FirstSeen: d.FirstSeen, LastSeen: d.LastSeen,
		Desired: d.Desired, Info: d.Info, State: d.State, Telemetry: d.Telemetry, Withheld: d.Withheld,
	}
}

// DeviceEvent is one event of one device, in the live stream.
type DeviceEvent struct {
	Site   wire.SiteID   `json:"site"`
	Device wire.DeviceID `json:"device"`
	Event  wire.Event    `json:"event"`
}

// StartRollout asks for a release to be rolled out, or for a model to be taken off
// the devices.
type StartRollout struct {
	Model   string        `json:"model"`
	Version string        `json:"version,omitempty"` // absent if Remove
	Remove  bool          `json:"remove,omitempty"`
	Waves   []string      `json:"waves"`           // such as "1", "50%", "100%"; cumulative
	Sites   []wire.SiteID `json:"sites,omitempty"` // empty means all
}

// Rollout is where a rollout stands.
type Rollout struct {
	ID      wire.RolloutID `json:"id"`
	Model   string         `json:"model"`
	Version string         `json:"version"` // empty if Removes
	Digest  bundle.Digest  `json:"digest"`
	Removes bool           `json:"removes,omitempty"` // takes the model off the devices
	Phase   rollout.Phase  `json:"phase"`             // running, done, halted or aborted
	Wave    int            `json:"wave"`              // the open one, from 1
	Waves   []rollout.Wave `json:"waves"`
	Sites   []wire.SiteID  `json:"sites,omitempty"`
	Total   int            `json:"total"`             // devices
	Healthy int            `json:"healthy"`           // devices
	Failed  int            `json:"failed"`            // devices
	Excused int            `json:"excused,omitempty"` // devices that are pinned
	Started time.Time      `json:"started"`
	Updated time.Time      `json:"updated"`
	Why     string         `json:"why"` // one plain sentence
	// Devices are each device's part. In lists and in the live stream only a
	// rollout that runs has them; the answer about one rollout always does.
	Devices []RolloutDevice `json:"devices,omitempty"`
	// DeadlineSeconds is the time each device has.
	DeadlineSeconds int `json:"deadline_seconds"`
}

// RolloutDevice is one device's part in a rollout.
type RolloutDevice struct {
	Site     wire.SiteID      `json:"site"`
	Device   wire.DeviceID    `json:"device"`
	Progress rollout.Progress `json:"progress"`
	Wave     int              `json:"wave,omitempty"` // in which it was ordered, from 1
	Previous string           `json:"previous,omitempty"`
	Since    time.Time        `json:"since"`
	Failure  string           `json:"failure,omitempty"`
	Why      string           `json:"why,omitempty"`
}

// ListedRollout is a rollout as it is shown among others.
func ListedRollout(s rollout.State) Rollout {
	r := RolloutOf(s)
	if r.Phase != rollout.Running {
		r.Devices = nil
	}
	return r
}

// RolloutOf is a rollout as the API shows it by itself.
func RolloutOf(s rollout.State) Rollout {
	status := s.Status()
	r := Rollout{
		ID: s.ID, Model: s.Model, Version: s.Release.Version, Digest: s.Release.Digest, Removes: s.Removes(), Phase: s.Phase,
		Wave: s.Wave, Waves: s.Waves, Sites: s.Sites, Total: len(s.Devices), Healthy: status.Healthy, Failed: status.Failed,
		Started: s.Started, Updated: s.Updated, Why: status.Sentence,
		Devices: make([]RolloutDevice, len(s.Devices)), DeadlineSeconds: s.DeadlineSeconds,
	}
	for i, d := range s.Devices {
		if d.Progress == rollout.Excused {
			r.Excused++
		}
		r.Devices[i] = RolloutDevice{
			Site: d.Site, Device: d.ID, Progress: d.Progress, Wave: d.Wave,
			Previous: d.Previous.Version, Since: d.Since, Failure: d.Failure, Why: d.Why,
		}
	}
	return r
}

// Bundle is a published bundle.
type Bundle struct {
	Name          string        `json:"name"`
	Version       string        `json:"version"`
	Digest        bundle.Digest `json:"digest"` // of the envelope
	EnvelopeBytes int64         `json:"envelope_bytes"`
	TotalBytes    int64         `json:"total_bytes"`
	KeyID         string        `json:"key_id"`
	Published     time.Time     `json:"published"`
	By            string        `json:"by"`
	// Minimum is the lowest version of the model that devices may install; empty is
	// any. Only in the list.
	Minimum string `json:"minimum_version,omitempty"`
}

// BundleOf is a bundle as the API shows it.
func BundleOf(b store.Bundle) Bundle {
	return Bundle{
		Name: b.Name, Version: b.Version, Digest: b.Digest, EnvelopeBytes: b.EnvelopeBytes, TotalBytes: b.TotalBytes,
		KeyID: b.KeyID, Published: b.Published, By: b.By,
	}
}

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
}
