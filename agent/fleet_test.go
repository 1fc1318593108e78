package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// fleet is the other side of an agent: a controller's HTTP, a real broker, a
// publisher's key, and what the device has told.
type fleet struct {
	t      testing.TB
	trust  *trusttest.Repository // mu guards it
	key    trust.PrivateKey      // the publisher's
	http   *httptest.Server
	broker *mochi.Server
	port   string

	mu      sync.Mutex
	objects map[string][]byte
	deltas  map[string][]byte // by target and base, in hexadecimal, with /from/ between
	asked   []string          // of objects and deltas
	// mischief answers in the controller's place, if it says so.
	mischief func(w http.ResponseWriter, r *http.Request) bool
	desired  *wire.Desired
	// desiredEnvelope is it as signed.
	desiredEnvelope []byte
	online          *wire.Online
	info            *wire.Info
	state           wire.State
	events          map[int64]wire.Event
	replies         map[string]wire.Reply
	told            chan struct{} // closed and replaced when the device tells something
}

var cam = wire.Device{Site: "plant-7", ID: "cam-3"}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	f := &fleet{t: t, objects: map[string][]byte{}, events: map[int64]wire.Event{}, replies: map[string]wire.Reply{}, told: make(chan struct{})}
	f.trust = trusttest.At(t, time.Now().UTC(), "*")
	f.key = f.trust.Publishers["ada"]
	f.http = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.http.Close)
	f.startBroker("127.0.0.1:0")
	t.Cleanup(f.stopBroker)
	return f
}

