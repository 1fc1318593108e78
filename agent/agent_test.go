package agent

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// committed starts an agent that has committed 1.0.0.
func committed(t *testing.T, f *fleet, c Config) *running {
	t.Helper()
	r := start(t, c)
	f.order(f.publish(newRelease(t, "1.0.0", false), f.key))
	f.awaitPhase("1.0.0", wire.PhaseCommitted)
	r.mustServe("1.0.0")
	return r
}

func TestAnOrderIsFetchedProvenAndServed(t *testing.T) {
	f := newFleet(t)
	r := start(t, f.config(t.TempDir()))
	f.await("info and online", func() bool {
		return f.online != nil && f.online.Online && f.info != nil && f.info.Serve == r.agent.Addr() && len(f.info.Engines) == 1
	})
	if a := r.predict(0); a.Status != http.StatusNotFound {
		t.Errorf("before any order, a picture gave %+v", a)
	}
	first := f.publish(newRelease(t, "1.0.0", false), f.key)
	f.order(first)
	m := f.awaitPhase("1.0.0", wire.PhaseCommitted)
	if m.Running != "1.0.0" || m.Digest != first.Digest || m.Engine != "reference" || m.EngineWhy == "" || m.Rollout != first.Rollout {
		t.Errorf("the state is %+v", m)
	}
	r.mustServe("1.0.0")
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
	var here, left wire.Online
	f.await("online", func() bool { here = *f.online; return here.Online })
	r.end()
	f.await("the end", func() bool { left = *f.online; return !left.Online })
	if left.ConnectedAt != here.ConnectedAt || here.ConnectedAt.IsZero() || left.Why != "the agent ended in good order" {
		t.Errorf("it came with %+v and left with %+v", here, left)
	}
}

// TestEveryPhaseIsAnEventUntilAcknowledged: numbered without gaps, kept over a
// restart, sent again until the controller acknowledges.
func TestEveryPhaseIsAnEventUntilAcknowledged(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	first := committed(t, f, f.config(dir))
	want := []string{"started", "downloading", "verifying", "downloading", "testing", "activating", "probation", "committed"}
	f.await("all events", func() bool { return len(f.events) == len(want) })
	first.end()
	for i, kind := range want {
		e := f.events[int64(i+1)]
		if e.Kind != kind || e.Text == "" || kind != "started" && (e.Version != "1.0.0" || e.Rollout != "r-1") {
			t.Errorf("event %d is %+v, want %s", i+1, e, kind)
		}
	}
	f.mu.Lock()
	f.events = map[int64]wire.Event{}
	f.mu.Unlock()
	r := start(t, f.config(dir))
	f.await("all events again, and one of the start", func() bool { return len(f.events) == len(want)+1 })
	f.command(wire.Command{ID: "1", Kind: wire.CommandAck, Seq: int64(len(want))})
	f.command(wire.Command{ID: "2", Kind: wire.CommandReport})
	f.command(wire.Command{ID: "3", Kind: "dance"})
	f.command(wire.Command{ID: "4", Kind: wire.CommandReport, Expires: time.Now().Add(-time.Hour)})
	f.await("the replies", func() bool { return len(f.replies) == 3 })
	if !f.replies["2"].OK || !strings.Contains(f.replies["3"].Error, "unknown command") || !strings.Contains(f.replies["4"].Error, "expired") {
		t.Errorf("the replies are %+v", f.replies)
	}
	r.end()
	left, err := openOutbox(mustLook(t, dir), time.Now())
	if err != nil || len(left.kept.Events) != 1 || left.kept.Events[0].Seq != int64(len(want)+1) {
		t.Errorf("the outbox holds %+v, %v", left.kept.Events, err)
	}
}

