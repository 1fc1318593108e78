package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
)

// PutDelta takes the delta that makes one object of another, if registered
// bundles name both and the delta, applied while it arrives, makes the one of
// the other. created is false if there is one already, which then stays. who is
// for the audit log. ErrDeltaRefused leaves nothing behind; store.ErrNotFound says
// that a bundle names no such object.
func (r *Registry) PutDelta(ctx context.Context, target, base bundle.Digest, body io.Reader, who string, now time.Time) (size int64, created bool, err error) {
	both := []bundle.Digest{target, base}
	r.pins.add(both)
	defer r.pins.remove(both)
	pair, err := r.pair(ctx, target, base)
	if err != nil {
		return 0, false, err
	}
	if have, err := r.Delta(target, base); err == nil {
		return have.Size, false, have.Close()
	} else if !errors.Is(err, store.ErrNotFound) {
		return 0, false, err
	}
	if size, err = r.objects.writeDelta(pair, body); err != nil {
		return 0, false, fmt.Errorf("take delta of %s from %s: %w", target.Short(), base.Short(), err)
	}
	err = r.store.Update(ctx, func(tx *store.Tx) error {
		return tx.Audit(ctx, now, who, fmt.Sprintf("published a delta of %d bytes that makes %s of %s", size, target, base))
	})
	if err != nil {
		return 0, false, errors.Join(err, os.Remove(r.objects.deltaPath(target, base)))
	}
	return size, true, nil
}

// Delta opens the delta that makes target of base; store.ErrNotFound if there is none.
func (r *Registry) Delta(target, base bundle.Digest) (*File, error) {
	f, err := openFile(r.objects.deltaPath(target, base))
	if err != nil {
		return nil, fmt.Errorf("delta of %s from %s: %w", target, base, err)
	}
	return f, nil
}

// pair finds how long two objects are, by the manifests that name them.
func (r *Registry) pair(ctx context.Context, target, base bundle.Digest) (p delta.Pair, err error) {
	if target == base {
		return p, fmt.Errorf("%w: it is of %s from itself", ErrDeltaRefused, target)
	}
	sizes, err := r.sizes(ctx)
	if err != nil {
		return p, fmt.Errorf("look for the objects of a delta: %w", err)
	}
	for _, d := range []bundle.Digest{target, base} {
		if _, ok := sizes[d]; !ok {
			return p, fmt.Errorf("object %s of a published bundle: %w", d, store.ErrNotFound)
		}
	}
	return delta.Pair{Base: delta.Identity{Digest: base, Size: sizes[base]}, Target: delta.Identity{Digest: target, Size: sizes[target]}}, nil
}

// sizes are those of every object that a registered bundle names.
func (r *Registry) sizes(ctx context.Context) (map[bundle.Digest]int64, error) {
	rows, err := r.store.Bundles(ctx)
	if err != nil {
		return nil, err
	}
	return r.sizesOf(rows)
}

func (r *Registry) sizesOf(rows []store.Bundle) (map[bundle.Digest]int64, error) {
	sizes := map[bundle.Digest]int64{}
	for _, row := range rows {
		m, err := r.manifest(row.Digest)
		if err != nil {
			return nil, err
		}
		for _, f := range m.Objects() {
			sizes[f.Digest] = f.Size
		}
	}
	return sizes, nil
}

const deltasDir = "deltas"

func (o objects) deltaPath(target, base bundle.Digest) string {
	return filepath.Join(o.dir, deltasDir, target.Hex()[:2], target.Hex()+"-"+base.Hex())
}

// writeDelta keeps a delta that makes the target: it is applied to the base
// while it arrives, and what it makes is hashed and let go.
func (o objects) writeDelta(p delta.Pair, body io.Reader) (size int64, err error) {
	base, err := o.open(p.Base.Digest)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, base.Close()) }()
	in := &source{r: &longest{r: body, left: p.Target.Size - 1, whole: p.Target.Size}}
	err = keep(o.deltaPath(p.Target.Digest, p.Base.Digest), func(f io.Writer) error {
		sink := &counter{w: f}
		err := delta.Apply(base, io.TeeReader(in, sink), io.Discard, p)
		size = sink.n
		return explainDelta(err, in)
	})
	return size, err
}

// explainDelta tells a delta's fault from our disk's and the network's.
func explainDelta(err error, in *source) error {
	tooLong := new(tooLongError)
	switch {
	case err == nil, errors.As(err, new(*diskError)), errors.As(err, new(*fs.PathError)):
		return err
	case in.err != nil && !errors.As(in.err, tooLong):
		return fmt.Errorf("receive it: %w", in.err)
	}
	return fmt.Errorf("%w: %w", ErrDeltaRefused, err)
}

// longest ends a delta that is no shorter than what it makes.
type longest struct {
	r           io.Reader
	left, whole int64
}

// tooLongError is how many bytes a delta's target has.
type tooLongError int64

func (e tooLongError) Error() string {
	return fmt.Sprintf("it is no shorter than the %d bytes that it makes", int64(e))
}

func (l *longest) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLongError(l.whole)
	}
	return n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// sweepDeltas removes every delta of which no bundle needs both ends.
func (o objects) sweepDeltas(keep map[bundle.Digest]bool) (removed int, err error) {
	files, err := filepath.Glob(filepath.Join(o.dir, deltasDir, "*", "*"))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		to, from, _ := strings.Cut(filepath.Base(file), "-")
		target, targetErr := bundle.ParseDigest("sha256:" + to)
		base, baseErr := bundle.ParseDigest("sha256:" + from)
		if targetErr != nil || baseErr != nil || keep[target] && keep[base] {
			continue
		}
		if err := os.Remove(file); err != nil {
			return removed, fmt.Errorf("remove delta of %s from %s: %w", target, base, err)
		}
		removed++
	}
	return removed, nil
}
