package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/squadron-edge/squadron/agent/golden"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// fleet is the other side of an agent: a controller's HTTP, a real broker, a
// publisher's key, and what the device has told.
type fleet struct {
	t      *testing.T
	trust  *trusttest.Repository // mu guards it
	key    trust.PrivateKey      // the publisher's
	http   *httptest.Server
	broker *mochi.Server
	port   string

	mu      sync.Mutex
	objects map[string][]byte
	deltas  map[string][]byte // by target and base, in hexadecimal, with /from/ between
	asked   []string          // of objects and deltas
	desired *wire.Desired
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

func newFleet(t *testing.T) *fleet {
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

func signedOrder(t *testing.T, d wire.Desired, key trust.PrivateKey) []byte {
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

// release is one version of the model "shade", which reads a 2×2 picture as
// "dark" or "light".
type release struct {
	manifest bundle.Manifest
	objects  map[string][]byte
}

// newRelease makes a good model; with wrong, its labels are swapped after the
// golden samples were measured.
func newRelease(t *testing.T, version string, wrong bool) *release {
	t.Helper()
	return releaseWith(t, version, wrong, nil)
}

// releaseWith has a model with further weights that nothing uses.
func releaseWith(t *testing.T, version string, wrong bool, further []byte) *release {
	t.Helper()
	r := &release{objects: map[string][]byte{}}
	good := shadeModel(t, version, 1, further)
	pictures := map[string][]byte{"golden/black.png": picture(0), "golden/white.png": picture(255)}
	r.manifest = bundle.Manifest{
		V: bundle.FormatVersion, Name: "shade", Version: version, Model: "model.onnx",
		Pipeline: bundle.Pipeline{
			Input:  bundle.Input{Width: 2, Height: 2, Color: "gray", Fit: "stretch", Scale: 1. / 255, Mean: []float32{0}, Std: []float32{1}},
			Scores: "logits", Labels: []string{"dark", "light"}, TopK: 2,
		},
		Golden: bundle.Golden{
			Samples:      []bundle.Sample{{Path: "golden/black.png", Label: "dark"}, {Path: "golden/white.png", Label: "light"}},
			MinAgreement: 1, Tolerance: 1e-3, Measured: 1, Reference: "golden/reference.f32",
		},
		Provenance: bundle.Provenance{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Tool: "test"},
	}
	scores := measure(t, good, r.manifest, pictures)
	if wrong {
		good = shadeModel(t, version, -1, further)
	}
	r.add("golden/black.png", pictures["golden/black.png"])
	r.add("golden/reference.f32", scores)
	r.add("golden/white.png", pictures["golden/white.png"])
	r.add("model.onnx", good)
	return r
}

func (r *release) add(name string, b []byte) {
	d := bundle.DigestOf(b)
	r.objects[d.Hex()] = b
	r.manifest.Files = append(r.manifest.Files, bundle.File{Path: name, Digest: d, Size: int64(len(b))})
}

func measure(t *testing.T, model []byte, m bundle.Manifest, pictures map[string][]byte) []byte {
	t.Helper()
	s, err := kernels.Load(model, kernels.Options{Engines: []kernels.Engine{reference.Engine{}}})
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pictures[name])), nil }
	result, scores, err := golden.Measure(t.Context(), s, m.Pipeline, m.Golden.Samples, open)
	if err != nil || result.Agreement != 1 {
		t.Fatalf("the model measures %v, %v", result, err)
	}
	return scores
}

// publish signs a release and puts it where devices fetch from.
func (f *fleet) publish(r *release, key trust.PrivateKey) wire.DesiredModel {
	f.t.Helper()
	payload, err := r.manifest.Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	envelope, err := trust.Sign(bundle.ManifestType, payload, key)
	if err != nil {
		f.t.Fatal(err)
	}
	d := bundle.DigestOf(envelope)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trust.Publish("ada", trust.TargetPath(r.manifest.Name, r.manifest.Version), string(envelope), "")
	f.objects[d.Hex()] = envelope
	for name, b := range r.objects {
		f.objects[name] = b
	}
	return wire.DesiredModel{Name: "shade", Version: r.manifest.Version, Digest: d, Size: int64(len(envelope)), Rollout: "r-" + wire.RolloutID(r.manifest.Version[:1]), Attempt: 1}
}

// shadeModel is Flatten and Gemm: the brighter the picture, the more "light";
// sign -1 makes it wrong. The version makes its bytes differ.
func shadeModel(t *testing.T, version string, sign float32, further []byte) []byte {
	t.Helper()
	weights := make([]byte, 0, 32)
	for range 4 {
		for _, w := range []float32{-sign, sign} {
			weights = binary.LittleEndian.AppendUint32(weights, math.Float32bits(w))
		}
	}
	bias := binary.LittleEndian.AppendUint32(nil, math.Float32bits(2*sign))
	bias = binary.LittleEndian.AppendUint32(bias, math.Float32bits(-2*sign))
	dims := func(n ...int64) []onnx.Dim {
		shape := make([]onnx.Dim, len(n))
		for i := range n {
			shape[i].Value = n[i]
		}
		return shape
	}
	b, err := onnx.Marshal(&onnx.Model{
		IRVersion: 8, Producer: "test " + version, Opsets: []onnx.Opset{{Version: 17}},
		Graph: onnx.Graph{
			Name: "shade",
			Nodes: []onnx.Node{
				{OpType: "Flatten", Inputs: []string{"picture"}, Outputs: []string{"flat"}},
				{OpType: "Gemm", Inputs: []string{"flat", "w", "b"}, Outputs: []string{"scores"}},
			},
			Initializers: []onnx.Tensor{
				{Name: "w", Type: onnx.Float, Dims: []int64{4, 2}, Raw: weights},
				{Name: "b", Type: onnx.Float, Dims: []int64{2}, Raw: bias},
				{Name: "further", Type: onnx.Float, Dims: []int64{int64(len(further) / 4)}, Raw: further},
			},
			Inputs:  []onnx.ValueInfo{{Name: "picture", Type: onnx.Float, Shape: dims(1, 1, 2, 2)}},
			Outputs: []onnx.ValueInfo{{Name: "scores", Type: onnx.Float, Shape: dims(1, 2)}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// picture is a 2×2 PNG of one shade.
func picture(shade uint8) []byte {
	img := image.NewGray(image.Rect(0, 0, 2, 2))
	for i := range img.Pix {
		img.Pix[i] = color.Gray{Y: shade}.Y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// moodyEngine is the reference engine, whose runs fail while its mood is bad.
type moodyEngine struct {
	reference.Engine
	bad *atomic.Bool
}

func (e moodyEngine) Compile(p *ir.Plan) (ir.Program, error) {
	program, err := e.Engine.Compile(p)
	return moodyProgram{program, e.bad}, err
}

type moodyProgram struct {
	ir.Program
	bad *atomic.Bool
}

func (p moodyProgram) Run(ctx context.Context, in, out []*tensor.Tensor) error {
	if p.bad.Load() {
		return errors.New("the GPU fell off the bus")
	}
	return p.Program.Run(ctx, in, out)
}

// running is an agent between its start and its end.
type running struct {
	t     *testing.T
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
func start(t *testing.T, c Config) *running {
	t.Helper()
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
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
