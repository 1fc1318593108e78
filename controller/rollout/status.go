package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Status is the rollout's progress for people. A device that failed stays
// counted while it goes back.
func (s State) Status() wire.RolloutStatus {
	failed := 0
	for _, d := range s.Devices {
		if d.Failure != "" {
			failed++
		}
	}
	return wire.RolloutStatus{
		Rollout: s.ID, Model: s.Model, Version: s.Release.Version, Phase: string(s.Phase),
		Wave: s.Wave, Waves: len(s.Waves), Devices: len(s.Devices),
		Healthy: s.count(Healthy), Failed: failed, Updated: s.Updated, Sentence: s.Sentence(),
	}
}

// Sentence is Why, with whom the rollout waits for, since when and until when;
// after a halt, how far the way back is.
func (s State) Sentence() string {
	if s.Phase == Done {
		return s.Why + s.leavesAside()
	}
	if s.Phase == Running {
		return s.Why + s.waitsFor() + s.isWithout() + s.excuses() + s.leavesAside()
	}
	back, away := s.count(Restored), s.count(Restoring)
	if back+away == 0 {
		return s.Why
	}
	text := fmt.Sprintf("%s; back on what they ran before: %d of %s", s.Why, back, devices(back+away))
	if away > 0 {
		text += ", not yet " + s.names(Restoring)
	}
	return text
}

// holds are the phases in which a device waits for a time that its owner chose, or
// for its turn: it is on its way, without a deadline.
var holds = map[wire.Phase]string{
	wire.PhaseOffered: "until their share of the jitter is over",
	wire.PhaseQueued:  "until another model's update has ended",
	wire.PhaseStaged:  "until the maintenance window opens",
}

// waitsFor names the devices that are on their way, and the time by which the
// last of them has come to an end or is past its deadline; those that are held
// have none.
func (s State) waitsFor() string {
	text := s.held("").waitsUntil()
	for _, phase := range slices.Sorted(maps.Keys(holds)) {
		if names := s.held(phase).names(Ordered); names != "" {
			text += fmt.Sprintf("; %s, without a deadline, %s: %s", phase, holds[phase], names)
		}
	}
	return text
}

// held is the state of the devices alone that are held in that phase.
func (s State) held(phase wire.Phase) State {
	s.Devices = slices.DeleteFunc(slices.Clone(s.Devices), func(d Device) bool { return d.Held != phase })
	return s
}

func (s State) waitsUntil() string {
	var since, until time.Time
	for _, d := range s.Devices {
		if d.Progress != Ordered {
			continue
		}
		if since.IsZero() || d.Since.Before(since) {
			since = d.Since
		}
		if limit := d.Since.Add(s.deadline()); limit.After(until) {
			until = limit
		}
	}
	if since.IsZero() {
		return ""
	}
	return fmt.Sprintf("; waits for %s since %s, until %s at the latest", s.names(Ordered), clock(since), clock(until))
}

// isWithout names the devices that were offline at their deadline. With none on
// its way any more, a running rollout waits for one of its open wave.
func (s State) isWithout() string {
	switch {
	case s.count(Absent) == 0:
		return ""
	case s.count(Ordered) > 0:
		return "; offline past the deadline: " + s.names(Absent)
	}
	open := s
	open.Devices = slices.DeleteFunc(slices.Clone(s.Devices), func(d Device) bool { return d.Wave != s.Wave })
	return fmt.Sprintf("; waits, without a deadline, until one of these is back, since no device has proven the wave: %s", open.names(Absent))
}

// excuses names the devices that are pinned.
func (s State) excuses() string {
	if s.count(Excused) == 0 {
		return ""
	}
	return "; pinned, and excused: " + s.names(Excused)
}

// leavesAside names the devices that were set aside, and says if nobody else is left.
func (s State) leavesAside() string {
	if s.count(Aside) == 0 {
		return ""
	}
	text := "; set aside, for their orders are newer than the controller knew: " + s.names(Aside)
	if s.Phase == Running && s.count(Ordered)+s.count(Absent) == 0 {
		text += "; nobody is left to prove the wave, and the rollout is to be aborted"
	}
	return text
}

func (s State) doneSentence() string {
	text := "done: " + s.reached(s.count(Healthy))
	if n := s.count(Absent); n > 0 {
		text += fmt.Sprintf("; %s offline, and the order waits: %s", devices(n), s.names(Absent))
	}
	return text + s.excuses()
}

// maxNamed is how many devices a sentence names before it counts the others.
const maxNamed = 3

// names lists the devices with a progress for people, those that are offline
// first and marked, unless the progress says so itself.
func (s State) names(p Progress) string {
	var online, names []string
	for _, d := range s.Devices {
		switch {
		case d.Progress != p:
		case d.Online || p == Absent:
			online = append(online, d.String())
		default:
			names = append(names, d.String()+" (offline)")
		}
	}
	names = append(names, online...)
	if n := len(names); n > maxNamed {
		names = append(names[:maxNamed], fmt.Sprintf("%d more", n-maxNamed))
	}
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// clock is a time for people in many places.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// maxWhy bounds what a device's sentence adds to ours, in bytes: a rollout's
// status must fit a message, whatever the device says.
const maxWhy = 400

func clip(s string) string {
	if len(s) <= maxWhy {
		return s
	}
	return strings.ToValidUTF8(s[:maxWhy], "") + "…"
}

// inItsWords is a failed device's own sentence, or its phase if it gave none.
func inItsWords(m wire.ModelState, version string) string {
	if m.Why != "" {
		return "says: " + strings.TrimSuffix(m.Why, ".")
	}
	verb := "failed to run"
	switch m.Phase {
	case wire.PhaseRefused:
		verb = "refused"
	case wire.PhaseRolledBack:
		verb = "rolled back from"
	}
	return verb + " " + version + " and did not say why"
}

func devices(n int) string {
	if n == 1 {
		return "1 device"
	}
	return fmt.Sprintf("%d devices", n)
}

// span is a duration without its empty tail: 30m, not 30m0s.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
