// Package wire is what controller and agent say to each other over MQTT: the
// topics, the messages, and a codec that bounds what it reads.
//
// It owns the names and units of every field that a field engineer sees in
// mosquitto_sub. It refuses to know how bytes travel (package link) and what
// anybody does about them. Messages are states, not commands in flight: each
// may be repeated, and the newest wins.
//
//	topic := wire.Device{Site: "plant-7", ID: "cam-3"}.Topic(wire.KindState)
//	payload, err := wire.Encode(wire.State{Generation: 4, Models: models})
//	...
//	state, err := wire.Decode[wire.State](payload)
package wire

import (
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Version is the "v" of every message. A reader refuses any other.
const Version = 1

// MaxMessage bounds a message's size in bytes, both written and read.
const MaxMessage = 4 << 10

// MaxEnvelope bounds a message that travels signed: its bytes in base64, with
// signatures.
const MaxEnvelope = 8 << 10

// MaxState bounds a state's size in bytes.
const MaxState = 8 << 10

// Online says whether the device is connected; its last will says that it is
// not.
type Online struct {
	V      int  `json:"v"`
	Online bool `json:"online"`
	// Boot differs in every run of the agent, so that a last will can be told
	// from that of an older connection.
	Boot string `json:"boot"`
	// ConnectedAt is when the connection began that the message speaks of, in a
	// last will too: its words are fixed then, and cannot tell when it ended.
	ConnectedAt time.Time `json:"connected_at,omitzero"`
	// LastHeardAt is only in what a controller says of a device that has not
	// connected since the controller's start.
	LastHeardAt time.Time `json:"last_heard_at,omitzero"`
	Why         string    `json:"why"` // one plain sentence
}

// Info is what the device is; it changes with its hardware or software.
type Info struct {
	V         int         `json:"v"`
	Agent     string      `json:"agent"` // version of the agent
	Arch      string      `json:"arch"`  // GOARCH
	OS        string      `json:"os"`
	Board     string      `json:"board"`             // as the board names itself, or "unknown"
	SoC       string      `json:"soc,omitempty"`     // such as "tegra210"
	L4T       string      `json:"l4t,omitempty"`     // such as "32.7.1"
	GPUSM     string      `json:"gpu_sm,omitempty"`  // compute capability, such as "5.3"
	GPUWhy    string      `json:"gpu_why,omitempty"` // the driver's state, in words
	MemoryMiB int         `json:"memory_mib"`
	Serve     string      `json:"serve"` // address of the inference API
	Config    []string    `json:"config_notes,omitempty"`
	Engines   []EngineWhy `json:"engines"`
}

// EngineWhy says whether an engine can run here.
type EngineWhy struct {
	Engine string `json:"engine"`
	Usable bool   `json:"usable"`
	Why    string `json:"why"`
}

// Desired is the controller's order: what one device shall run. Generation only
// rises; a device ignores one that is not above the newest it has accepted. It
// travels signed, as the payload of a DSSE envelope (trust.OrderType).
type Desired struct {
	V          int            `json:"v"`
	Site       SiteID         `json:"site"`
	Device     DeviceID       `json:"device"`
	Generation int64          `json:"generation"`
	At         time.Time      `json:"at"`
	Models     []DesiredModel `json:"models"`
}

// AttemptRelease is a rollout's order to run its release. Any higher attempt is an
// order back to what the device ran before, after a halt or an abort.
const AttemptRelease = 1

// DesiredModel names one model's wanted version by the digest of its signed
// envelope. (Rollout, device, Attempt) identifies a try.
type DesiredModel struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Digest  bundle.Digest `json:"digest"`
	Size    int64         `json:"envelope_bytes"`
	Rollout RolloutID     `json:"rollout,omitempty"`
	Attempt int           `json:"attempt,omitempty"`
}

// State is what the device runs and what it is doing about its order.
type State struct {
	V          int          `json:"v"`
	Generation int64        `json:"generation"`     // newest order that Models speak of
	Since      time.Time    `json:"since,omitzero"` // of its newest change
	Models     []ModelState `json:"models"`
	Why        string       `json:"why"` // one plain sentence
}

// ModelState is one model on the device.
type ModelState struct {
	Name    string        `json:"name"`
	Running string        `json:"running,omitempty"` // version that serves
	Digest  bundle.Digest `json:"digest,omitzero"`   // of what serves
	Wanted  string        `json:"wanted,omitempty"`
	WantedD bundle.Digest `json:"wanted_digest,omitzero"`
	Rollout RolloutID     `json:"rollout,omitempty"`
	Attempt int           `json:"attempt,omitempty"`
	Phase   Phase         `json:"phase"`
	// Pinned is true if the order was refused, or the model's removal put off, because
	// the owner keeps the model as it is; Why has the reason and until when.
	Pinned bool   `json:"pinned,omitempty"`
	Engine string `json:"engine,omitempty"`
	// EngineWhy says why that engine runs and the preferred ones do not.
	EngineWhy string    `json:"engine_why,omitempty"`
	Since     time.Time `json:"since"`
	Why       string    `json:"why"` // one plain sentence
}

