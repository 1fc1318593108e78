package agent

import (
	"encoding/json"
	"fmt"
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
func claim(store *slot.Store, dir string, d wire.Device) error {
	b, err := store.Record(identityRecord)
	if err != nil {
		return err
	}
	mine := identity{d.Site, d.ID}
	if b == nil {
		if b, err = json.Marshal(mine); err != nil {
			return err
		}
		return store.SaveRecord(identityRecord, b)
	}
	var owner identity
	if err := json.Unmarshal(b, &owner); err != nil {
		return fmt.Errorf("read whose state folder %s is: %w", dir, err)
	}
	if owner != mine {
		return fmt.Errorf("state folder %s belongs to %s/%s, and this device is %s: give it a folder of its own, or, if it was renamed, remove %s to keep its models",
			dir, owner.Site, owner.Device, d, filepath.Join(dir, slot.RecordFile(identityRecord)))
	}
	return nil
}
