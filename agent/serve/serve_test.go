package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// session is a model that always reads its own version, so that an answer by
// the wrong one shows. run, if set, happens in the middle of an inference.
type session struct {
	version int
	run     func(context.Context) error
	running atomic.Int32
	closed  atomic.Int32
}

const versions = 4

func (s *session) Inputs() []ir.Value {
	return []ir.Value{{Name: "x", Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{1, 1, 1, 1}}}}
}

func (s *session) Outputs() []ir.Value {
	return []ir.Value{{Name: "y", Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{1, versions}}}}
}

func (s *session) Run(ctx context.Context, _ map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	s.running.Add(1)
	defer s.running.Add(-1)
	scores := make([]float32, versions)
	scores[s.version%versions] = 1
	if s.run != nil {
		if err := s.run(ctx); err != nil {
			return nil, err
		}
	}
	if s.closed.Load() > 0 {
		return nil, fmt.Errorf("version %d ran after it was closed", s.version)
	}
	y, err := tensor.Of(scores, 1, versions)
	return map[string]*tensor.Tensor{"y": y}, err
}

func (s *session) Engine() string { return "reference" }
func (s *session) Why() string    { return "no CUDA driver was found" }

func (s *session) Close() error {
	if s.running.Load() > 0 {
		panic("closed while it ran")
	}
	s.closed.Add(1)
	return nil
}

// notANumber is a session whose scores are broken.
type notANumber struct{ session }

func (s *notANumber) Run(_ context.Context, _ map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	y, err := tensor.Of([]float32{0, float32(math.NaN()), 0, 0}, 1, versions)
	return map[string]*tensor.Tensor{"y": y}, err
}

func model(version int, s serve.Session) serve.Model {
	return serve.Model{
		Name: "meter", Version: fmt.Sprintf("%d.0.0", version), Digest: bundle.DigestOf([]byte{byte(version)}),
		Pipeline: bundle.Pipeline{
			Input:  bundle.Input{Width: 1, Height: 1, Color: "gray", Fit: "stretch", Scale: 1, Mean: []float32{0}, Std: []float32{1}},
			Scores: "probabilities", Labels: []string{"v0", "v1", "v2", "v3"}, TopK: 1,
		},
		Session: s,
	}
}

// device is a server with a table, and no network.
type device struct {
	*serve.Models
	handler http.Handler
}

var quiet = slog.New(slog.DiscardHandler)

func newDevice(t testing.TB, s ...serve.Session) device {
	t.Helper()
	models := serve.NewModels(quiet)
	t.Cleanup(models.Close)
	for i, s := range s {
		if err := models.Activate(model(i+1, s)); err != nil {
			t.Fatal(err)
		}
	}
	return device{models, serve.New(models, quiet).Handler()}
}

var picture = func() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// answer is any answer of the API.
type answer struct {
	Code    int              `json:"-"`
	Retry   string           `json:"-"`
	Error   string           `json:"error"`
	Model   string           `json:"model"`
	Version string           `json:"version"`
	Digest  bundle.Digest    `json:"digest"`
	Engine  string           `json:"engine"`
	Labels  []pipeline.Label `json:"labels"`
	TookMS  *float64         `json:"took_ms"`
	Models  []serve.Status   `json:"models"`
}

// recorder takes an answer down. Its connection is never slow.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetReadDeadline(time.Time) error { return nil }

func record() recorder { return recorder{httptest.NewRecorder()} }

func (d device) ask(method, path string, body io.Reader) (answer, error) {
	w := record()
	d.handler.ServeHTTP(w, httptest.NewRequest(method, path, body))
	a := answer{Code: w.Code, Retry: w.Header().Get("Retry-After")}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		return a, fmt.Errorf("%s %s gave %d with %q: %w", method, path, w.Code, w.Body, err)
	}
	return a, nil
}

