package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A year of rollouts over a thousand devices is a short list: it counts the
// devices, and the answer about one rollout has them.
func TestAListOfRolloutsCountsTheDevicesOfThoseThatEnded(t *testing.T) {
	const devices = 1000
	h, st := newRolloutsHandler(t)
	for i := range 30 {
		phase := rollout.Done
		if i == 29 {
			phase = rollout.Running
		}
		putRollout(t, st, wire.RolloutID(fmt.Sprint("r", i)), phase, devices)
	}
	var list []Rollout
	answer := ask(h, "GET", "/v1/rollouts", nil)
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil || len(list) != maxRollouts {
		t.Fatalf("%d rollouts, %v", len(list), err)
	}
	if r := list[0]; r.ID != "r29" || len(r.Devices) != devices || r.Total != devices {
		t.Errorf("the one that runs, %s, has %d devices of %d", r.ID, len(r.Devices), r.Total)
	}
	for _, r := range list[1:] {
		if len(r.Devices) != 0 || r.Total != devices || r.Healthy != devices {
			t.Errorf("%s lists %d devices of %d, %d healthy", r.ID, len(r.Devices), r.Total, r.Healthy)
		}
	}
	var one Rollout
	answer = ask(h, "GET", "/v1/rollouts/r28", nil)
	if err := json.Unmarshal(answer.Body.Bytes(), &one); err != nil || len(one.Devices) != devices {
		t.Errorf("r28 by itself has %d devices, %v", len(one.Devices), err)
	}
}

func TestASnapshotIsAsShortAsTheList(t *testing.T) {
	h, st := newRolloutsHandler(t)
	for i := range 30 {
		putRollout(t, st, wire.RolloutID(fmt.Sprint("r", i)), rollout.Halted, 3)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var first Snapshot
	s := listen(ctx, t, server.URL)
	if s.next(&first); len(first.Rollouts) != maxRollouts || first.Rollouts[0].Total != 3 || len(first.Rollouts[0].Devices) != 0 {
		t.Errorf("the snapshot has %d rollouts, the newest %+v", len(first.Rollouts), first.Rollouts[0])
	}
}

func newRolloutsHandler(t *testing.T) (http.Handler, *store.Store) {
	t.Helper()
	st := newStore(t)
	return New(Config{Store: st, Live: NewLive(), Log: slog.New(slog.DiscardHandler)}), st
}

func putRollout(t *testing.T, st *store.Store, id wire.RolloutID, phase rollout.Phase, devices int) {
	t.Helper()
	s := rollout.State{
		Plan:  rollout.Plan{ID: id, Model: "meter", Release: rollout.Release{Version: "1.0.0", Digest: bundle.DigestOf(nil)}, Waves: []rollout.Wave{{Percent: 100}}},
		Phase: phase, Wave: 1,
	}
	for i := range devices {
		d := wire.Device{Site: "plant", ID: wire.DeviceID(fmt.Sprint("cam-", i))}
		s.Devices = append(s.Devices, rollout.Device{Device: d, Progress: rollout.Healthy, Wave: 1, Why: "runs 1.0.0"})
	}
	err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.PutRollout(t.Context(), s) })
	if err != nil {
		t.Fatal(err)
	}
}

// A snapshot that takes a slow listener longer than one write may take arrives.
func TestASlowListenerGetsALongSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{ResponseRecorder: httptest.NewRecorder()}
		begun, long := time.Now(), make([]byte, 1<<20)
		if err := (stream{w: w, c: http.NewResponseController(w)}).send(long); err != nil || w.Body.Len() != len(long) {
			t.Errorf("%d bytes in %v, %v", w.Body.Len(), time.Since(begun), err)
		}
		if time.Since(begun) < 2*liveWrite {
			t.Errorf("it took %v only", time.Since(begun))
		}
	})
}

// slowWriter is a connection that takes 16 KiB a second.
type slowWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *slowWriter) SetWriteDeadline(at time.Time) error {
	w.deadline = at
	return nil
}

func (w *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / (16 << 10)) // of the bubble's clock
	if time.Now().After(w.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return w.ResponseRecorder.Write(b)
}