// serve is the controller's HTTP, as far as a device needs it.
func (f *fleet) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	mischief := f.mischief
	f.mu.Unlock()
	if mischief != nil && mischief(w, r) {
		return
	}
	f.mu.Lock()
	body, found := f.objects[path.Base(r.URL.Path)]
	if name, ok := strings.CutPrefix(r.URL.Path, "/v1/artefacts/sha256/"); ok {
		f.asked = append(f.asked, name)
		if strings.Contains(name, "/from/") {
			body, found = f.deltas[name]
		}
	}
	if strings.HasSuffix(r.URL.Path, "/plant-7/cam-3/desired") && f.desired != nil {
		body, found = f.desiredEnvelope, true
	}
	if name, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v1/tuf/"); ok {
		body, found = f.trust.Files[name]
	}
	f.mu.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", `"`+path.Base(r.URL.Path)+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// startBroker runs an embedded broker that lets everybody in.
func (f *fleet) startBroker(address string) {
	f.t.Helper()
	f.broker = mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", address)
	err = errors.Join(err, f.broker.AddHook(new(auth.AllowHook), nil))
	if err == nil {
		f.port = l.Addr().String()
		err = errors.Join(f.broker.AddListener(listeners.NewNet("t1", l)), f.broker.Serve(),
			f.broker.Subscribe("squadron/v1/#", 1, f.hear))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) stopBroker() {
	if err := f.broker.Close(); err != nil {
		f.t.Log(err)
	}
}

// hear keeps what the device tells.
func (f *fleet) hear(_ *mochi.Client, _ packets.Subscription, p packets.Packet) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, kind, err := wire.ParseTopic(p.TopicName)
	switch kind {
	case wire.KindOnline:
		f.online, err = decoded[wire.Online](p.Payload)
	case wire.KindInfo:
		f.info, err = decoded[wire.Info](p.Payload)
	case wire.KindState:
		var s *wire.State
		if s, err = decoded[wire.State](p.Payload); err == nil {
			f.state = *s
		}
	case wire.KindEvent:
		var e *wire.Event
		if e, err = decoded[wire.Event](p.Payload); err == nil {
			f.events[e.Seq] = *e
		}
	case wire.KindReply:
		var r *wire.Reply
		if r, err = decoded[wire.Reply](p.Payload); err == nil {
			f.replies[r.ID] = *r
		}
	}
	if err != nil {
		f.t.Errorf("%s: %v", p.TopicName, err)
	}
	close(f.told)
	f.told = make(chan struct{})
}

func decoded[M wire.Message](b []byte) (*M, error) {
	m, err := wire.Decode[M](b)
	return &m, err
}

// await waits until what the device told satisfies ok.
func (f *fleet) await(what string, ok func() bool) {
	f.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		f.mu.Lock()
		done, told := ok(), f.told
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-told:
		case <-deadline:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.t.Fatalf("waited for %s; the device says %+v", what, f.state)
		}
	}
}

func (f *fleet) awaitPhase(version string, phase wire.Phase) wire.ModelState {
	f.t.Helper()
	var m wire.ModelState
	f.await(fmt.Sprintf("%s of %s", phase, version), func() bool {
		if len(f.state.Models) != 1 {
			return false
		}
		m = f.state.Models[0]
		return m.Wanted == version && m.Phase == phase
	})
	return m
}

// order makes the device's newest order, told over HTTP and MQTT.
func (f *fleet) order(models ...wire.DesiredModel) {
	f.t.Helper()
	f.mu.Lock()
	d := wire.Desired{Site: cam.Site, Device: cam.ID, Generation: 1, At: time.Now().UTC(), Models: models}
	if f.desired != nil {
		d.Generation = f.desired.Generation + 1
	}
	f.desired, f.desiredEnvelope = &d, signedOrder(f.t, d, f.trust.Online)
	f.mu.Unlock()
	f.tell(f.desiredEnvelope)
}

// tell publishes what the device takes for its order.
func (f *fleet) tell(envelope []byte) {
	f.t.Helper()
	if err := f.broker.Publish(cam.Topic(wire.KindDesired), envelope, true, 1); err != nil {
		f.t.Fatal(err)
	}
}

func signedOrder(t testing.TB, d wire.Desired, key trust.PrivateKey) []byte {
	t.Helper()
	b, err := wire.Encode(d)
	if err == nil {
		b, err = trust.SignOrder(b, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// running is an agent between its start and its end.
type running struct {
	t     testing.TB
	agent *Agent
	stop  context.CancelFunc
	ended chan error
}

func (f *fleet) config(dir string) Config {
	return Config{
		Device: cam, Controller: f.http.URL, Broker: "tcp://" + f.port, StateDir: dir, Serve: "127.0.0.1:0",
		Trust: f.trust.Files["1.root.json"], Probation: 200 * time.Millisecond, Telemetry: time.Hour,
		Engines: []kernels.Engine{reference.Engine{}}, Version: "test", Log: slog.New(slog.NewTextHandler(f.t.Output(), nil)),
	}
}

// start runs an agent until the test or its stop ends it.
func start(t testing.TB, c Config) *running {
	t.Helper()
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, a)
}

// run is start of an agent that is open.
func run(t testing.TB, a *Agent) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, agent: a, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- a.Run(ctx) }()
	t.Cleanup(r.end)
	return r
}

// end stops the agent and waits for it; the second time it does nothing.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	select {
	case err, first := <-r.ended:
		if first && err != nil {
			r.t.Errorf("the agent ended with %v", err)
		}
		if first {
			close(r.ended)
		}
	case <-time.After(30 * time.Second):
		r.t.Fatal("the agent does not end")
	}
}

// answer is what the device says to a picture.
type answer struct {
	Status  int
	Version string `json:"version"`
	Labels  []struct {
		Label string `json:"label"`
	} `json:"labels"`
	Error string `json:"error"`
}

func (r *running) predict(shade uint8) answer {
	r.t.Helper()
	reply, err := http.Post("http://"+r.agent.Addr()+"/v1/predict/shade", "image/png", bytes.NewReader(picture(shade)))
	if err != nil {
		r.t.Fatal(err)
	}
	var a answer
	err = errors.Join(json.NewDecoder(reply.Body).Decode(&a), reply.Body.Close())
	if err != nil {
		r.t.Fatal(err)
	}
	a.Status = reply.StatusCode
	return a
}

// mustServe checks that the version answers, rightly.
func (r *running) mustServe(version string) {
	r.t.Helper()
	for shade, want := range map[uint8]string{0: "dark", 255: "light"} {
		a := r.predict(shade)
		if a.Status != 200 || a.Version != version || len(a.Labels) != 2 || a.Labels[0].Label != want {
			r.t.Fatalf("a picture of shade %d gave %+v, want %s by %s", shade, a, want, version)
		}
	}
}

// awaitServing waits until a picture is answered by the version.
func (r *running) awaitServing(version string) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if a := r.predict(0); a.Status == http.StatusOK && a.Version == version {
			return
		}
	}
	r.t.Fatalf("%s does not serve", version)
}

// command sends the device a command.
func (f *fleet) command(c wire.Command) {
	f.t.Helper()
	b, err := wire.Encode(c)
	if err == nil {
		err = f.broker.Publish(cam.Topic(wire.KindCommand), b, false, 1)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func mustLook(t *testing.T, dir string) *slot.Store {
	t.Helper()
	s, err := slot.Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
