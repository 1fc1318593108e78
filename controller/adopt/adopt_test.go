package adopt_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/adopt"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var (
	one, two = bundle.DigestOf([]byte("1")), bundle.DigestOf([]byte("2"))
	meter    = wire.ModelState{Name: "meter", Wanted: "2.0.0", WantedD: two, Running: "1.0.0", Digest: one, Rollout: "r9", Attempt: 2, Phase: wire.PhaseRefused}
	plate    = wire.ModelState{Name: "plate", Wanted: "1.0.0", WantedD: one}
	leaving  = wire.ModelState{Name: "gone", Running: "1.0.0", Digest: one} // ordered away
)

func TestWhatADeviceWantsIsAdoptedWholeOrNotAtAll(t *testing.T) {
	both := map[adopt.Version]adopt.Published{
		{Model: "meter", Version: "2.0.0"}: {Digest: two, EnvelopeBytes: 22},
		{Model: "plate", Version: "1.0.0"}: {Digest: one, EnvelopeBytes: 11},
	}
	with := func(p adopt.Published) map[adopt.Version]adopt.Published {
		changed := map[adopt.Version]adopt.Published{{Model: "plate", Version: "1.0.0"}: p}
		changed[adopt.Version{Model: "meter", Version: "2.0.0"}] = both[adopt.Version{Model: "meter", Version: "2.0.0"}]
		return changed
	}
	for name, c := range map[string]struct {
		published map[adopt.Version]adopt.Published
		models    []wire.DesiredModel
		why       string
	}{
		"all of it": {both, []wire.DesiredModel{
			{Name: "meter", Version: "2.0.0", Digest: two, Size: 22, Rollout: "r9", Attempt: 2},
			{Name: "plate", Version: "1.0.0", Digest: one, Size: 11},
		}, ""},
		"one is not published": {with(adopt.Published{}), nil, "wants plate 1.0.0 (" + one.Short() + "), which is not published here: publish the same bundle again"},
		"one is another":       {with(adopt.Published{Digest: two}), nil, "here is another, " + two.Short()},
		"one may not be run":   {with(adopt.Published{Digest: one, Unfit: "its key was revoked"}), nil, "no device would take now: its key was revoked"},
		"nothing is":           {nil, nil, "wants meter 2.0.0 (" + two.Short() + "), which is not published here: publish the same bundle again, and it is adopted; and plate 1.0.0"},
	} {
		models, why := adopt.Judge(wire.State{Models: []wire.ModelState{meter, leaving, plate}}, c.published)
		if !reflect.DeepEqual(models, c.models) || !strings.Contains(why, c.why) || (why == "") != (c.why == "") {
			t.Errorf("%s: %+v, %q", name, models, why)
		}
	}
}

func TestADeviceThatWantsNothingIsAdoptedWithNothing(t *testing.T) {
	models, why := adopt.Judge(wire.State{Models: []wire.ModelState{leaving}}, nil)
	if models == nil || len(models) != 0 || why != "" {
		t.Errorf("%+v, %q", models, why)
	}
}

// A device's words are a stranger's: what no order holds is not looked up.
func TestAttackWordsThatNoOrderHolds(t *testing.T) {
	many := make([]wire.ModelState, adopt.MaxModels+1)
	for i := range many {
		many[i] = wire.ModelState{Name: fmt.Sprint("m", i), Wanted: "1.0.0", WantedD: one}
	}
	for why, models := range map[string][]wire.ModelState{
		"wants 9 models, and an order holds 8": many,
		"wants two versions of meter":          {meter, meter},
		`wants a model of no name "a\x1b[2J"`:  {{Name: "a\x1b[2J", Wanted: "1.0.0", WantedD: one}},
		`wants meter of no version "newest"`:   {{Name: "meter", Wanted: "newest", WantedD: one}},
	} {
		if versions, err := adopt.Versions(wire.State{Models: models}); err == nil || !strings.Contains(err.Error(), why) || versions != nil {
			t.Errorf("%v, %v, want %q", versions, err, why)
		}
	}
	lie := meter
	lie.Rollout = wire.RolloutID(strings.Repeat("x", 5000))
	models, _ := adopt.Judge(wire.State{Models: []wire.ModelState{lie}}, map[adopt.Version]adopt.Published{{Model: "meter", Version: "2.0.0"}: {Digest: two, EnvelopeBytes: 22}})
	if len(models) != 1 || models[0].Rollout != "" || models[0].Attempt != 0 {
		t.Errorf("%+v", models)
	}
}
