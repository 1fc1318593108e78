package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/wire"
)

const identityRecord = "device"

// identity is whose state folder it is. Orders, their generation and the events
// that nobody has acknowledged belong to one device of the fleet.
type identity struct {
	Site   wire.SiteID   `json:"site"`
	Device wire.DeviceID `json:"device"`
}

// claim makes the folder this device's, or refuses one that is another's: a
// copied disk image, or a name typed wrong.
func claim(store *slot.Store, dir string, d wire.Device, log *slog.Logger) error {
	mine := identity{d.Site, d.ID}
	var owner identity
	b, err := store.Record(identityRecord)
	if err == nil && b != nil {
		err = json.Unmarshal(b, &owner)
	}
	if err != nil || b == nil {
		// A note that the disk damaged, or does not take, must not keep the
		// device from serving.
		if b, err2 := json.Marshal(mine); err2 == nil {
			err = errors.Join(err, store.SaveRecord(identityRecord, b))
		}
		if err != nil {
			log.Error("note whose state folder it is", "folder", dir, "error", err)
		}
		return nil
	}
	if owner != mine {
		return fmt.Errorf("state folder %s belongs to %s/%s, and this device is %s: give it a folder of its own, or, if it was renamed, remove %s to keep its models",
			dir, owner.Site, owner.Device, d, filepath.Join(dir, slot.RecordFile(identityRecord)))
	}
	return nil
}
