package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// large is a release of a model of a mebibyte, different for each version.
func large(t *testing.T, version string) (r *release, model bundle.File) {
	t.Helper()
	further := make([]byte, 1<<20)
	copy(further, version)
	r = releaseWith(t, version, false, further)
	return r, r.manifest.Files[len(r.manifest.Files)-1]
}

// TestAQuotaKeepsModelsFromTheRestOfTheDisk: what does not fit it is not fetched,
// and the sentence says so; what serves goes on.
func TestAQuotaKeepsModelsFromTheRestOfTheDisk(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	c.Quota = 1 << 20
	r := committed(t, f, c)
	second, _ := large(t, "2.0.0")
	f.order(f.publish(second, f.key))
	f.await("the sentence", func() bool {
		return len(f.state.Models) == 1 && strings.Contains(f.state.Models[0].Why, "of the quota of 1.0 MiB for models 0.0 MiB are taken")
	})
	r.mustServe("1.0.0")
}

// TestWhatHasArrivedCountsOnce: a download that goes on after a restart needs room
// for its rest alone.
func TestWhatHasArrivedCountsOnce(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	committed(t, f, c).end()
	second, model := large(t, "2.0.0")
	order := f.publish(second, f.key)
	c.Quota = 1<<20 + 1<<19
	half := second.objects[model.Digest.Hex()][:1<<20]
	if err := os.WriteFile(filepath.Join(c.StateDir, "incoming", model.Digest.Hex()+".part"), half, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, c)
	r.awaitServing("1.0.0")
	f.order(order)
	f.awaitPhase("2.0.0", wire.PhaseCommitted)
	r.mustServe("2.0.0")
	if err := r.agent.store.Room(1 << 20); err == nil {
		t.Error("the quota holds two of it")
	} else if _, ok := err.(*slot.NoRoomError); !ok {
		t.Error(err)
	}
}
