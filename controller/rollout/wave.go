package rollout

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxWaves bounds a plan.
const MaxWaves = 32

// Wave is a cumulative target: a Count of devices, or a Percent of those known
// when the wave opens. Exactly one is set.
type Wave struct {
	Count   int
	Percent int
}

// ParseWave reads "3" or "50%".
func ParseWave(s string) (Wave, error) {
	num, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(num)
	switch {
	case err != nil || n < 1 || num != strconv.Itoa(n):
		return Wave{}, fmt.Errorf("wave %.20q: want a number of devices such as 1, or a share such as 50%%", s)
	case percent && n > 100:
		return Wave{}, fmt.Errorf("wave %q: more than all devices", s)
	case percent:
		return Wave{Percent: n}, nil
	}
	return Wave{Count: n}, nil
}

// ParseWaves reads a whole plan, such as "1", "50%", "100%".
func ParseWaves(texts []string) ([]Wave, error) {
	if len(texts) > MaxWaves {
		return nil, fmt.Errorf("%d waves, more than the %d that a rollout may have", len(texts), MaxWaves)
	}
	waves := make([]Wave, len(texts))
	for i, text := range texts {
		w, err := ParseWave(text)
		if err != nil {
			return nil, err
		}
		waves[i] = w
	}
	return waves, validateWaves(waves)
}

// validateWaves holds counts and percentages to rising order, and the last
// wave to everybody.
func validateWaves(waves []Wave) error {
	if len(waves) == 0 || waves[len(waves)-1].Percent != 100 {
		return errors.New("the last wave must be 100%: a rollout ends with every device")
	}
	var last Wave
	for _, w := range waves {
		if (w.Count > 0 && w.Count <= last.Count) || (w.Percent > 0 && w.Percent <= last.Percent) {
			return fmt.Errorf("wave %s does not go beyond the one before it: waves are cumulative", w)
		}
		last = Wave{Count: max(last.Count, w.Count), Percent: max(last.Percent, w.Percent)}
	}
	return nil
}

func (w Wave) String() string {
	if w.Percent > 0 {
		return strconv.Itoa(w.Percent) + "%"
	}
	return strconv.Itoa(w.Count)
}

// MarshalText writes what ParseWave reads.
func (w Wave) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *Wave) UnmarshalText(b []byte) error {
	v, err := ParseWave(string(b))
	if err != nil {
		return err
	}
	*w = v
	return nil
}

// reach is how many of the devices have been ordered once the wave is open;
// percentages round up.
func (w Wave) reach(devices int) int {
	if w.Percent > 0 {
		return (devices*w.Percent + 99) / 100
	}
	return min(w.Count, devices)
}

// shuffle puts the devices into the rollout's own order: by the hash of its
// ID and their names.
func (s *State) shuffle() {
	key := func(d Device) []byte {
		h := sha256.Sum256([]byte(string(s.ID) + "\x00" + d.String()))
		return h[:]
	}
	slices.SortFunc(s.Devices, func(a, b Device) int {
		return cmp.Or(bytes.Compare(key(a), key(b)), cmp.Compare(a.String(), b.String()))
	})
}

// next lists the devices, by index, that the open wave adds. Those that are excused
// leave their places to others.
func (s State) next() []int {
	part := len(s.Devices) - s.count(Excused) - s.count(Aside)
	room := s.Waves[s.Wave-1].reach(part) - (part - s.count(Waiting))
	last := s.Wave == len(s.Waves)
	var online, offline []int
	for i, d := range s.Devices {
		switch {
		case d.Progress != Waiting || d.Late && !last:
		case d.Online:
			online = append(online, i)
		default:
			offline = append(offline, i)
		}
	}
	all := append(online, offline...)
	return all[:max(0, min(room, len(all)))]
}
