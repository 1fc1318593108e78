package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAStateFolderIsOneDevices: a disk image copied to a second board must not
// speak with the first one's events and generation.
func TestAStateFolderIsOneDevices(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	committed(t, f, f.config(dir)).end()
	other := f.config(dir)
	other.Device.ID = "cam-4"
	_, err := Open(other)
	if err == nil || !strings.Contains(err.Error(), "belongs to "+cam.String()) {
		t.Fatalf("got %v", err)
	}
	// What the sentence advises for a device that was renamed works.
	record := filepath.Join(dir, "records", "device.json")
	if !strings.Contains(err.Error(), "remove "+record) {
		t.Errorf("the sentence does not name the record: %v", err)
	}
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	start(t, other).awaitServing("1.0.0")
}