// TestWhatMustNotServeIsRefused: validly signed or not, with one sentence, while
// the old version goes on serving.
func TestWhatMustNotServeIsRefused(t *testing.T) {
	cases := map[string]struct {
		change func(*release)
		wrong  bool
		signer trust.PrivateKey // the publisher's, if it is none
		order  func(*wire.DesiredModel)
		want   string
	}{
		"a model that fails its own labels": {wrong: true, want: "read 0 of 2 golden pictures as their labels, needs 2"},
		"another architecture":              {change: func(r *release) { r.manifest.Fits.Arch = []string{"riscv64"} }, want: "it is for riscv64, and this device is "},
		"another board":                     {change: func(r *release) { r.manifest.Fits.Boards = []string{"tegra186"} }, want: "it is for boards with tegra186, and this one has "},
		"a larger board":                    {change: func(r *release) { r.manifest.Fits.MinMemoryMiB = 1 << 20 }, want: "it needs 1048576 MiB of memory, and this device has "},
		"a wrong key":                       {signer: trusttest.Key(99), want: "no publisher's key signed these bytes"},
		"another version than was ordered":  {order: func(m *wire.DesiredModel) { m.Version = "9.9.9" }, want: "no publisher that the repository trusts vouches for it"},
		"a model that is no ONNX": {change: func(r *release) {
			r.manifest.Files = r.manifest.Files[:3]
			r.add("model.onnx", []byte("hello"))
		}, want: "Refused shade 2.0.0: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			r := committed(t, f, f.config(t.TempDir()))
			next := newRelease(t, "2.0.0", c.wrong)
			if c.change != nil {
				c.change(next)
			}
			key := f.key
			if c.signer.Public() != nil {
				key = c.signer
			}
			order := f.publish(next, key)
			if c.order != nil {
				c.order(&order)
			}
			f.order(order)
			m := f.awaitPhase(order.Version, wire.PhaseRefused)
			if !strings.Contains(m.Why, c.want) || !strings.HasSuffix(m.Why, "1.0.0 goes on serving.") || m.Running != "1.0.0" {
				t.Errorf("the state is %+v, want %q", m, c.want)
			}
			r.mustServe("1.0.0")
		})
	}
}

func TestADeviceWithNoRoomSaysSoInNumbersAndGoesOn(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	committed(t, f, c).end()
	c.Reserve = 1 << 60
	r := start(t, c)
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.await("no room", func() bool {
		return len(f.state.Models) == 1 && strings.Contains(f.state.Models[0].Why, "no room: needs 0.0 MiB and keeps 1099511627776.0 MiB in reserve, but only ")
	})
	r.mustServe("1.0.0")
}

func TestAChangedByteOnTheWayIsNotTaken(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	order := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.mu.Lock()
	good := f.objects[order.Digest.Hex()]
	bad := []byte(strings.Replace(string(good), "keyid", "keyiD", 1))
	f.objects[order.Digest.Hex()] = bad
	f.mu.Unlock()
	f.order(order)
	f.await("the refusal of the bytes", func() bool {
		return len(f.state.Models) == 1 && strings.Contains(f.state.Models[0].Why, "they are not what was asked for")
	})
	r.mustServe("1.0.0")
	f.mu.Lock()
	f.objects[order.Digest.Hex()] = good
	f.mu.Unlock()
	f.awaitPhase("2.0.0", wire.PhaseCommitted) // tries again by itself
	r.mustServe("2.0.0")
}

