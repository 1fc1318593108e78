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
	owner, noted, err := ownerOf(store)
	if err != nil || !noted {
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
	return owner.must(d, dir)
}

// CheckOwner refuses a state folder that is another device's. One that is not there
// yet, or whose note the disk damaged, is nobody's.
func CheckOwner(stateDir string, d wire.Device) error {
	var owner identity
	var noted bool
	err := inState(stateDir, func(s *slot.Store) (err error) {
		owner, noted, err = ownerOf(s)
		return err
	})
	if err != nil || !noted {
		return nil
	}
	return owner.must(d, stateDir)
}

func ownerOf(store *slot.Store) (owner identity, noted bool, err error) {
	b, err := store.Record(identityRecord)
	if err != nil || b == nil {
		return owner, false, err
	}
	return owner, true, json.Unmarshal(b, &owner)
}

// must refuses the folder of an owner to another device.
func (owner identity) must(be wire.Device, dir string) error {
	if owner == (identity{be.Site, be.ID}) {
		return nil
	}
	return fmt.Errorf("state folder %s belongs to %s/%s, and this device is %s: give it a folder of its own, or, if it was renamed, remove %s to keep its models",
		dir, owner.Site, owner.Device, be, filepath.Join(dir, slot.RecordFile(identityRecord)))
}
