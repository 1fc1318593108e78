package agent

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// TestAVersionShadowsBeforeItAnswers: it reads what the one before it reads, and
// the fleet is told what came of it.
func TestAVersionShadowsBeforeItAnswers(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	c.Shadow = time.Second
	r := committed(t, f, c)
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.awaitPhase("2.0.0", wire.PhaseShadowing)
	for f.phase() == wire.PhaseShadowing {
		r.predict(0)
	}
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
	if why := f.eventText(wire.PhaseActivating, "2.0.0"); !strings.Contains(why, "pictures beside 1.0.0, ") {
		t.Errorf("it switched with the words %q", why)
	}
}

// TestAVersionThatFailsInTheShadowNeverAnswers: what its golden pictures do not
// show, and not one request fails for it.
func TestAVersionThatFailsInTheShadowNeverAnswers(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	c.Shadow = 10 * time.Second
	moods := new(moodySecond)
	c.Engines = []kernels.Engine{moods}
	r := committed(t, f, c)
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	f.awaitPhase("2.0.0", wire.PhaseShadowing)
	moods.bad.Store(true)
	for f.phase() == wire.PhaseShadowing {
		if a := r.predict(0); a.Status != http.StatusOK || a.Version != "1.0.0" {
			t.Fatalf("a reading ended with %+v", a)
		}
	}
	m := f.awaitPhase("2.0.0", wire.PhaseRefused)
	if m.Running != "1.0.0" || !strings.Contains(m.Why, "beside 1.0.0") || !strings.Contains(m.Why, "inferences failed") {
		t.Errorf("the state is %+v", m)
	}
	r.mustServe("1.0.0")
}

func (f *fleet) phase() wire.Phase {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Models[0].Phase
}

// eventText awaits the event of a version's phase.
func (f *fleet) eventText(phase wire.Phase, version string) (text string) {
	f.t.Helper()
	f.await("the event", func() bool {
		for _, e := range f.events {
			if e.Kind == string(phase) && e.Version == version {
				text = e.Text
			}
		}
		return text != ""
	})
	return text
}

// moodySecond is the reference engine, of which every program but the first
// fails while its mood is bad.
type moodySecond struct {
	reference.Engine
	programs atomic.Int32
	bad      atomic.Bool
}

func (e *moodySecond) Compile(p *ir.Plan) (ir.Program, error) {
	program, err := e.Engine.Compile(p)
	if err != nil || e.programs.Add(1) == 1 {
		return program, err
	}
	return moodyProgram{program, &e.bad}, nil
}
