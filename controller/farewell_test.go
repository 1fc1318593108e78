package controller_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestADeviceThatIsGoneIsForgotten(t *testing.T) {
	b := newBench(t)
	b.start()
	cam := b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	r := b.startRollout("1.0.0")
	b.await(r.ID, rollout.Done)
	_, err := b.client.RemoveDevice(t.Context(), cam.id)
	refused(t, err, http.StatusConflict, "plant/cam-1 is online")
	cam.leave()
	gone, err := b.client.RemoveDevice(t.Context(), cam.id)
	if err != nil || gone.Name() != "plant/cam-1" {
		t.Fatalf("got %+v, %v", gone, err)
	}

	_, err = b.client.Device(t.Context(), cam.id)
	refused(t, err, http.StatusNotFound, "not found")
	_, err = b.client.RemoveDevice(t.Context(), cam.id)
	refused(t, err, http.StatusNotFound, "not found")
	if audit := b.get("/v1/audit"); !strings.Contains(audit, "removed device plant/cam-1") {
		t.Errorf("the audit log: %s", audit)
	}
	first := <-b.dial(link.Options{ClientID: "engineer", Topics: []string{
		cam.id.Topic(wire.KindOnline), cam.id.Topic(wire.KindState), cam.id.Topic(wire.KindDesired), wire.RolloutTopic("plant", r.ID),
	}}).Messages()
	if first.Topic != wire.RolloutTopic("plant", r.ID) {
		t.Errorf("the broker still has %s on %s", first.Payload, first.Topic)
	}

	again := b.join("cam-1", wire.PhaseCommitted)
	if order := again.ordered(); order.Generation != 1 || order.Models[0].Version != "1.0.0" {
		t.Errorf("back, it is ordered %+v", order)
	}
	if d, err := b.client.Device(t.Context(), cam.id); err != nil || !d.FirstSeen.After(gone.LastSeen) || len(d.Events) != 1 {
		t.Errorf("back, it is %+v, %v", d, err)
	}
}

func TestADeviceOfARunningRolloutStays(t *testing.T) {
	b := newBench(t)
	b.start()
	cam := b.join("cam-1", wire.PhaseDownloading)
	b.publish("1.0.0")
	r := b.startRollout("1.0.0")
	cam.leave()
	_, err := b.client.RemoveDevice(t.Context(), cam.id)
	refused(t, err, http.StatusConflict, "has a part in rollout "+string(r.ID))
	if _, err := b.client.Abort(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.RemoveDevice(t.Context(), cam.id); err != nil {
		t.Error(err)
	}
	list, err := b.client.Devices(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("the devices are %+v, %v", list, err)
	}
}

// Whoever watches the page sees the device go.
func TestALiveStreamTellsThatADeviceIsGone(t *testing.T) {
	b := newBench(t)
	b.start()
	cam := b.join("cam-1", wire.PhaseCommitted)
	cam.leave()
	answer, err := http.Get("http://" + b.c.HTTPAddr() + "/v1/live")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || lines.Text() != "event: snapshot" {
		t.Fatalf("it begins with %q", lines.Text())
	}
	if _, err := b.client.RemoveDevice(t.Context(), cam.id); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() && lines.Text() != "event: gone" {
	}
	if !lines.Scan() || lines.Text() != `data: {"site":"plant","device":"cam-1"}` {
		t.Errorf("it is told %q", lines.Text())
	}
}
