package controller_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A rollout that the database holds as running, and that the controller's
// memory does not have, is aborted all the same: by its id, with its devices.
func TestAbortTakesTheNamedRolloutWhateverIsRemembered(t *testing.T) {
	for name, remembered := range map[string]bool{"nothing is remembered": false, "another is remembered": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.start()
			b.join("cam-1", wire.PhaseCommitted)
			b.publish("1.0.0")
			b.publish("2.0.0")
			if remembered {
				b.await(b.startRollout("1.0.0").ID, rollout.Done)
			}
			hidden := b.slipIn("hidden-1", "2.0.0")
			got, err := b.client.Abort(t.Context(), hidden.ID)
			if err != nil || got.ID != hidden.ID || got.Phase != rollout.Aborted || got.Version != "2.0.0" || len(got.Devices) != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
			kept, err := b.client.Rollout(t.Context(), hidden.ID)
			if err != nil || kept.Phase != rollout.Aborted {
				t.Errorf("the database holds %+v, %v", kept, err)
			}
		})
	}
}

func TestStartSeesARunningRolloutWhateverIsRemembered(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.slipIn("hidden-1", "1.0.0")
	_, err := b.client.StartRollout(t.Context(), api.StartRollout{Model: "meter", Version: "1.0.0", Waves: []string{"100%"}})
	refused(t, err, http.StatusConflict, "hidden-1")
}

// slipIn writes a running rollout of one device behind the controller's back,
// as begun an hour ago.
func (b *bench) slipIn(id wire.RolloutID, version string) rollout.State {
	b.t.Helper()
	st, err := store.Open(b.t.Context(), filepath.Join(b.config().Dir, "fleet.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer st.Close()
	release, err := st.Bundle(b.t.Context(), "meter", version)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := rollout.New(rollout.Plan{
		ID: id, Model: "meter", Waves: []rollout.Wave{{Percent: 100}}, DeadlineSeconds: 1800,
		Release: rollout.Release{Version: version, Digest: release.Digest, EnvelopeBytes: release.EnvelopeBytes},
	}, time.Now().Add(-time.Hour))
	if err != nil {
		b.t.Fatal(err)
	}
	s, _ = rollout.Step(s, rollout.Started{Members: []rollout.Member{
		{Device: wire.Device{Site: "plant", ID: "cam-1"}, Online: true},
	}}, time.Now())
	if err := st.Update(b.t.Context(), func(tx *store.Tx) error { return tx.PutRollout(b.t.Context(), s) }); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// While the controller is down for longer than the deadline, the second device
// rolls back, and nobody hears it. That must neither make it absent nor end the
// rollout: it is heard, and halts it.
func TestTimeInWhichTheControllerWasDownIsHeldAgainstNobody(t *testing.T) {
	b := newBench(t)
	b.start()
	b.join("cam-1", wire.PhaseCommitted)
	b.join("cam-2", wire.PhaseDownloading)
	b.publish("1.0.0")
	r, err := b.client.StartRollout(t.Context(), api.StartRollout{Model: "meter", Version: "1.0.0", Waves: []string{"100%"}})
	if err != nil {
		t.Fatal(err)
	}
	b.until("the first device's health", func() bool {
		got, err := b.client.Rollout(t.Context(), r.ID)
		return err == nil && got.Healthy == 1
	})
	b.stop()
	b.age(r.ID, time.Hour)
	began := time.Now()
	b.start()
	got, err := b.client.Rollout(t.Context(), r.ID)
	if err != nil || got.Phase != rollout.Running {
		t.Fatalf("after the start: %+v, %v", got, err)
	}
	for _, d := range got.Devices {
		if d.Progress == rollout.Ordered && d.Since.Before(began) {
			t.Errorf("the deadline of %s began %v before the controller heard anybody", d.Device, began.Sub(d.Since))
		}
	}
	b.join("cam-2", wire.PhaseRolledBack)
	b.await(r.ID, rollout.Halted)
}

// age makes all that a rollout says of its devices older, while the controller
// is down.
func (b *bench) age(id wire.RolloutID, by time.Duration) {
	b.t.Helper()
	st, err := store.Open(b.t.Context(), filepath.Join(b.config().Dir, "fleet.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer st.Close()
	err = st.Update(b.t.Context(), func(tx *store.Tx) error {
		s, err := tx.Rollout(b.t.Context(), id)
		if err != nil {
			return err
		}
		for i := range s.Devices {
			s.Devices[i].Since = s.Devices[i].Since.Add(-by)
		}
		return tx.PutRollout(b.t.Context(), s)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
