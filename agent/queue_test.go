package agent

import (
	"slices"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestTwoModelsComeOneAfterTheOther: of two that are ordered at once, the second
// is begun when the first serves, and both come to their end.
func TestTwoModelsComeOneAfterTheOther(t *testing.T) {
	f := newFleet(t)
	start(t, f.config(t.TempDir()))
	shade, gate := newRelease(t, "1.0.0", false), newRelease(t, "1.0.0", false)
	gate.manifest.Name = "gate"
	f.order(f.publish(shade, f.key), f.publish(gate, f.key))
	f.await("both", func() bool {
		return len(f.state.Models) == 2 && !slices.ContainsFunc(f.state.Models, func(m wire.ModelState) bool { return m.Phase != wire.PhaseCommitted })
	})
	f.await("the events", func() bool { return len(f.events) >= 1+7+8 })
	f.mu.Lock()
	defer f.mu.Unlock()
	served, began := int64(0), int64(0)
	for _, e := range f.events {
		switch {
		case e.Kind == string(wire.PhaseProbation) && e.Model == "shade":
			served = e.Seq
		case e.Kind == string(wire.PhaseDownloading) && e.Model == "gate" && (began == 0 || e.Seq < began):
			began = e.Seq
		case e.Kind == string(wire.PhaseQueued) && (e.Model != "gate" || !strings.Contains(e.Text, "once the update of shade has ended")):
			t.Errorf("queued: %+v", e)
		}
	}
	if served == 0 || began < served {
		t.Errorf("shade served with event %d, gate began with event %d", served, began)
	}
}
