package controller_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// A controller's folder is put back from a copy, and devices have seen what came
// after it: the timestamps, and a release. Once its publisher publishes again,
// they go on installing, the releases from before too.
func TestAFleetWhoseDatabaseIsPutBackGoesOnInstalling(t *testing.T) {
	b := newBench(t)
	state, backup := filepath.Join(b.dir, "state"), filepath.Join(b.dir, "backup")
	b.start()
	b.publish("1.0.0")
	b.stop()
	must(t, os.CopyFS(backup, os.DirFS(state)))
	b.start()
	device := b.pub.Owner.Device()
	b.publish("2.0.0")
	must(t, b.finds(device, "meter/2.0.0"))
	b.stop()

	must(t, os.RemoveAll(state))
	must(t, os.CopyFS(state, os.DirFS(backup)))
	b.start()
	if err := b.finds(device, "meter/1.0.0"); err == nil || !strings.Contains(err.Error(), "ada.json") {
		t.Errorf("the publisher has not published again, and the device says: %v", err)
	}
	row, _, err := b.client.Publish(t.Context(), bytes.NewReader(b.pub.Bundle(t, "meter", "2.0.0")))
	must(t, err)
	notes, err := b.client.Vouch(t.Context(), b.signer(), release(row), time.Now().UTC())
	must(t, err)
	if len(notes) != 1 || !strings.Contains(notes[0], "put back") {
		t.Errorf("the publisher was told %q", notes)
	}
	for _, path := range []string{"meter/1.0.0", "meter/2.0.0"} {
		must(t, b.finds(device, path))
	}
	b.publish("3.0.0")
	must(t, b.finds(device, "meter/3.0.0"))
}

// The copy has all that was published, and devices have only seen later times.
func TestAFleetWhoseDatabaseIsPutBackHasNothingToPublishAgain(t *testing.T) {
	b := newBench(t)
	state, backup := filepath.Join(b.dir, "state"), filepath.Join(b.dir, "backup")
	b.start()
	b.publish("1.0.0")
	b.stop()
	must(t, os.CopyFS(backup, os.DirFS(state)))
	device := b.pub.Owner.Device()
	for range 3 { // each start signs a newer timestamp
		b.start()
		must(t, b.finds(device, "meter/1.0.0"))
		b.stop()
	}
	must(t, os.RemoveAll(state))
	must(t, os.CopyFS(state, os.DirFS(backup)))
	b.start()
	must(t, b.finds(device, "meter/1.0.0"))
}

// finds follows the controller's repository as a device does.
func (b *bench) finds(device trusttest.Kept, path string) error {
	client, err := trust.Open(device, time.Now().UTC())
	if err != nil {
		return err
	}
	err = client.Refresh(func(name string, _ int64) ([]byte, error) {
		file, err := b.client.Metadata(b.t.Context(), name)
		if err == nil && file == nil {
			err = trust.ErrNoFile
		}
		return file, err
	})
	if err != nil {
		return err
	}
	_, err = client.Find(path)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
