// Package stick fills a folder with what a controller has for some devices, so
// that somebody can carry it to where no network leads.
//
// It owns what such a folder holds, and the order in which it is written: objects,
// then trust, then orders, so that a stick pulled out too early holds no order that
// it cannot fulfil; and which of the fleet's orders there have had their time. It refuses to sign anything, and to be believed: a device
// verifies all of it. It believes no stick either: what is not a plain file or folder
// there is not followed, but replaced or refused.
//
//	sha256/{hex}            objects, envelopes among them
//	tuf/{file}              the fleet's trust
//	orders/{site}/{device}  the device's signed order
//
//	s := stick.Stick{Dir: "/media/stick", From: client, Tell: fmt.Println}
//	filled, err := s.Fill(ctx, devices, time.Now())
package stick

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Stick is a folder and where its content comes from.
type Stick struct {
	Dir  string
	From Controller
	// Tell hears of each large file that is being copied.
	Tell func(sentence string)
	// Known are all devices of the sites that are exported whole: an order that the
	// stick has for any other device there is taken off.
	Known map[wire.SiteID][]wire.DeviceID

	to folder // Dir, while it is filled
}

// Controller is the part of api.Client that is needed.
type Controller interface {
	Desired(context.Context, wire.Device) ([]byte, error)
	Object(ctx context.Context, d bundle.Digest, size int64) ([]byte, error)
	CopyObject(ctx context.Context, d bundle.Digest, size int64, to io.Writer) error
	Metadata(ctx context.Context, name string) ([]byte, error)
}

// Filled is what lies on the stick now.
type Filled struct {
	Dir     string    `json:"folder"`
	Devices []string  `json:"devices"`
	Gone    []string  `json:"removed_orders,omitempty"` // devices whose orders were taken off
	Models  []string  `json:"models"`                   // such as meter-reader@2.0.0
	Bytes   int64     `json:"bytes"`                    // of all objects
	Copied  int64     `json:"copied_bytes"`
	Until   time.Time `json:"believed_until"` // by the fleet's trust
}

// Fill writes what the devices were ordered to run. A device without an order is
// an error, since a stick without one is of no use there. Objects that the stick
// has are not brought again. What a device would not believe now is not written.
func (s Stick) Fill(ctx context.Context, devices []wire.Device, now time.Time) (filled Filled, err error) {
	if s.to, err = openFolder(s.Dir); err != nil {
		return filled, fmt.Errorf("export to %s: %w", s.Dir, err)
	}
	defer func() { err = errors.Join(err, s.to.Close()) }()
	return s.fill(ctx, devices, now)
}

func (s Stick) fill(ctx context.Context, devices []wire.Device, now time.Time) (Filled, error) {
	filled := Filled{Dir: s.Dir, Devices: []string{}, Models: []string{}}
	repository := repository{from: s.From, ctx: ctx, asked: map[string][]byte{}}
	client, err := repository.follow(now)
	if err != nil {
		return filled, fmt.Errorf("export the fleet's trust: %w", err)
	}
	orders, models, err := s.orders(ctx, client, devices)
	if err != nil {
		return filled, err
	}
	for _, m := range models {
		if err := s.bundle(ctx, client, m, &filled); err != nil {
			return filled, fmt.Errorf("export %s %s: %w", m.Name, m.Version, err)
		}
		filled.Models = append(filled.Models, m.Name+"@"+m.Version)
	}
	// By their names, the timestamp, with which a device begins, comes last.
	for _, name := range slices.Sorted(maps.Keys(repository.asked)) {
		if err := s.to.write("tuf/"+name, repository.asked[name]); err != nil {
			return filled, err
		}
	}
	filled.Until = client.Expires()
	for i, d := range devices {
		if err := s.to.write(trust.OrderPath(string(d.Site), string(d.ID)), orders[i]); err != nil {
			return filled, err
		}
		filled.Devices = append(filled.Devices, d.String())
	}
	filled.Gone, err = s.takeOff(client)
	return filled, err
}

// orders brings each device's signed order, and which models they name, each once.
func (s Stick) orders(ctx context.Context, client *trust.Client, devices []wire.Device) (orders [][]byte, models []wire.DesiredModel, err error) {
	seen := map[bundle.Digest]bool{}
	for _, d := range devices {
		envelope, err := s.From.Desired(ctx, d)
		if err == nil && envelope == nil {
			err = errors.New("nobody has ordered anything of it: squadron rollout start does")
		}
		var payload []byte
		if err == nil {
			payload, _, err = client.Order(envelope, string(d.Site), string(d.ID))
		}
		var order wire.Desired
		if err == nil {
			order, err = wire.Decode[wire.Desired](payload)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("export the order of %s: %w", d, err)
		}
		orders = append(orders, envelope)
		for _, m := range order.Models {
			if !seen[m.Digest] {
				models, seen[m.Digest] = append(models, m), true
			}
		}
	}
	return orders, models, nil
}

// bundle writes an envelope that a publisher vouches for, and the objects that it
// names.
func (s Stick) bundle(ctx context.Context, client *trust.Client, m wire.DesiredModel, filled *Filled) error {
	if _, err := client.Find(trust.TargetPath(m.Name, m.Version)); err != nil {
		return err
	}
	envelope, err := s.From.Object(ctx, m.Digest, m.Size)
	if err != nil {
		return err
	}
	payload, err := trust.Unjudged(envelope)
	if err != nil {
		return err
	}
	manifest, err := bundle.ParseManifest(payload)
	if err != nil {
		return err
	}
	files := append(manifest.Objects(), bundle.File{Path: "envelope.json", Digest: m.Digest, Size: m.Size})
	for _, f := range files {
		filled.Bytes += f.Size
		copied, err := s.object(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		filled.Copied += copied
	}
	return nil
}

// worthTelling is the size in bytes from which a file is told of.
const worthTelling = 64 << 10

// object copies an object, unless the stick has it to the last byte.
func (s Stick) object(ctx context.Context, f bundle.File) (copied int64, err error) {
	name := "sha256/" + f.Digest.Hex()
	if err := s.to.enter("sha256"); err != nil {
		return 0, err
	}
	if s.to.has(name, f) {
		return 0, nil
	}
	if f.Size >= worthTelling {
		s.Tell(fmt.Sprintf("copies %s, %.1f MiB", f.Path, float64(f.Size)/(1<<20)))
	}
	return f.Size, s.to.writeWith(name, func(w io.Writer) error { return s.From.CopyObject(ctx, f.Digest, f.Size, w) })
}