// TestModelsComeFromAMirror: the controller is not asked for what a stick has.
func TestModelsComeFromAMirror(t *testing.T) {
	f := newFleet(t)
	order := f.publish(newRelease(t, "1.0.0", false), f.key)
	stick := filepath.Join(t.TempDir(), "sha256")
	if err := os.Mkdir(stick, 0o755); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	for hex, b := range f.objects {
		if err := os.WriteFile(filepath.Join(stick, hex), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	clear(f.objects)
	f.mu.Unlock()
	c := f.config(t.TempDir())
	c.Mirrors = []string{"file://" + filepath.Dir(stick)}
	c.DownloadLimit = fetch.MinLimit
	r := start(t, c)
	f.order(order)
	f.awaitPhase("1.0.0", wire.PhaseCommitted)
	r.mustServe("1.0.0")
}

func TestAVersionThatFailsInServiceIsRolledBack(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	c.Probation = 2 * time.Second
	bad := new(atomic.Bool)
	c.Engines = []kernels.Engine{moodyEngine{reference.Engine{}, bad}}
	r := start(t, c)
	first := f.publish(newRelease(t, "1.0.0", false), f.key)
	f.order(first)
	f.awaitPhase("1.0.0", wire.PhaseProbation)
	second := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.awaitPhase("1.0.0", wire.PhaseCommitted)
	f.order(second)
	f.awaitPhase("2.0.0", wire.PhaseProbation)
	bad.Store(true)
	for range 20 {
		if a := r.predict(0); a.Status != http.StatusInternalServerError {
			t.Fatalf("a failing engine gave %+v", a)
		}
	}
	m := f.awaitPhase("2.0.0", wire.PhaseRolledBack)
	bad.Store(false)
	if m.Running != "1.0.0" || m.Digest != first.Digest || !strings.Contains(m.Why, " inferences failed") {
		t.Errorf("the state is %+v", m)
	}
	r.mustServe("1.0.0")
}

// TestTheModelServesAtOnceWithoutAnybody: after a start, with neither broker
// nor controller.
func TestTheModelServesAtOnceWithoutAnybody(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	committed(t, f, c).end()
	f.http.Close()
	f.stopBroker()
	r := start(t, c)
	r.awaitServing("1.0.0")
	f.startBroker(f.port)
}

// TestAModelThatIsStillLoadingIsNotMissing: who asks in the first moment after a
// start is told to come again.
func TestAModelThatIsStillLoadingIsNotMissing(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	committed(t, f, c).end()
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	names, err := a.updater.announce()
	if err != nil || len(names) != 1 {
		t.Fatalf("on disk are %v, %v", names, err)
	}
	w := httptest.NewRecorder()
	serve.New(a.models, a.log).Handler().ServeHTTP(w, httptest.NewRequest("POST", "/v1/predict/"+names[0], nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "loaded") {
		t.Errorf("it answers %d %s", w.Code, w.Body)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTheBrokerGoesAwayAndComesBack: the order is carried out meanwhile, and
// the fleet hears of all of it afterwards.
func TestTheBrokerGoesAwayAndComesBack(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	f.await("the events so far", func() bool { return len(f.events) == 8 })
	f.stopBroker()
	next := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.mu.Lock()
	f.desired = &wire.Desired{Site: cam.Site, Device: cam.ID, Generation: 2, At: time.Now(), Models: []wire.DesiredModel{next}}
	f.desiredEnvelope = signedOrder(t, *f.desired, f.trust.Online)
	f.state, f.events, f.online = wire.State{}, map[int64]wire.Event{}, nil
	f.mu.Unlock()
	r.agent.asker.ask()
	r.awaitServing("2.0.0")
	f.startBroker(f.port)
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	f.await("online, and every event of the time between", func() bool {
		for seq := int64(9); seq <= 15; seq++ {
			if _, ok := f.events[seq]; !ok {
				return false
			}
		}
		return f.online != nil && f.online.Online
	})
}

func TestAWithdrawnModelIsNoLongerServed(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	f.order()
	f.await("idle", func() bool { return len(f.state.Models) == 1 && f.state.Models[0].Phase == wire.PhaseIdle })
	if a := r.predict(0); a.Status != http.StatusNotFound {
		t.Errorf("a picture gave %+v", a)
	}
}

func TestAnOlderOrANonsensicalOrderChangesNothing(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	good := f.publish(newRelease(t, "2.0.0", false), f.key)
	old := wire.Desired{Site: cam.Site, Device: cam.ID, Generation: 1, Models: []wire.DesiredModel{good}}
	r.agent.updater.offer(signedOrder(t, old, f.trust.Online))
	for what, models := range map[string][]wire.DesiredModel{
		"name":   {{Name: "../up", Version: "1.0.0", Digest: good.Digest, Size: 1}},
		"twice":  {good, good},
		"digest": {{Name: "shade", Version: "1.0.0", Size: 1}},
		"bytes":  {{Name: "shade", Version: "1.0.0", Digest: good.Digest, Size: bundle.MaxEnvelopeSize + 1}},
	} {
		f.order(models...)
		f.await(what, func() bool {
			return strings.Contains(f.state.Why, "was not taken") && strings.Contains(f.state.Why, what)
		})
		if f.state.Generation != 1 {
			t.Errorf("%s: generation %d was taken", what, f.state.Generation)
		}
	}
	r.mustServe("1.0.0")
}

func TestInsecureHTTPIsShown(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	c.InsecureHTTP = true
	start(t, c)
	f.await("the note", func() bool {
		return f.info != nil && len(f.info.Config) == 1 && strings.Contains(f.state.Why, "insecure_http is on")
	})
}

func TestASecondAgentOnTheFolderIsRefused(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	start(t, c)
	if _, err := Open(c); err == nil || !strings.Contains(err.Error(), "in use by another agent") {
		t.Errorf("got %v", err)
	}
}

func TestAConfigIsRefusedWithAllReasons(t *testing.T) {
	err := Config{Device: wire.Device{Site: "UP"}, Controller: "http://10.0.0.1", Mirrors: []string{"ftp://x"}, RedirectHosts: []string{"https://b"}, DownloadLimit: 1024}.Validate()
	for _, want := range []string{"site", "insecure_http", `mirrors: address "ftp://x"`, `redirect_hosts: host "https://b": want a host or host:port`, "limit of 1 KiB a second: want 0 for none, or 32", "broker is missing", "state folder", "serve", "trust", "probation", "telemetry", "no engine"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}

func TestATokenDoesNotTravelInTheClearUnasked(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	c.Broker = "tcp://10.0.0.1:1883"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "insecure_mqtt") {
		t.Errorf("got %v", err)
	}
	c.InsecureMQTT = true
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if notes := c.notes(time.Now()); len(notes) != 1 || !strings.Contains(notes[0], "insecure_mqtt is on") {
		t.Errorf("its notes are %q", notes)
	}
}
