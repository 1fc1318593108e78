package rollout

import (
	"fmt"
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

// Sentence is Why, with whom a wave waits for, or how far the way back is
// after a halt.
func (s State) Sentence() string {
	back := s.count(Restored)
	all := back + s.count(Restoring)
	if n := s.count(Absent); n > 0 && s.Phase == Running {
		return fmt.Sprintf("%s; %s offline past the deadline", s.Why, devices(n))
	}
	if all == 0 {
		return s.Why
	}
	return fmt.Sprintf("%s; back on what they ran before: %d of %s", s.Why, back, devices(all))
}

func (s State) doneSentence() string {
	text := fmt.Sprintf("done: %s %s is healthy on %s", s.Model, s.Release.Version, devices(s.count(Healthy)))
	if n := s.count(Absent); n > 0 {
		text += fmt.Sprintf("; %s offline, and the order waits", devices(n))
	}
	return text
}

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
