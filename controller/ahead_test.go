package controller_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// What was published before the backup, and rolled out after it, is taken over from
// the devices: none is given a new order, and the next one has all of it.
func TestADatabaseThatIsPutBackTakesOverWhatDevicesWant(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.publishAs("plate", "1.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	back := b.backup()
	cam := b.join("cam-1", wire.PhaseCommitted)
	b.rollOut("plate", "1.0.0")
	b.rollOut("meter", "2.0.0")
	held := b.shown(cam.id).State
	back()

	cam = b.joinHolding("plant", "cam-1", wire.PhaseCommitted, *held)
	got := b.shown(cam.id)
	if got.Withheld != "" || got.Desired.Generation != held.Generation || modelsOf(got) != "meter 2.0.0, plate 1.0.0" {
		t.Errorf("it is ordered %+v, %q", got.Desired, got.Withheld)
	}
	b.publish("3.0.0")
	r := b.rollOut("meter", "3.0.0")
	if got = b.shown(cam.id); modelsOf(got) != "meter 3.0.0, plate 1.0.0" || r.Devices[0].Previous != "2.0.0" {
		t.Errorf("after the next rollout it is ordered %+v; it would have gone back to %s", got.Desired, r.Devices[0].Previous)
	}
}

// A bundle of what a device wants was published after the backup: the device is
// given no order, neither on its own account nor by a rollout, until that bundle is
// published again.
func TestADeviceIsGivenNoOrderUntilItsBundleIsPublishedAgain(t *testing.T) {
	b, cam, held := putBackWithoutPlate(t)
	got := b.shown(cam.id)
	for _, want := range []string{"holds order 2, the newest here is 1", "wants plate 1.0.0 (", "publish the same bundle again, and it is adopted", "squadron devices overrule plant/cam-1"} {
		if !strings.Contains(got.Withheld, want) {
			t.Errorf("%q does not say %q", got.Withheld, want)
		}
	}
	b.retainsNoOrder(cam)
	_, err := b.client.Desired(t.Context(), cam.id)
	refused(t, err, http.StatusConflict, "plant/cam-1 is given no order: it holds order 2")
	ask := api.StartRollout{Model: "meter", Version: "2.0.0", Waves: []string{"100%"}}
	b.publish("2.0.0")
	_, err = b.client.StartRollout(t.Context(), ask)
	refused(t, err, http.StatusUnprocessableEntity, "there is no device to order: plant/cam-1 holds order 2")
	b.join("cam-2", wire.PhaseCommitted)
	r := b.rollOut("meter", "2.0.0")
	if r.Healthy != 1 || !strings.Contains(r.Why, "set aside, for their orders are newer than the controller knew: plant/cam-1") {
		t.Errorf("the rollout: %+v", r)
	}
	_, err = b.client.Abort(t.Context(), b.slipIn("hidden-1", "2.0.0").ID) // would have it go back
	must(t, err)
	b.stop()
	b.start()
	cam = b.joinHolding("plant", "cam-1", wire.PhaseCommitted, held)
	b.retainsNoOrder(cam)
	if got = b.shown(cam.id); got.Desired.Generation != 1 || modelsOf(got) != "meter 1.0.0" || got.Withheld == "" {
		t.Errorf("while it is given no order, its order is %+v", got.Desired)
	}
	select {
	case order := <-cam.orders:
		t.Errorf("it got %+v", order)
	default:
	}

	b.publishAs("plate", "1.0.0")
	if got = b.shown(cam.id); got.Withheld != "" || got.Desired.Generation != held.Generation || modelsOf(got) != "meter 1.0.0, plate 1.0.0" {
		t.Errorf("published again, it is ordered %+v, %q", got.Desired, got.Withheld)
	}
	b.publish("3.0.0")
	b.startRollout("3.0.0")
	if order := cam.ordered(); order.Generation != held.Generation+1 || len(order.Models) != 2 {
		t.Errorf("with the next rollout it got %+v", order)
	}
}

func TestADeviceIsOverruledWhereItsBundleIsLost(t *testing.T) {
	b, cam, held := putBackWithoutPlate(t)
	d, err := b.client.Overrule(t.Context(), cam.id)
	if err != nil || d.Withheld != "" || modelsOf(d) != "meter 1.0.0" {
		t.Fatalf("%+v, %v", d, err)
	}
	if order := cam.ordered(); order.Generation <= held.Generation || len(order.Models) != 1 {
		t.Errorf("it got %+v", order)
	}
	if text := b.get("/v1/audit"); !strings.Contains(text, "overruled order 2 of device plant/cam-1, which is newer than the database, with 3: meter 1.0.0") {
		t.Errorf("the audit log is %s", text)
	}
	_, err = b.client.Overrule(t.Context(), cam.id)
	refused(t, err, http.StatusConflict, "holds no order that is newer")
	_, err = b.client.Overrule(t.Context(), wire.Device{Site: "plant", ID: "cam-9"})
	refused(t, err, http.StatusNotFound, "not found")
}

// A device that is unknown here, and holds an order, keeps it, and gets the models
// of its site that it does not have.
func TestADeviceThatJoinedAfterTheBackupKeepsItsModels(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.publishAs("plate", "1.0.0")
	b.rollOut("meter", "1.0.0")
	b.rollOut("plate", "1.0.0")
	wants := b.shown(wire.Device{Site: "plant", ID: "cam-1"}).State.Models[:1]
	two, err := b.client.Bundles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(two, func(b api.Bundle) bool { return b.Version == "2.0.0" })
	wants[0].Wanted, wants[0].WantedD, wants[0].Rollout = "2.0.0", two[i].Digest, "lost"
	late := b.joinHolding("plant", "cam-2", wire.PhaseCommitted, wire.State{Generation: 1, Models: wants})
	if got := b.shown(late.id); modelsOf(got) != "meter 2.0.0, plate 1.0.0" {
		t.Errorf("it is ordered %+v, %q", got.Desired, got.Withheld)
	}
}

// A device that lies about its order changes its own, to what is published for all,
// proves no wave, and moves nobody else.
func TestAttackAMadeUpOrder(t *testing.T) {
	b := newBench(t)
	b.start()
	devices := map[wire.DeviceID]*played{"cam-1": b.join("cam-1", wire.PhaseDownloading), "cam-2": b.join("cam-2", wire.PhaseDownloading)}
	b.publish("1.0.0")
	r := b.startRollout("1.0.0")
	honest, liar := devices["cam-1"], devices["cam-2"]
	if r.Devices[0].Device == "cam-2" { // the first wave's
		honest, liar = liar, honest
	}
	lie := wire.ModelState{Name: "meter", Wanted: "1.0.0", WantedD: r.Digest, Digest: r.Digest, Phase: wire.PhaseCommitted, Rollout: r.ID, Attempt: 1}
	say(liar, wire.KindState, wire.State{Generation: 7, Models: []wire.ModelState{lie}})
	b.until("the lie", func() bool { return b.shown(liar.id).Desired != nil })
	now, err := b.client.Rollout(t.Context(), r.ID)
	if err != nil || now.Wave != 1 || now.Healthy != 0 || b.shown(honest.id).Desired.Generation != 1 {
		t.Errorf("%+v, %v", now, err)
	}
	lie.Name, lie.WantedD = "a\x1b[2J", bundle.DigestOf([]byte("nothing"))
	say(liar, wire.KindState, wire.State{Generation: 9, Models: []wire.ModelState{lie}})
	b.until("the other lie", func() bool { return b.shown(liar.id).Withheld != "" })
	if got := b.shown(liar.id).Withheld; strings.Contains(got, "\x1b") || len(got) > 500 {
		t.Errorf("it is said %q", got)
	}
	say(liar, wire.KindState, wire.State{}) // a new board of that name
	b.until("the order that stands", func() bool { return b.shown(liar.id).Withheld == "" })
}

// putBackWithoutPlate is a fleet whose database was put back to before plate was
// published, a device that wants it, and what that device says.
func putBackWithoutPlate(t *testing.T) (*bench, *played, wire.State) {
	t.Helper()
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.rollOut("meter", "1.0.0")
	back := b.backup()
	cam := b.join("cam-1", wire.PhaseCommitted)
	b.publishAs("plate", "1.0.0")
	b.rollOut("plate", "1.0.0")
	held := *b.shown(cam.id).State
	back()
	return b, b.joinHolding("plant", "cam-1", wire.PhaseCommitted, held), held
}

// retainsNoOrder holds that the broker has no order for a device that connects.
func (b *bench) retainsNoOrder(p *played) {
	b.t.Helper()
	first := b.dial(link.Options{ClientID: "engineer", Topics: []string{p.id.Topic(wire.KindDesired), p.id.Topic(wire.KindTelemetry)}}).Messages()
	say(p, wire.KindTelemetry, wire.Telemetry{At: time.Now()})
	if m := <-first; m.Topic != p.id.Topic(wire.KindTelemetry) {
		b.t.Errorf("the broker has %s on %s", m.Payload, m.Topic)
	}
}

// backup copies the controller's folder; back puts it in the place of what became of
// it since. The controller runs again after either.
func (b *bench) backup() (back func()) {
	b.t.Helper()
	state, copied := b.config().Dir, filepath.Join(b.dir, "backup")
	b.stop()
	must(b.t, os.CopyFS(copied, os.DirFS(state)))
	b.start()
	return func() {
		b.t.Helper()
		b.stop()
		must(b.t, os.RemoveAll(state))
		must(b.t, os.CopyFS(state, os.DirFS(copied)))
		b.start()
	}
}

// rollOut rolls a version out to everybody, and waits until that is done.
func (b *bench) rollOut(model, version string) api.Rollout {
	b.t.Helper()
	r, err := b.client.StartRollout(b.t.Context(), api.StartRollout{Model: model, Version: version, Waves: []string{"100%"}})
	must(b.t, err)
	b.await(r.ID, rollout.Done)
	r, err = b.client.Rollout(b.t.Context(), r.ID)
	must(b.t, err)
	return r
}

func (b *bench) shown(d wire.Device) api.Device {
	b.t.Helper()
	shown, err := b.client.Device(b.t.Context(), d)
	must(b.t, err)
	return shown
}

// modelsOf names what a device is ordered to run.
func modelsOf(d api.Device) string {
	if d.Desired == nil {
		return "nothing"
	}
	var names []string
	for _, m := range d.Desired.Models {
		names = append(names, m.Name+" "+m.Version)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
