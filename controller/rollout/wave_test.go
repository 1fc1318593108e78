package rollout_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestWavesThatAreRefused(t *testing.T) {
	for plan, why := range map[string]string{
		"":             "want a number",
		"1":            "last wave must be 100%",
		"1,50%":        "last wave must be 100%",
		"0,100%":       "want a number",
		"-1,100%":      "want a number",
		"+1,100%":      "want a number",
		"01,100%":      "want a number",
		"101%":         "more than all",
		"half,100%":    "want a number",
		"2,2,100%":     "cumulative",
		"3,2,100%":     "cumulative",
		"50%,10%,100%": "cumulative",
		"100%,100%":    "cumulative",
		"1" + strings.Repeat(",100%", rollout.MaxWaves): "more than the 32",
	} {
		_, err := rollout.ParseWaves(strings.Split(plan, ","))
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("waves %q: got %v, want %q", plan, err, why)
		}
	}
}

func TestPercentagesRoundUp(t *testing.T) {
	for _, c := range []struct {
		waves   string
		devices int
		want    int // ordered by the first wave
	}{
		{"50%,100%", 3, 2}, {"1%,100%", 3, 1}, {"10%,100%", 101, 11}, {"5,100%", 3, 3}, {"2,100%", 3, 2},
	} {
		s := newRollout(t, c.waves, epoch)
		s, _ = rollout.Step(s, rollout.Started{Members: fleet(c.devices)}, epoch)
		if got := progress(s)[rollout.Ordered]; got != c.want {
			t.Errorf("%s of %d devices: %d ordered, want %d", c.waves, c.devices, got, c.want)
		}
	}
}

func TestTheOrderOfDevicesIsTheRolloutsOwn(t *testing.T) {
	first := func(id wire.RolloutID) string {
		s := newRollout(t, "1,100%", epoch)
		s.ID = id
		s, _ = rollout.Step(s, rollout.Started{Members: fleet(50)}, epoch)
		return s.Devices[0].String()
	}
	one, again := first("r1"), first("r1")
	if one != again {
		t.Error("the same rollout ordered its devices differently")
	}
	if one == first("r2") {
		t.Error("two rollouts began with the same of 50 devices")
	}
}

func TestAStatusFitsAMessageWhateverADeviceSays(t *testing.T) {
	s := newRollout(t, "100%", epoch)
	members := fleet(9)
	for i := range members {
		members[i].Device = device(t, strings.Repeat("s", 63)+fmt.Sprintf("/%d", i)+strings.Repeat("d", 62))
	}
	s, _ = rollout.Step(s, rollout.Started{Members: members}, epoch)
	m := wire.ModelState{Phase: wire.PhaseRefused, Rollout: s.ID, Attempt: 1, Why: strings.Repeat("\x01", 4000)}
	s, _ = rollout.Step(s, rollout.DeviceState{Device: s.Devices[0].Device, Model: m}, epoch)
	if s.Phase != rollout.Halted {
		t.Fatalf("%s: %s", s.Phase, s.Why)
	}
	if _, err := wire.Encode(s.Status()); err != nil {
		t.Error(err)
	}
}

func TestASentenceNamesAFewDevicesAndCountsTheOthers(t *testing.T) {
	s := newRollout(t, "100%", epoch)
	members := fleet(9)
	members[8].Online = false
	s, _ = rollout.Step(s, rollout.Started{Members: members}, epoch)
	s, _ = rollout.Step(s, rollout.DeviceOffline{Device: members[3].Device}, epoch)
	told := s.Status().Sentence
	for _, offline := range []rollout.Member{members[3], members[8]} {
		if !strings.Contains(told, offline.Device.String()+" (offline)") {
			t.Errorf("%s is not named in %q", offline.Device, told)
		}
	}
	if !strings.Contains(told, " and 6 more since 2026-01-02 03:04:05Z, until 2026-01-02 03:34:05Z") {
		t.Errorf("got %q", told)
	}
}

// A device whose first release was refused goes back to having none, and says
// so as a model that it neither runs nor wants.
func TestARefusedFirstReleaseIsRestoredToNothing(t *testing.T) {
	s := newRollout(t, "100%", epoch)
	d := fleet(1)[0].Device
	s, _ = rollout.Step(s, rollout.Started{Members: []rollout.Member{{Device: d, Online: true}}}, epoch)
	refused := wire.ModelState{Name: s.Model, WantedD: s.Release.Digest, Rollout: s.ID, Attempt: 1, Phase: wire.PhaseRefused, Why: "no"}
	s, _ = rollout.Step(s, rollout.DeviceState{Device: d, Model: refused}, epoch)
	if s.Phase != rollout.Halted || s.Settled() {
		t.Fatalf("%s, settled %v: it must wait for the device to let go", s.Phase, s.Settled())
	}
	idle := wire.ModelState{Name: s.Model, Phase: wire.PhaseIdle, Why: "it is not wanted here"}
	s, _ = rollout.Step(s, rollout.DeviceState{Device: d, Model: idle}, epoch)
	if !s.Settled() {
		t.Errorf("still restoring: %+v", s.Devices)
	}
}
