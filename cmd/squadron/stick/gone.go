package stick

import (
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// takeOff removes the orders of devices that are not among the known ones of their
// site, which such a device would carry out if it met the stick, and returns whose
// they were. What is no order of this fleet is left as it is.
func (s Stick) takeOff(client *trust.Client) (gone []string, err error) {
	for _, site := range slices.Sorted(maps.Keys(s.Known)) {
		dir := path.Join(trust.OrdersRole, string(site))
		if err := s.to.enter(dir); err != nil {
			return gone, err
		}
		entries, err := fs.ReadDir(s.to.FS(), dir)
		if err != nil {
			return gone, err
		}
		for _, e := range entries {
			d := wire.Device{Site: site, ID: wire.DeviceID(e.Name())}
			if slices.Contains(s.Known[site], d.ID) || !s.holdsOrder(client, d) {
				continue
			}
			if err := s.to.Remove(path.Join(dir, e.Name())); err != nil {
				return gone, err
			}
			gone = append(gone, d.String())
		}
		if err := s.to.syncDir(dir); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// holdsOrder reports whether the stick has an order that this fleet gave a device.
func (s Stick) holdsOrder(client *trust.Client, d wire.Device) bool {
	if d.Validate() != nil {
		return false
	}
	envelope, err := s.to.read(trust.OrderPath(string(d.Site), string(d.ID)), wire.MaxEnvelope)
	if err != nil {
		return false
	}
	payload, _, err := client.Order(envelope, string(d.Site), string(d.ID))
	if err != nil {
		return false
	}
	order, err := wire.Decode[wire.Desired](payload)
	return err == nil && order.Site == d.Site && order.Device == d.ID
}