func (d device) mustAsk(t *testing.T, method, path string, body io.Reader) answer {
	t.Helper()
	a, err := d.ask(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (d device) predict(t *testing.T) answer {
	t.Helper()
	return d.mustAsk(t, "POST", "/v1/predict/meter", bytes.NewReader(picture))
}

func TestAPictureIsAnsweredWithLabelsAndWhatReadIt(t *testing.T) {
	a := newDevice(t, &session{version: 1}).predict(t)
	if a.Code != 200 || a.Model != "meter" || a.Version != "1.0.0" || a.Digest != bundle.DigestOf([]byte{1}) ||
		a.Engine != "reference" || len(a.Labels) != 1 || a.Labels[0] != (pipeline.Label{Label: "v1", Score: 1}) || a.TookMS == nil {
		t.Errorf("got %+v", a)
	}
}

func TestTheListShowsWhatServesAndWhatShould(t *testing.T) {
	d := newDevice(t, &session{version: 1}, &session{version: 2})
	d.Expect("belt", "loading 1.2.0")
	d.Expect("meter", "this must not hide what serves")
	d.predict(t)
	list := d.mustAsk(t, "GET", "/v1/models", nil).Models
	if len(list) != 2 || list[0].Name != "belt" || list[0].NotLoaded != "loading 1.2.0" {
		t.Fatalf("got %+v", list)
	}
	m := list[1]
	if m.Version != "2.0.0" || m.Digest != bundle.DigestOf([]byte{2}) || m.Engine != "reference" ||
		m.EngineWhy != "no CUDA driver was found" || m.Inferences != 1 || m.Errors != 0 || m.P99ms <= 0 || m.NotLoaded != "" {
		t.Errorf("got %+v", m)
	}
	if reported := d.Telemetry(); len(reported) != 1 || reported[0] != m.ModelTelemetry {
		t.Errorf("telemetry reports %+v", reported)
	}
}

func TestAnExpectedModelIsListedOnceItServes(t *testing.T) {
	d := newDevice(t)
	d.Expect("meter", "loading 1.0.0")
	if err := d.Activate(model(1, &session{version: 1})); err != nil {
		t.Fatal(err)
	}
	if list := d.Status(); len(list) != 1 || list[0].NotLoaded != "" {
		t.Errorf("got %+v", list)
	}
}

func TestTheVersionBeforeLeavesItsLatencyBehind(t *testing.T) {
	d := newDevice(t, &session{version: 1})
	d.predict(t)
	before := d.Status()[0].P95ms
	if err := d.Activate(model(2, &session{version: 2})); err != nil {
		t.Fatal(err)
	}
	if s := d.Status()[0]; before == 0 || s.BeforeP95ms != before || s.Inferences != 0 {
		t.Errorf("got %+v, want %v before", s, before)
	}
}

func TestAModelThatIsNotThereIsToldApartFromOneThatIsNotLoaded(t *testing.T) {
	d := newDevice(t, &session{version: 1})
	if a := d.mustAsk(t, "POST", "/v1/predict/belt", bytes.NewReader(picture)); a.Code != 404 || !strings.Contains(a.Error, "belt") {
		t.Errorf("unknown: got %+v", a)
	}
	d.Expect("belt", "loading 1.2.0")
	a := d.mustAsk(t, "POST", "/v1/predict/belt", bytes.NewReader(picture))
	if a.Code != 503 || a.Error != "belt is not loaded: loading 1.2.0" || a.Retry == "" {
		t.Errorf("expected: got %+v", a)
	}
	d.Remove("meter")
	if a := d.predict(t); a.Code != 404 {
		t.Errorf("removed: got %+v", a)
	}
}

func TestOtherAddressesAreExplained(t *testing.T) {
	d := newDevice(t)
	if a := d.mustAsk(t, "GET", "/healthz", nil); a.Code != 200 {
		t.Errorf("got %+v", a)
	}
	for _, ask := range [][2]string{{"GET", "/"}, {"GET", "/v1/predict/meter"}, {"POST", "/v1/models"}, {"POST", "/v1/predict/a/b"}} {
		if a := d.mustAsk(t, ask[0], ask[1], nil); a.Code != 404 || !strings.Contains(a.Error, "/v1/predict/{model}") {
			t.Errorf("%v: got %+v", ask, a)
		}
	}
}

func TestAPanicIsAnErrorAndTheServerGoesOn(t *testing.T) {
	s := &session{version: 1, run: func(context.Context) error { panic("index out of range") }}
	d := newDevice(t, s)
	if a := d.predict(t); a.Code != 500 || a.Error != "meter 1.0.0 on reference: the model panicked: index out of range" {
		t.Errorf("got %+v", a)
	}
	s.run = nil
	if a := d.predict(t); a.Code != 200 {
		t.Errorf("afterwards: got %+v", a)
	}
	if m := d.Status()[0]; m.Inferences != 2 || m.Errors != 1 || m.Panics != 1 {
		t.Errorf("counted %+v", m)
	}
}

func TestAFailingModelCountsAsErrors(t *testing.T) {
	for name, s := range map[string]serve.Session{
		"engine":       &session{run: func(context.Context) error { return fmt.Errorf("out of memory") }},
		"not a number": &notANumber{},
	} {
		d := newDevice(t, s)
		if a := d.predict(t); a.Code != 500 || !strings.HasPrefix(a.Error, "meter 1.0.0 on reference: ") {
			t.Errorf("%s: got %+v", name, a)
		}
		if m := d.Status()[0]; m.Inferences != 1 || m.Errors != 1 || m.Panics != 0 {
			t.Errorf("%s: counted %+v", name, m)
		}
	}
}

func TestActivateRefusesAModelThatDoesNotFitAndTheOldOneServes(t *testing.T) {
	d := newDevice(t, &session{version: 1})
	next := &session{version: 2}
	m := model(2, next)
	m.Pipeline.Labels = m.Pipeline.Labels[:2]
	if err := d.Activate(m); err == nil {
		t.Error("two labels for four scores were accepted")
	}
	if a := d.predict(t); a.Version != "1.0.0" || next.closed.Load() != 0 {
		t.Errorf("got %+v", a)
	}
}

func TestAClientThatHangsUpEndsItsInferenceAndIsNotTheModelsFault(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	d := newDevice(t, &session{version: 1, run: func(ctx context.Context) error {
		hangUp()
		<-ctx.Done()
		return context.Cause(ctx)
	}})
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/predict/meter", bytes.NewReader(picture))
	d.handler.ServeHTTP(record(), r)
	if m := d.Status()[0]; m.Inferences != 1 || m.Errors != 0 || m.P95ms <= 0 {
		t.Errorf("counted %+v", m)
	}
}