// Phase is where a device stands with one model's wanted version.
type Phase string

// The phases in the order of a model's way. The last four are ends: nothing
// more happens until the order changes.
const (
	PhaseIdle        Phase = "idle"        // nothing wanted, nothing running
	PhaseOffered     Phase = "offered"     // ordered, waits for the device's share of the jitter
	PhaseQueued      Phase = "queued"      // waits for another model's update
	PhaseDownloading Phase = "downloading" // fetching envelope and objects
	PhaseVerifying   Phase = "verifying"   // signature, compatibility, digests
	PhaseTesting     Phase = "testing"     // loading, golden self-test
	PhaseShadowing   Phase = "shadowing"   // reads beside what serves, answers nobody
	PhaseStaged      Phase = "staged"      // proven, waits for the maintenance window
	PhaseActivating  Phase = "activating"  // switching
	PhaseProbation   Phase = "probation"   // serves, watched
	PhaseCommitted   Phase = "committed"   // serves, proven
	PhaseRolledBack  Phase = "rolled_back" // failed in probation; the old one serves
	PhaseFailed      Phase = "failed"      // gave up; the old one serves
	PhaseRefused     Phase = "refused"     // will not try: signature, fit or self-test
)

// Ended reports whether the phase is an end.
func (p Phase) Ended() bool {
	switch p {
	case PhaseCommitted, PhaseRolledBack, PhaseFailed, PhaseRefused:
		return true
	}
	return false
}

// Event is one thing that happened. The device numbers its events without gaps
// and keeps each until the controller acknowledges it.
type Event struct {
	V       int           `json:"v"`
	Seq     int64         `json:"seq"`
	At      time.Time     `json:"at"`
	Kind    string        `json:"kind"` // a phase, or "started", "config"
	Model   string        `json:"model,omitempty"`
	Version string        `json:"version,omitempty"`
	Digest  bundle.Digest `json:"digest,omitzero"`
	Rollout RolloutID     `json:"rollout,omitempty"`
	Attempt int           `json:"attempt,omitempty"`
	Text    string        `json:"text"` // one plain sentence
}

// Telemetry is how the device fares; a lost one does not matter.
type Telemetry struct {
	V             int       `json:"v"`
	At            time.Time `json:"at"`
	CPUPercent    float64   `json:"cpu_percent"`
	MemoryUsedMiB int       `json:"memory_used_mib"`
	MemoryFreeMiB int       `json:"memory_available_mib"`
	DiskFreeMiB   int       `json:"disk_free_mib"`
	AgentRSSMiB   int       `json:"agent_rss_mib"`
	// GPULoadPercent is absent where the board does not tell.
	GPULoadPercent *float64           `json:"gpu_load_percent,omitempty"`
	Temperatures   map[string]float64 `json:"temperature_celsius,omitempty"`
	// PowerMilliwatts is by the board's name for the rail, PowerMode what limits
	// its clocks; both are absent on anything but a Jetson.
	PowerMilliwatts map[string]int   `json:"power_milliwatts,omitempty"`
	PowerMode       string           `json:"power_mode,omitempty"`
	NetSentBytes    uint64           `json:"net_sent_bytes"`
	NetRecvBytes    uint64           `json:"net_received_bytes"`
	UptimeSeconds   uint64           `json:"uptime_seconds"`
	Models          []ModelTelemetry `json:"models"`
	// Missing names what could not be read, and why.
	Missing []string `json:"missing,omitempty"`
}

// ModelTelemetry counts since the model was activated; latencies are of the
// newest runs.
type ModelTelemetry struct {
	Name       string  `json:"name"`
	Version    string  `json:"version"`
	Engine     string  `json:"engine"`
	Inferences int64   `json:"inferences"`
	Errors     int64   `json:"errors"`
	P50ms      float64 `json:"p50_ms"`
	P95ms      float64 `json:"p95_ms"`
	P99ms      float64 `json:"p99_ms"`
}

// Command asks a device for one thing, once. Kind "ack" acknowledges every
// event up to Seq and gets no reply; "report" asks for state and info again.
type Command struct {
	V       int       `json:"v"`
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Seq     int64     `json:"seq,omitempty"`
	Expires time.Time `json:"expires"`
}

// The kinds of Command.
const (
	CommandAck    = "ack"
	CommandReport = "report"
)

// Reply answers the command of the same ID.
type Reply struct {
	V     int    `json:"v"`
	ID    string `json:"id"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// RolloutStatus is a rollout's progress, for people.
type RolloutStatus struct {
	V        int       `json:"v"`
	Rollout  RolloutID `json:"rollout"`
	Model    string    `json:"model"`
	Version  string    `json:"version"` // empty if the model is removed
	Phase    string    `json:"phase"`
	Wave     int       `json:"wave"` // from 1
	Waves    int       `json:"waves"`
	Devices  int       `json:"devices"`
	Healthy  int       `json:"healthy"`
	Failed   int       `json:"failed"`
	Updated  time.Time `json:"updated"`
	Sentence string    `json:"why"`
}
