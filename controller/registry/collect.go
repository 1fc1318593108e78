package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// pins are the objects that uploads under way rely on: those that they bring,
// and those that they found and passed over. Its lock is held while objects are
// collected, so that an upload looks for objects either before a collection,
// which then spares them, or after it.
type pins struct {
	mu    sync.Mutex
	count map[bundle.Digest]int
}

func (p *pins) add(list []bundle.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range list {
		p.count[d]++
	}
}

func (p *pins) remove(list []bundle.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range list {
		if p.count[d]--; p.count[d] == 0 {
			delete(p.count, d)
		}
	}
}

// Collect removes what a bundle leaves whose row is gone, and returns how many
// objects that were.
func (r *Registry) Collect(ctx context.Context, envelope bundle.Digest) (removed int, err error) {
	list, err := r.named(envelope)
	if err != nil {
		return 0, fmt.Errorf("collect objects: %w", err)
	}
	return r.collect(ctx, among(list))
}

// among allows the objects of a list.
func among(list []bundle.Digest) func(bundle.Digest, fs.FileInfo) bool {
	return func(d bundle.Digest, _ fs.FileInfo) bool { return slices.Contains(list, d) }
}

// collect removes those of the objects that may go which no registered bundle
// names and no upload under way relies on, and the deltas that make or need an
// object that nobody names. If it cannot tell what a registered bundle names, it
// removes nothing.
func (r *Registry) collect(ctx context.Context, may func(bundle.Digest, fs.FileInfo) bool) (removed int, err error) {
	r.pins.mu.Lock()
	defer r.pins.mu.Unlock()
	// Uploads are asked first: one that ends between is registered by then.
	keep := map[bundle.Digest]bool{}
	for d := range r.pins.count {
		keep[d] = true
	}
	rows, err := r.store.Bundles(ctx)
	if err != nil {
		return 0, fmt.Errorf("collect objects: %w", err)
	}
	for _, row := range rows {
		list, err := r.named(row.Digest)
		if err != nil {
			return 0, fmt.Errorf("collect objects: nothing is removed, since nobody can tell what %s %s consists of: %w", row.Name, row.Version, err)
		}
		for _, d := range list {
			keep[d] = true
		}
	}
	// A delta without its ends helps nobody: it goes before they do.
	deltas, err := r.objects.sweepDeltas(keep)
	if err != nil {
		return deltas, err
	}
	removed, err = r.objects.sweep(func(d bundle.Digest, info fs.FileInfo) bool { return !keep[d] && may(d, info) })
	return deltas + removed, err
}

// named lists what a registered bundle consists of: its envelope, and the
// objects of the manifest inside.
func (r *Registry) named(d bundle.Digest) ([]bundle.Digest, error) {
	m, err := r.manifest(d)
	if err != nil {
		return nil, err
	}
	return consistsOf(d, m), nil
}

// manifest reads what a registered bundle's envelope says. Its signature was
// checked when it was published, perhaps by a key that is trusted no more; its
// digest says that these are the same bytes.
func (r *Registry) manifest(d bundle.Digest) (*bundle.Manifest, error) {
	f, err := r.objects.open(d)
	if err != nil {
		return nil, err
	}
	envelope, err := io.ReadAll(io.LimitReader(f, bundle.MaxEnvelopeSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read envelope %s: %w", d, err)
	}
	if bundle.DigestOf(envelope) != d {
		return nil, fmt.Errorf("envelope %s was damaged on this disk", d)
	}
	var outer struct {
		Payload []byte `json:"payload"`
	}
	if err := json.Unmarshal(envelope, &outer); err != nil {
		return nil, fmt.Errorf("envelope %s: %w", d, err)
	}
	m, err := bundle.ParseManifest(outer.Payload)
	if err != nil {
		return nil, fmt.Errorf("envelope %s: %w", d, err)
	}
	return m, nil
}

// consistsOf lists an envelope and the objects of its manifest.
func consistsOf(envelope bundle.Digest, m *bundle.Manifest) []bundle.Digest {
	list := []bundle.Digest{envelope}
	for _, f := range m.Objects() {
		list = append(list, f.Digest)
	}
	return list
}

// list gives every object, and leaves out what is none.
func (o objects) list() ([]bundle.Digest, error) {
	files, err := filepath.Glob(filepath.Join(o.dir, "sha256", "*", "*"))
	if err != nil {
		return nil, err
	}
	var list []bundle.Digest
	for _, file := range files {
		if d, err := bundle.ParseDigest("sha256:" + filepath.Base(file)); err == nil && file == o.path(d) {
			list = append(list, d)
		}
	}
	return list, nil
}

// sweep removes the objects that shall go.
func (o objects) sweep(shall func(bundle.Digest, fs.FileInfo) bool) (removed int, err error) {
	list, err := o.list()
	if err != nil {
		return 0, err
	}
	for _, d := range list {
		info, err := os.Lstat(o.path(d))
		if err != nil {
			return removed, fmt.Errorf("look at object %s: %w", d, err)
		}
		if !shall(d, info) {
			continue
		}
		if err := os.Remove(o.path(d)); err != nil {
			return removed, fmt.Errorf("remove object %s: %w", d, err)
		}
		removed++
	}
	return removed, nil
}
