package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var (
	cam = wire.Device{Site: "plant-7", ID: "cam-3"}
	now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder % with ? odd#name.db")
	st := open(t, path)
	want := store.Device{
		Device: cam, FirstSeen: now, LastSeen: now.Add(time.Second), Online: true, Boot: "b1",
		Desired: &wire.Desired{V: 1, Generation: 7, At: now},
		State:   &wire.State{V: 1, Generation: 6, Why: "all well"}, Withheld: "holds order 9",
	}
	update(t, st, func(tx *store.Tx) error { return tx.PutDevice(t.Context(), want) })
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	st = open(t, path)
	got, err := st.Device(t.Context(), cam)
	if err != nil {
		t.Fatal(err)
	}
	if got.Generation() != 7 || got.State.Why != "all well" || got.Info != nil || !got.Online || !got.LastSeen.Equal(want.LastSeen) {
		t.Errorf("got %+v", got)
	}
	if list, err := st.Withheld(t.Context()); err != nil || len(list) != 1 || list[0].Withheld != "holds order 9" {
		t.Errorf("given no order: %+v, %v", list, err)
	}
}

func TestAGenerationNeverFalls(t *testing.T) {
	st := open(t, "")
	put := func(g int64) error {
		return st.Update(t.Context(), func(tx *store.Tx) error {
			return tx.PutDevice(t.Context(), store.Device{Device: cam, Desired: &wire.Desired{Generation: g}})
		})
	}
	if err := put(5); err != nil {
		t.Fatal(err)
	}
	if err := put(4); err == nil {
		t.Error("generation 4 was written over 5")
	}
	if err := put(0); err == nil {
		t.Error("the order was written over with none")
	}
	if d, _ := st.Device(t.Context(), cam); d.Generation() != 5 {
		t.Errorf("generation %d, want 5", d.Generation())
	}
}

func TestAnUpdateIsAllOrNothing(t *testing.T) {
	st := open(t, "")
	boom := errors.New("boom")
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.PutRollout(t.Context(), running("r1", "meter", 0)); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if _, err := st.Rollout(t.Context(), "r1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half an update was kept: %v", err)
	}
}

func TestAModelHasOneRunningRollout(t *testing.T) {
	st := open(t, "")
	put := func(s rollout.State) error {
		return st.Update(t.Context(), func(tx *store.Tx) error { return tx.PutRollout(t.Context(), s) })
	}
	first := running("r1", "meter", 0)
	if err := put(first); err != nil {
		t.Fatal(err)
	}
	if err := put(running("r2", "meter", 1)); err == nil {
		t.Error("a second running rollout was kept")
	}
	if err := put(running("r3", "other", 1)); err != nil {
		t.Errorf("another model was refused: %v", err)
	}
	first.Phase = rollout.Done
	if err := put(first); err != nil {
		t.Fatal(err)
	}
	if err := put(running("r4", "meter", 2)); err != nil {
		t.Errorf("the next rollout was refused: %v", err)
	}
	newest, err := st.NewestRollouts(t.Context())
	if err != nil || len(newest) != 2 || newest[0].ID != "r4" {
		t.Errorf("newest: %v, %v", newest, err)
	}
	base, err := st.Baseline(t.Context(), "meter", "plant-7")
	if err != nil || base.ID != "r1" {
		t.Errorf("baseline: %v, %v", base, err)
	}
	if _, err := st.Baseline(t.Context(), "other", "plant-7"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("baseline of a model that never was done: %v", err)
	}
}

// A clock that was put back gives a running rollout an earlier start than one
// that has ended.
func TestTheRunningRolloutIsTheNewestWhateverTheClockSaid(t *testing.T) {
	st := open(t, "")
	done := running("r1", "meter", 60)
	done.Phase = rollout.Done
	update(t, st, func(tx *store.Tx) error {
		return errors.Join(tx.PutRollout(t.Context(), done), tx.PutRollout(t.Context(), running("r2", "meter", 0)))
	})
	newest, err := st.NewestRollouts(t.Context())
	if err != nil || len(newest) != 1 || newest[0].ID != "r2" {
		t.Errorf("newest: %v, %v", newest, err)
	}
	if runs, err := st.RunningRollout(t.Context(), "meter"); err != nil || runs.ID != "r2" {
		t.Errorf("running: %v, %v", runs, err)
	}
	if _, err := st.RunningRollout(t.Context(), "other"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("running of another model: %v", err)
	}
}

