package controller_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A device that was never heard of gets what the fleet's last rollout that was
// done left as its baseline: not what halted or was aborted since.
func TestALateJoinerGetsTheBaseline(t *testing.T) {
	b := newBench(t)
	b.start()
	first := b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	baseline := b.startRollout("1.0.0")
	b.await(baseline.ID, rollout.Done)
	first.answer.Store("2.0.0", wire.PhaseRefused)
	b.await(b.startRollout("2.0.0").ID, rollout.Halted)

	order := b.join("cam-2", wire.PhaseCommitted).ordered()
	if len(order.Models) != 1 || order.Models[0].Version != "1.0.0" || order.Models[0].Rollout != baseline.ID {
		t.Errorf("the late joiner is ordered %+v", order)
	}
}

func TestALateJoinerInARunningRolloutGoesBackToTheBaseline(t *testing.T) {
	b := newBench(t)
	b.start()
	first := b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	first.answer.Store("2.0.0", wire.PhaseDownloading)
	r := b.startRollout("2.0.0")

	late := b.join("cam-2", wire.PhaseCommitted)
	if order := late.ordered(); order.Models[0].Version != "1.0.0" {
		t.Errorf("before its wave it is ordered %+v", order)
	}
	got, err := b.client.Rollout(t.Context(), r.ID)
	if err != nil || len(got.Devices) != 2 {
		t.Fatalf("the rollout has %+v, %v", got.Devices, err)
	}
	for _, d := range got.Devices {
		if d.Device == "cam-2" && (d.Progress != rollout.Waiting || d.Previous != "1.0.0") {
			t.Errorf("the late joiner is %+v", d)
		}
	}
}

func TestALateJoinerOfAnotherSiteGetsNothing(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	r, err := b.client.StartRollout(t.Context(), api.StartRollout{
		Model: "meter", Version: "1.0.0", Waves: []string{"100%"}, Sites: []wire.SiteID{"plant"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.await(r.ID, rollout.Done)
	elsewhere := b.joinIn("office", "cam-1", wire.PhaseCommitted)
	got, err := b.client.Device(t.Context(), elsewhere.id)
	if err != nil || got.Desired != nil {
		t.Errorf("it is ordered %+v, %v", got.Desired, err)
	}
	if order := b.join("cam-2", wire.PhaseCommitted).ordered(); order.Models[0].Version != "1.0.0" {
		t.Errorf("a late joiner of the site is ordered %+v", order)
	}
}

// A release that one site tries out does not take the baseline from the others.
func TestALateJoinerGetsTheBaselineOfItsSite(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	r, err := b.client.StartRollout(t.Context(), api.StartRollout{
		Model: "meter", Version: "2.0.0", Waves: []string{"100%"}, Sites: []wire.SiteID{"plant"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.await(r.ID, rollout.Done)
	for site, version := range map[wire.SiteID]string{"office": "1.0.0", "plant": "2.0.0"} {
		if order := b.joinIn(site, "cam-9", wire.PhaseCommitted).ordered(); order.Models[0].Version != version {
			t.Errorf("a late joiner in %s is ordered %+v, want %s", site, order, version)
		}
	}
}

func TestLiveStreamsEndWithTheController(t *testing.T) {
	b := newBench(t)
	b.start()
	answer, err := http.Get("http://" + b.c.HTTPAddr() + "/v1/live")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || lines.Text() != "event: snapshot" {
		t.Fatalf("it begins with %q", lines.Text())
	}
	b.stop()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: ") {
			t.Errorf("told after the end: %s", lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream was torn, not ended: %v", err)
	}
}
