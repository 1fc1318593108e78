package rollout_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestTranscripts replays each story in testdata: a line that starts with ">"
// is an event, the lines after it are the actions and the state that follow.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("the transcript changed; -update rewrites it\n%s", got)
			}
		})
	}
}

// story is a rollout while it is told.
type story struct {
	t   *testing.T
	out bytes.Buffer
	now time.Time
	s   rollout.State
}

func replay(t *testing.T, script string) string {
	st := &story{t: t, now: epoch}
	for line := range strings.Lines(script) {
		switch {
		case strings.HasPrefix(line, "#") || line == "\n":
			st.out.WriteString(line)
		case strings.HasPrefix(line, "> "):
			st.out.WriteString(line)
			st.do(strings.Fields(line)[1:])
		}
	}
	return st.out.String()
}

// do performs: start or remove WAVES DEVICE… | at MINUTE | state DEVICE PHASE|pinned|gone [ATTEMPT] |
// online, offline or join DEVICE | down MINUTE | abort WHO | ahead DEVICE WANTED. A
// device with a "-" before it is offline; one with a "!" has no model yet; one with
// a "~" is given no order. A controller that was down until a minute finds nobody
// connected.
func (st *story) do(words []string) {
	switch words[0] {
	case "start", "remove":
		st.s = newRollout(st.t, words[1], st.now)
		if words[0] == "remove" {
			st.s.Release = rollout.Release{}
		}
		var members []rollout.Member
		for _, w := range words[2:] {
			members = append(members, st.member(w))
		}
		st.step(rollout.Started{Members: members})
	case "at":
		st.now = st.minute(words[1])
		st.step(rollout.Tick{})
	case "down":
		st.now = st.minute(words[1])
		for _, d := range st.s.Devices {
			st.step(rollout.DeviceOffline{Device: d.Device})
		}
		st.step(rollout.Resumed{})
	case "state":
		st.step(st.state(words[1:]))
	case "online":
		st.step(rollout.DeviceOnline{Device: device(st.t, words[1])})
	case "offline":
		st.step(rollout.DeviceOffline{Device: device(st.t, words[1])})
	case "join":
		st.step(rollout.DeviceJoined{Member: st.member(words[1])})
	case "ahead":
		st.step(st.ahead(words[1], words[2]))
	case "abort":
		st.step(rollout.Abort{Who: words[1]})
	default:
		st.t.Fatalf("no such event: %q", words)
	}
}

func (st *story) minute(n string) time.Time {
	minute, err := strconv.Atoi(n)
	if err != nil {
		st.t.Fatal(err)
	}
	return epoch.Add(time.Duration(minute) * time.Minute)
}

func (st *story) member(w string) rollout.Member {
	m := rollout.Member{Online: true, Current: old}
	if rest, ok := strings.CutPrefix(w, "-"); ok {
		m.Online, w = false, rest
	}
	if rest, ok := strings.CutPrefix(w, "!"); ok {
		m.Current, w = rollout.Release{}, rest
	}
	if rest, ok := strings.CutPrefix(w, "~"); ok {
		m.Withheld, w = "holds order 9", rest
	}
	m.Device = device(st.t, w)
	return m
}

// ahead is a device with a newer order, which wants the release as this rollout
// ordered it, the previous version, or again after a halt, another, or nothing; or
// which is given no order.
func (st *story) ahead(name, wanted string) rollout.Event {
	e := rollout.DeviceAhead{Device: device(st.t, name)}
	switch wanted {
	case "nothing":
	case "release":
		e.Model = wire.ModelState{WantedD: release.Digest, Rollout: st.s.ID, Attempt: 1}
	case "previous":
		e.Model = wire.ModelState{WantedD: old.Digest, Rollout: "r0", Attempt: 1}
	case "restored":
		e.Model = wire.ModelState{WantedD: old.Digest, Rollout: st.s.ID, Attempt: 2}
	case "another":
		e.Model = wire.ModelState{WantedD: bundle.DigestOf([]byte("3")), Rollout: "r2", Attempt: 1}
	case "withheld":
		e.Withheld = "holds order 9"
	}
	return e
}

// state is a report: the release if it is committed or in probation, the
// previous version otherwise.
func (st *story) state(words []string) rollout.Event {
	e := rollout.DeviceState{Device: device(st.t, words[0])}
	if words[1] == "gone" {
		return e
	}
	e.Model = wire.ModelState{Phase: wire.Phase(words[1]), Rollout: st.s.ID, Attempt: 1, Digest: old.Digest, Why: "says it is " + words[1]}
	if words[1] == "pinned" {
		e.Model.Phase, e.Model.Pinned, e.Model.Why = wire.PhaseRefused, true, "Refused: it is pinned here until 2026-02-01: a test."
	}
	if len(words) > 2 {
		e.Model.Attempt, _ = strconv.Atoi(words[2])
	}
	serves := e.Model.Phase == wire.PhaseCommitted || e.Model.Phase == wire.PhaseProbation
	if serves && e.Model.Attempt == 1 {
		e.Model.Digest = release.Digest
	}
	return e
}

// step takes an event twice, as MQTT may, through a state that was stored and
// loaded between, and writes what came of it.
func (st *story) step(e rollout.Event) {
	before := st.s.Revision
	next, actions := rollout.Step(st.s, e, st.now)
	st.s = reload(st.t, next)
	again, more := rollout.Step(st.s, e, st.now)
	if len(more) > 0 || again.Revision != next.Revision {
		st.t.Errorf("%#v, repeated, changed the state or gave %v", e, more)
	}
	for _, a := range actions {
		fmt.Fprintln(&st.out, sentence(a))
	}
	if next.Revision == before {
		fmt.Fprintln(&st.out, "nothing changes")
		return
	}
	fmt.Fprintf(&st.out, "= %s, wave %d:", next.Phase, next.Wave)
	for _, d := range next.Devices {
		fmt.Fprintf(&st.out, " %s %s", d.Device, d.Progress)
	}
	fmt.Fprintf(&st.out, "\n= %s\n", next.Sentence())
}

func sentence(a rollout.Action) string {
	switch a := a.(type) {
	case rollout.Order:
		return fmt.Sprintf("order %s: %s, attempt %d", a.Device, a.Release.Version, a.Attempt)
	case rollout.Restore:
		return fmt.Sprintf("restore %s: %q, attempt %d", a.Device, a.Previous.Version, a.Attempt)
	case rollout.Announce:
		return "announce: " + a.Text
	}
	return fmt.Sprintf("%T", a)
}

var (
	epoch   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old     = rollout.Release{Version: "1.0.0", Digest: bundle.DigestOf([]byte("1")), EnvelopeBytes: 10}
	release = rollout.Release{Version: "2.0.0", Digest: bundle.DigestOf([]byte("2")), EnvelopeBytes: 11}
)

func newRollout(t testing.TB, waves string, now time.Time) rollout.State {
	w, err := rollout.ParseWaves(strings.Split(waves, ","))
	if err != nil {
		t.Fatal(err)
	}
	s, err := rollout.New(rollout.Plan{ID: "r1", Model: "meter-reader", Release: release, Waves: w, DeadlineSeconds: 1800}, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func device(t testing.TB, name string) wire.Device {
	d, err := wire.ParseDevice(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reload is a controller's restart: the state as JSON and back.
func reload(t testing.TB, s rollout.State) rollout.State {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back rollout.State
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
