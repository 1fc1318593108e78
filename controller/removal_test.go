package controller_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestABundleIsRemovedOnceNothingNeedsIt(t *testing.T) {
	b := newBench(t)
	b.start()
	d := b.join("cam-1", wire.PhaseCommitted)
	for _, v := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		b.publish(v)
	}
	all := b.objects()
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	b.keeps("1.0.0", "runs on plant/cam-1")

	d.answer.Store("2.0.0", wire.PhaseDownloading)
	r := b.startRollout("2.0.0")
	b.keeps("2.0.0", "needed by rollout "+string(r.ID))
	b.keeps("1.0.0", "needed by rollout "+string(r.ID)) // the way back
	if _, err := b.client.Abort(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	b.await(r.ID, rollout.Aborted)
	b.await(b.startRollout("3.0.0").ID, rollout.Done)
	for _, v := range []string{"1.0.0", "2.0.0"} {
		if got, err := b.client.RemoveBundle(t.Context(), "meter", v); err != nil || got.Version != v {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if left := b.objects(); left != all-4 { // of each an envelope and a model; the pictures are shared
		t.Errorf("%d objects are left of %d", left, all)
	}
	_, err := b.client.RemoveBundle(t.Context(), "meter", "1.0.0")
	refused(t, err, http.StatusNotFound, "not published")
	audit, err := http.Get("http://" + b.c.HTTPAddr() + "/v1/audit")
	if err != nil {
		t.Fatal(err)
	}
	if text := readAll(t, audit); !strings.Contains(text, "removed meter 1.0.0") || !strings.Contains(text, "ada from") {
		t.Errorf("the audit log is %s", text)
	}
	b.publish("1.0.0") // the name is free again
}

// A device that joins is ordered to run a site's baseline, though none that is
// there runs it any more.
func TestABaselineIsNotRemoved(t *testing.T) {
	b := newBench(t)
	b.start()
	d := b.join("cam-1", wire.PhaseCommitted)
	for _, v := range []string{"1.0.0", "2.0.0"} {
		b.publish(v)
	}
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	d.answer.Store("2.0.0", wire.PhaseCommitted)
	r, err := b.client.StartRollout(t.Context(), api.StartRollout{
		Model: "meter", Version: "2.0.0", Waves: []string{"100%"}, Sites: []wire.SiteID{"plant"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.await(r.ID, rollout.Done)
	b.keeps("1.0.0", "a device that joins")
	b.await(b.startRollout("2.0.0").ID, rollout.Done)
	if _, err := b.client.RemoveBundle(t.Context(), "meter", "1.0.0"); err != nil {
		t.Error(err)
	}
}

// keeps holds that a bundle is not removed, and why.
func (b *bench) keeps(version, why string) {
	b.t.Helper()
	before := b.objects()
	_, err := b.client.RemoveBundle(b.t.Context(), "meter", version)
	refused(b.t, err, http.StatusConflict, why)
	if after := b.objects(); after != before {
		b.t.Errorf("%d objects of %d are left of what was kept", after, before)
	}
}

// objects counts the files of the registry.
func (b *bench) objects() int {
	b.t.Helper()
	list, err := filepath.Glob(filepath.Join(b.config().Dir, "objects", "sha256", "*", "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	return len(list)
}

func readAll(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}
