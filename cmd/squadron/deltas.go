package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/squadron-edge/squadron/cmd/squadron/layout"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// publishedDelta is what a device that runs an older version fetches of a file.
type publishedDelta struct {
	Path       string `json:"path"`
	From       string `json:"from"` // version
	Bytes      int64  `json:"bytes"`
	WholeBytes int64  `json:"whole_bytes"`
	// NotPublished says why there is none, such as that it is as long as the file.
	NotPublished string `json:"not_published,omitempty"`
}

// Bounds on what deltas are made of.
const (
	maxBases     = 3       // versions before the published one, the newest first
	maxDeltaSize = 1 << 30 // bytes of a file: encoding holds it and its base in memory
)

// deltas makes those of one bundle, here: a controller does not know a model's
// layout.
type deltas struct {
	client *api.Client
	tell   io.Writer
	made   []publishedDelta
}

// publish makes a delta for each large file from each of the newest versions
// before. What the controller has already is not made again.
func (d *deltas) publish(ctx context.Context, file string, b api.Bundle) error {
	bases, err := d.bases(ctx, b)
	if err != nil || len(bases) == 0 {
		return err
	}
	m, objects, err := largeObjects(file)
	if err != nil {
		return err
	}
	done := map[[2]bundle.Digest]bool{}
	for _, base := range bases {
		for _, f := range m.Objects() {
			from, ok := m.Counterpart(f, base)
			if !ok || objects[f.Digest] == nil || done[[2]bundle.Digest{f.Digest, from.Digest}] {
				continue
			}
			done[[2]bundle.Digest{f.Digest, from.Digest}] = true
			if err := d.one(ctx, base.Version, from, f, objects[f.Digest]); err != nil {
				return fmt.Errorf("delta of %s from %s: %w", f.Path, base.Version, err)
			}
		}
	}
	return nil
}

// bases reads the manifests of the newest other versions of the model.
func (d *deltas) bases(ctx context.Context, b api.Bundle) (bases []*bundle.Manifest, err error) {
	all, err := d.client.Bundles(ctx)
	if err != nil {
		return nil, err
	}
	for _, other := range all {
		if other.Name != b.Name || other.Digest == b.Digest || len(bases) == maxBases {
			continue
		}
		envelope, err := d.client.Object(ctx, other.Digest, other.EnvelopeBytes)
		if err != nil {
			return nil, err
		}
		m, err := unjudged(envelope)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", other.Name, other.Version, err)
		}
		bases = append(bases, m)
	}
	return bases, nil
}

// unjudged reads an envelope of which only bytes that are checked by their
// digest are made.
func unjudged(envelope []byte) (*bundle.Manifest, error) {
	payload, err := trust.Unjudged(envelope)
	if err != nil {
		return nil, err
	}
	return bundle.ParseManifest(payload)
}

// largeObjects reads the files of a bundle that are worth a delta.
func largeObjects(file string) (m *bundle.Manifest, objects map[bundle.Digest][]byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	objects = map[bundle.Digest][]byte{}
	err = bundle.Read(f, func(envelope []byte) (*bundle.Manifest, error) {
		m, err = unjudged(envelope)
		return m, err
	}, func(f bundle.File, r io.Reader) error {
		if f.Size < delta.MinTarget || f.Size > maxDeltaSize {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		b, err := io.ReadAll(r)
		objects[f.Digest] = b
		return err
	})
	return m, objects, errors.Join(err, f.Close())
}

// one makes and sends one delta, if it is worth it.
func (d *deltas) one(ctx context.Context, version string, from, to bundle.File, target []byte) error {
	p := publishedDelta{Path: to.Path, From: version, WholeBytes: to.Size}
	size, there, err := d.client.HasDelta(ctx, to.Digest, from.Digest)
	if err != nil {
		return err
	}
	if there {
		p.Bytes = size
		d.add(p)
		return nil
	}
	if from.Size > maxDeltaSize {
		p.NotPublished = "the file before is too large to compare"
		d.add(p)
		return nil
	}
	base, err := d.client.Object(ctx, from.Digest, from.Size)
	if err != nil {
		return err
	}
	var encoded bytes.Buffer
	s, err := delta.Encode(&encoded, delta.File{Data: base, Regions: layout.Of(base)}, delta.File{Data: target, Regions: layout.Of(target)})
	if err != nil {
		return err
	}
	p.Bytes = s.Size
	if !s.Worthwhile() {
		p.NotPublished = "it saves too little"
	} else if _, _, err := d.client.PutDelta(ctx, to.Digest, from.Digest, &encoded); err != nil {
		return err
	}
	d.add(p)
	return nil
}

func (d *deltas) add(p publishedDelta) {
	d.made = append(d.made, p)
	fmt.Fprintln(d.tell, p)
}

func (p publishedDelta) String() string {
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	if p.NotPublished != "" {
		return fmt.Sprintf("%s: no delta from %s: %s", p.Path, p.From, p.NotPublished)
	}
	return fmt.Sprintf("%s: %.1f of %.1f MiB for devices that run %s", p.Path, mib(p.Bytes), mib(p.WholeBytes), p.From)
}
