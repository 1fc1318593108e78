package serve

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Session is a model loaded on an engine: what package kernels opens.
type Session interface {
	pipeline.Session
	Engine() string // which engine runs it
	Why() string    // and why that one, in a sentence
	Close() error
}

// Model is what Activate puts into the table.
type Model struct {
	Name     string
	Version  string
	Digest   bundle.Digest // of the bundle's envelope
	Pipeline bundle.Pipeline
	Session  Session
}

// What acquire's errors wrap.
var (
	errUnknown   = errors.New("the device has no such model")
	errNotLoaded = errors.New("not loaded")
)

// Models is the table of what serves, safe for concurrent use. At most one
// version of a name serves at any moment.
type Models struct {
	log *slog.Logger

	mu      sync.Mutex
	serves  map[string]*serving
	absent  map[string]string // why a name that should serve does not
	shadows map[string]*shadow
	closed  bool
}

// serving is one activated model. Its uses and retired are guarded by the
// table's mutex.
type serving struct {
	Model
	reader  *pipeline.Model
	counts  counts
	before  float64 // the 95th percentile of what served before it, in ms
	uses    int
	retired bool
}

// NewModels makes an empty table. It logs what happens after a request's end,
// when nobody else is left to tell.
func NewModels(log *slog.Logger) *Models {
	return &Models{log: log, serves: map[string]*serving{}, absent: map[string]string{}, shadows: map[string]*shadow{}}
}

// Activate lets m serve under its name, at once and for every request from now
// on; what served before retires. The session is the table's from here on,
// unless an error is returned: the model does not fit its pipeline, or the
// table is closed.
func (t *Models) Activate(m Model) error {
	reader, err := pipeline.Bind(m.Pipeline, m.Session)
	if err != nil {
		return fmt.Errorf("activate %s %s: %w", m.Name, m.Version, err)
	}
	next := &serving{Model: m, reader: reader}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return fmt.Errorf("activate %s %s: the agent is stopping", m.Name, m.Version)
	}
	old := t.serves[m.Name]
	if old != nil {
		next.before = old.counts.snapshot().P95ms
	}
	t.serves[m.Name] = next
	delete(t.absent, m.Name)
	idle := retire(old)
	t.mu.Unlock()
	t.close(idle)
	return nil
}

// Expect says why a model that the device shall run does not serve yet, so that
// its requests are answered with that and 503. A model that serves goes on.
func (t *Models) Expect(name, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.serves[name] == nil {
		t.absent[name] = why
	}
}

// Remove retires the model of that name; its requests are refused from now on.
func (t *Models) Remove(name string) {
	t.mu.Lock()
	idle := retire(t.serves[name])
	delete(t.serves, name)
	delete(t.absent, name)
	t.mu.Unlock()
	t.close(idle)
}

// Close retires every model, and refuses to activate another. Sessions with
// requests under way close when those end.
func (t *Models) Close() {
	t.mu.Lock()
	t.closed = true
	var idle []*serving
	for name, s := range t.serves {
		idle = append(idle, retire(s))
		delete(t.serves, name)
		t.absent[name] = "the agent is stopping"
	}
	t.mu.Unlock()
	for _, s := range idle {
		t.close(s)
	}
}

// Status is one model of the table, as GET /v1/models shows it. Counts are
// since the activation.
type Status struct {
	wire.ModelTelemetry
	Digest    bundle.Digest `json:"digest,omitzero"`
	EngineWhy string        `json:"engine_why,omitempty"`
	// Panics is how many of the errors were panics.
	Panics int64 `json:"panics"`
	// BeforeP95ms is the 95th percentile of the version before it; 0 if none.
	BeforeP95ms float64 `json:"before_p95_ms,omitempty"`
	// Shadow is the version that reads beside this one, if one does.
	Shadow *ShadowStatus `json:"shadow,omitempty"`
	// NotLoaded says why the model does not serve; empty if it does.
	NotLoaded string `json:"not_loaded,omitempty"`
}

// Status lists every model that serves or should, by name.
func (t *Models) Status() []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []Status{}
	for name, s := range t.serves {
		status := s.status()
		if beside := t.shadows[name]; beside != nil {
			status.Shadow = &ShadowStatus{Status: beside.status(), Agreed: beside.agreed}
		}
		list = append(list, status)
	}
	for name, why := range t.absent {
		list = append(list, Status{ModelTelemetry: wire.ModelTelemetry{Name: name}, NotLoaded: why})
	}
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (s *serving) status() Status {
	status := s.counts.snapshot()
	status.Name, status.Version, status.Engine = s.Name, s.Version, s.Session.Engine()
	status.Digest, status.EngineWhy, status.BeforeP95ms = s.Digest, s.Session.Why(), s.before
	return status
}

// Telemetry is what the device reports of the models that serve.
func (t *Models) Telemetry() []wire.ModelTelemetry {
	models := []wire.ModelTelemetry{}
	for _, s := range t.Status() {
		if s.NotLoaded == "" {
			models = append(models, s.ModelTelemetry)
		}
	}
	return models
}

func (t *Models) serving() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.serves)
}

// known refuses a name that no request can be answered for.
func (t *Models) known(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := t.find(name)
	return err
}

// acquire keeps a model's session open until release.
func (t *Models) acquire(name string) (*serving, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.find(name)
	if err != nil {
		return nil, err
	}
	s.uses++
	return s, nil
}

func (t *Models) find(name string) (*serving, error) {
	if s := t.serves[name]; s != nil {
		return s, nil
	}
	if why, ok := t.absent[name]; ok {
		return nil, fmt.Errorf("%s is %w: %s", name, errNotLoaded, why)
	}
	return nil, fmt.Errorf("model %.80q: %w", name, errUnknown)
}

func (t *Models) release(s *serving) {
	t.mu.Lock()
	s.uses--
	last := s.retired && s.uses == 0
	t.mu.Unlock()
	if last {
		t.close(s)
	}
}

// retire marks s under the table's mutex, and returns it if no request will: the
// caller closes it then, without the mutex.
func retire(s *serving) *serving {
	if s == nil {
		return nil
	}
	s.retired = true
	if s.uses > 0 {
		return nil
	}
	return s
}

func (t *Models) close(s *serving) {
	if s == nil {
		return
	}
	if err := s.Session.Close(); err != nil {
		t.log.Error("close a retired model", "model", s.Name, "version", s.Version, "error", err)
	}
}