func TestAClockThatWasPutBackChangesNoOrder(t *testing.T) {
	st := open(t, "")
	add := func(id wire.RolloutID, second int) {
		s := running(id, "meter", second)
		s.Phase = rollout.Done
		update(t, st, func(tx *store.Tx) error { return tx.PutRollout(t.Context(), s) })
	}
	add("r1", 24*60*60)
	add("r2", 0)
	base, err := st.Baseline(t.Context(), "meter", "plant-7")
	if err != nil || base.ID != "r2" {
		t.Errorf("who joins is given %s, %v", base.ID, err)
	}
	var ids []wire.RolloutID
	err = st.Rollouts(t.Context(), 9, func(s rollout.State) { ids = append(ids, s.ID) })
	if err != nil || !slices.Equal(ids, []wire.RolloutID{"r2", "r1"}) {
		t.Errorf("rollouts %v, %v", ids, err)
	}
	for i := range int64(store.MaxEvents + 20) {
		at := now
		if i < store.MaxEvents {
			at = now.Add(24 * time.Hour)
		}
		update(t, st, func(tx *store.Tx) error {
			_, err := tx.AddEvent(t.Context(), cam, wire.Event{Seq: i + 1, At: at, Text: "t"}, at)
			return err
		})
	}
	list, err := st.Events(t.Context(), cam, 1)
	if err != nil || len(list) != 1 || list[0].Seq != store.MaxEvents+20 {
		t.Errorf("the newest event is %v, %v", list, err)
	}
}

func TestEventsAreKeptOnceAndBounded(t *testing.T) {
	st := open(t, "")
	add := func(seq int64, at time.Time) (isNew bool) {
		update(t, st, func(tx *store.Tx) (err error) {
			isNew, err = tx.AddEvent(t.Context(), cam, wire.Event{Seq: seq, At: at, Text: "hello"}, at)
			return err
		})
		return isNew
	}
	if !add(1, now) || add(1, now) {
		t.Error("the same event was new twice, or never")
	}
	if !add(1, now.Add(time.Hour)) {
		t.Error("the first event after the device was wiped was taken for an old one")
	}
	for i := range int64(store.MaxEvents + 5) {
		add(2+i, now.Add(2*time.Hour))
	}
	list, err := st.Events(t.Context(), cam, 10*store.MaxEvents)
	if err != nil || len(list) != store.MaxEvents || list[0].Seq != store.MaxEvents+6 {
		t.Errorf("%d events, newest %v, %v", len(list), list[0], err)
	}
}

func TestTheAuditLogGrowsInOrder(t *testing.T) {
	st := open(t, "")
	update(t, st, func(tx *store.Tx) error {
		return errors.Join(tx.Audit(t.Context(), now, "ada", "published a"), tx.Audit(t.Context(), now, "bob", "aborted b"))
	})
	log, err := st.AuditLog(t.Context(), 10)
	if err != nil || len(log) != 2 || log[0].Number != 2 || log[0].Who != "bob" || log[1].What != "published a" {
		t.Errorf("got %v, %v", log, err)
	}
}

func TestABundleIsPublishedOnce(t *testing.T) {
	st := open(t, "")
	b := store.Bundle{Name: "meter", Version: "1.0.0", Digest: bundle.DigestOf([]byte("x")), Published: now, By: "ada"}
	update(t, st, func(tx *store.Tx) error { return tx.AddBundle(t.Context(), b) })
	b.Digest = bundle.DigestOf([]byte("y"))
	err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.AddBundle(t.Context(), b) })
	if err == nil {
		t.Error("a version was published twice")
	}
	got, err := st.Bundle(t.Context(), "meter", "1.0.0")
	if err != nil || got.Digest != bundle.DigestOf([]byte("x")) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is not a database ", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "x.db") {
		t.Errorf("got %v", err)
	}
}

func running(id wire.RolloutID, model string, second int) rollout.State {
	return rollout.State{
		Plan:    rollout.Plan{ID: id, Model: model},
		Phase:   rollout.Running,
		Started: now.Add(time.Duration(second) * time.Second),
	}
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "fleet.db")
	}
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func update(t *testing.T, st *store.Store, do func(*store.Tx) error) {
	t.Helper()
	if err := st.Update(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}
