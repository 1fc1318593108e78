package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
)

// fetchObjects brings what the manifest names and is not here.
func (u *updater) fetchObjects(ctx context.Context, m *model, a update.FetchObjects) update.Event {
	u.blame(m.name, "")
	manifest, err := u.store.Manifest(a.Order.Digest, readInstalled)
	if err != nil {
		return failed(a.Task, err)
	}
	h := haul{updater: u, model: m, manifest: manifest}
	h.findBase()
	for _, f := range manifest.Objects() {
		if err := h.object(ctx, f); err != nil {
			return u.notFetched(ctx, m.name, a.Task, err)
		}
	}
	m.spoiled = nil
	return update.ObjectsFetched{Task: a.Task, How: h.String()}
}

// bring leaves an object in the slot. One that is there is read once, so that a
// disk that changed it does not stop the update.
func (u *updater) bring(ctx context.Context, d bundle.Digest, size int64) error {
	if u.store.Whole(d, size) {
		return nil
	}
	if size == 0 {
		return u.store.Put(d, 0, bytes.NewReader(nil))
	}
	file, err := u.fetcher.Fetch(ctx, d, size)
	if err != nil {
		return err
	}
	return u.store.Adopt(d, size, file)
}

// haul is the objects of one version on their way: made of those of the active
// version where somebody has a delta for it, whole otherwise.
type haul struct {
	*updater
	model    *model
	manifest *bundle.Manifest
	base     *bundle.Manifest // of the active version; nil if there is none

	total, fetched int64    // bytes
	notes          []string // how the large files came
}

// findBase looks what the device has. What it cannot read it does not build on.
func (h *haul) findBase() {
	active, err := h.store.Active(h.model.name)
	if err == nil && active.IsZero() {
		return
	}
	if err == nil {
		h.base, err = h.store.Manifest(active.Envelope, readInstalled)
	}
	if err != nil {
		h.note(fmt.Sprintf("no delta, since the version that serves cannot be read: %v", err))
	}
}

// object leaves an object in the slot.
func (h *haul) object(ctx context.Context, f bundle.File) error {
	h.total += f.Size
	if h.store.Whole(f.Digest, f.Size) {
		return nil
	}
	if base, ok := h.counterpart(f); ok {
		n, err := h.derive(ctx, f, base)
		if err == nil {
			h.fetched += n
			h.note("delta from " + h.base.Version)
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		h.whole(f, err)
	}
	h.fetched += f.Size
	return h.bring(ctx, f.Digest, f.Size)
}

// counterpart is the object that a large one may be made of.
func (h *haul) counterpart(f bundle.File) (bundle.File, bool) {
	if h.base == nil || f.Size < delta.MinTarget {
		return bundle.File{}, false
	}
	return h.manifest.Counterpart(f, h.base)
}

// whole says why a file comes whole.
func (h *haul) whole(f bundle.File, why error) {
	if errors.Is(why, fetch.ErrNoDelta) {
		h.note(fmt.Sprintf("%s whole, without a delta from %s: %v", f.Path, h.base.Version, why))
		return
	}
	h.log.Warn("a delta was of no use; the whole file is fetched", "model", h.manifest.Name, "version", h.manifest.Version,
		"file", f.Path, "base", h.base.Version, "error", why)
	h.note(fmt.Sprintf("%s whole, since the delta from %s was of no use: %v", f.Path, h.base.Version, why))
}

func (h *haul) note(s string) {
	for _, n := range h.notes {
		if n == s {
			return
		}
	}
	h.notes = append(h.notes, s)
}

// String is "4.2 of 10.6 MiB (delta from 1.0.0)".
func (h *haul) String() string {
	s := fmt.Sprintf("%.1f of %.1f MiB", float64(h.fetched)/(1<<20), float64(h.total)/(1<<20))
	if len(h.notes) > 0 {
		s += " (" + strings.Join(h.notes, "; ") + ")"
	}
	return s
}

// derive makes an object of another one and a delta, and returns how long the
// delta was. What began as a whole file goes on as one, and a delta that proved
// bad is not fetched for this order again.
func (h *haul) derive(ctx context.Context, f, base bundle.File) (int64, error) {
	if why := h.model.spoiled[f.Digest]; why != nil {
		return 0, why
	}
	if h.fetcher.Arrived(f.Digest) > 0 {
		return 0, fmt.Errorf("%w that is needed: a part of the file is here", fetch.ErrNoDelta)
	}
	if !h.store.Has(base.Digest, base.Size) {
		return 0, fmt.Errorf("the disk lost %s of the version that serves", base.Path)
	}
	if err := h.store.Room(2 * f.Size); err != nil {
		return 0, fmt.Errorf("both together: %w", err)
	}
	d, err := h.fetcher.FetchDelta(ctx, f.Digest, base.Digest, f.Size)
	if err != nil {
		return 0, err
	}
	if err := h.apply(ctx, f, base, d.File); err != nil {
		if ctx.Err() != nil {
			return 0, err // it stays for the next try
		}
		if h.model.spoiled == nil {
			h.model.spoiled = map[bundle.Digest]error{}
		}
		h.model.spoiled[f.Digest] = err
		return 0, errors.Join(err, h.fetcher.DropDelta(f.Digest, base.Digest))
	}
	return d.Size, h.fetcher.DropDelta(f.Digest, base.Digest)
}

// apply makes the object in its place. After a failure it says whether it was
// the base that the disk changed.
func (h *haul) apply(ctx context.Context, f, base bundle.File, file string) error {
	from, err := h.store.Open(base.Digest)
	if err != nil {
		return err
	}
	pair := delta.Pair{Base: delta.Identity{Digest: base.Digest, Size: base.Size}, Target: delta.Identity{Digest: f.Digest, Size: f.Size}}
	err = h.store.Make(f.Digest, func(out io.Writer) error {
		return applyFile(ctx, from, file, out, pair)
	})
	if err != nil && ctx.Err() == nil {
		if bad := delta.VerifyBase(from, pair.Base); bad != nil {
			err = bad
		}
	}
	return errors.Join(err, from.Close())
}

func applyFile(ctx context.Context, base io.ReaderAt, file string, out io.Writer, pair delta.Pair) error {
	d, err := os.Open(file)
	if err != nil {
		return err
	}
	return errors.Join(delta.Apply(base, cancellable{ctx, d}, out, pair), d.Close())
}

// cancellable ends a long reading with its context.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
