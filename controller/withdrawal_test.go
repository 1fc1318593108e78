package controller_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// removal asks for the model of the bench to be taken off some sites.
func removal(sites ...wire.SiteID) api.StartRollout {
	return api.StartRollout{Model: "meter", Remove: true, Waves: []string{"1", "100%"}, Sites: sites}
}

// TestAModelIsTakenOffASite, from those alone that have it; whoever joins there is
// not given it any more, and a rollout brings it back.
func TestAModelIsTakenOffASite(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.join("cam-2", wire.PhaseCommitted)
	b.joinIn("depot", "cam-3", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)

	r, err := b.client.StartRollout(t.Context(), removal("plant"))
	if err != nil || !r.Removes || r.Version != "" || r.Total != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if done := b.await(r.ID, rollout.Done); done.Sentence != "done: meter is removed from 2 devices" || done.Healthy != 2 || done.Wave != 2 {
		t.Errorf("%+v", done)
	}
	b.join("cam-4", wire.PhaseCommitted)
	for name, models := range map[wire.Device]int{
		{Site: "plant", ID: "cam-1"}: 0, {Site: "plant", ID: "cam-2"}: 0, {Site: "plant", ID: "cam-4"}: 0, {Site: "depot", ID: "cam-3"}: 1,
	} {
		if d, err := b.client.Device(t.Context(), name); err != nil || d.Desired == nil || len(d.Desired.Models) != models {
			t.Errorf("%s is ordered %+v, %v, want %d models", name, d.Desired, err, models)
		}
	}
	_, err = b.client.StartRollout(t.Context(), removal("plant"))
	refused(t, err, http.StatusUnprocessableEntity, "nothing to remove: no device in plant runs meter")
	audit, err := http.Get("http://" + b.c.HTTPAddr() + "/v1/audit")
	if err != nil {
		t.Fatal(err)
	}
	if text := readAll(t, audit); !strings.Contains(text, "started rollout "+string(r.ID)+" of the removal of meter to 2 devices") {
		t.Errorf("the audit log is %s", text)
	}
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	b.keeps("1.0.0", "runs on depot/cam-3, plant/cam-1, plant/cam-2 and 1 more")
}

// TestARemovalWaitsForTheModelsRollout, and its abort gives the model back.
func TestARemovalWaitsForTheModelsRollout(t *testing.T) {
	b := newBench(t)
	b.start()
	d := b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	d.answer.Store("2.0.0", wire.PhaseDownloading)
	running := b.startRollout("2.0.0")
	_, err := b.client.StartRollout(t.Context(), removal())
	refused(t, err, http.StatusConflict, "rollout "+string(running.ID)+" of meter 2.0.0 is running")
	if _, err := b.client.Abort(t.Context(), running.ID); err != nil {
		t.Fatal(err)
	}

	named := removal()
	named.Version = "1.0.0"
	_, err = b.client.StartRollout(t.Context(), named)
	refused(t, err, http.StatusUnprocessableEntity, "names no version")

	b.joinIn("depot", "cam-2", wire.PhaseCommitted).leave()
	r, err := b.client.StartRollout(t.Context(), removal())
	if err != nil {
		t.Fatal(err)
	}
	b.keeps("1.0.0", "needed by rollout "+string(r.ID))
	if _, err := b.client.Abort(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := b.client.Device(t.Context(), d.id); err != nil || len(got.Desired.Models) != 1 || got.Desired.Models[0].Version != "1.0.0" {
		t.Errorf("after the abort it is ordered %+v, %v", got.Desired, err)
	}
}
