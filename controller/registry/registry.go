// Package registry is the bundles that were published here: their bytes on
// disk, each object under its digest, one row for each bundle, and the deltas
// that make an object of one bundle of another's.
//
// It owns the folder of objects and the judgement at the door: only what a
// publisher signed, to whom the fleet's owner delegates, comes in, and only whole. It refuses to
// unpack anything, and to change what is published: a version is one digest for
// as long as its bundle is here. Whether one may go is the fleet's decision.
//
// Objects are written before the row that makes them a bundle: into a temporary
// file beside their place, flushed, renamed, and the folder flushed. What an
// upload that fails has brought, and what a removed bundle leaves, is collected
// at once, or after a power cut at the next start, unless a registered bundle or
// another upload under way names it too. A delta is no signed thing: it comes in
// if it makes, of an object that is here, another that is here, and goes with
// either.
//
//	reg, err := registry.Open(ctx, dir, st, repo.Publishers, log)
//	row, created, err := reg.Publish(ctx, upload, "ada", now)
//	f, err := reg.Object(row.Digest)
package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// The ways in which somebody is turned away; each wraps one plain sentence.
var (
	// ErrRefused is a bundle that is damaged, unsigned, or not the publisher's to sign.
	ErrRefused = errors.New("bundle refused")
	// ErrConflict is a whole and trusted bundle of a version that has another digest.
	ErrConflict = errors.New("version taken")
	// ErrDeltaRefused is a delta that does not make its target of its base.
	ErrDeltaRefused = errors.New("delta refused")
)

// Registry is an open registry. Its methods may be called concurrently.
type Registry struct {
	objects    objects
	store      *store.Store
	publishers Publishers
	log        *slog.Logger
	pins       pins
}

// Publishers lists whose signatures count now.
type Publishers func(context.Context) (trust.Keys, error)

// Open makes the folder if there is none and removes what broken uploads left.
func Open(ctx context.Context, dir string, st *store.Store, publishers Publishers, log *slog.Logger) (*Registry, error) {
	o := objects{dir: dir}
	if err := o.prepare(); err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	r := &Registry{objects: o, store: st, publishers: publishers, log: log, pins: pins{count: map[bundle.Digest]int{}}}
	r.tidy(ctx)
	return r, nil
}

// tidy collects where nobody waits for the outcome: bytes that stay too long
// harm nobody, and the next collection takes them.
func (r *Registry) tidy(ctx context.Context) {
	removed, err := r.Collect(ctx)
	if err != nil {
		r.log.Warn("bytes that no bundle needs stay on the disk", "error", err)
		return
	}
	if removed > 0 {
		r.log.Info("what no bundle needs is removed", "files", removed)
	}
}

// Publish takes a bundle file. created is false if this very bundle was already
// here; who is for the audit log. ErrRefused and ErrConflict leave what is
// published as it was.
func (r *Registry) Publish(ctx context.Context, file io.Reader, who string, now time.Time) (b store.Bundle, created bool, err error) {
	u := upload{registry: r, now: now}
	defer func() { u.end(ctx, err != nil) }()
	source := &source{r: file}
	verify := func(envelope []byte) (*bundle.Manifest, error) { return u.verify(ctx, envelope) }
	if err := bundle.Read(source, verify, u.store); err != nil {
		return store.Bundle{}, false, u.explain(err, source)
	}
	if u.taken != nil {
		return store.Bundle{}, false, u.taken
	}
	if err := r.objects.write(u.row.Digest, bytes.NewReader(u.envelope)); err != nil {
		return store.Bundle{}, false, fmt.Errorf("publish %s %s: %w", u.row.Name, u.row.Version, err)
	}
	u.row.Published, u.row.By = now, who
	return r.register(ctx, u.row)
}

// register writes the row, unless the bundle has one.
func (r *Registry) register(ctx context.Context, b store.Bundle) (row store.Bundle, created bool, err error) {
	err = r.store.Update(ctx, func(tx *store.Tx) error {
		row, err = tx.Bundle(ctx, b.Name, b.Version)
		switch {
		case err == nil:
			return conflict(row, b.Digest)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		row, created = b, true
		what := fmt.Sprintf("published %s %s, %s, signed by key %s", b.Name, b.Version, b.Digest, b.KeyID)
		return errors.Join(tx.AddBundle(ctx, b), tx.Audit(ctx, b.Published, b.By, what))
	})
	if err != nil {
		return store.Bundle{}, false, err
	}
	return row, created, nil
}

// Object opens an envelope or another object for reading.
func (r *Registry) Object(d bundle.Digest) (*File, error) { return r.objects.open(d) }

func conflict(have store.Bundle, digest bundle.Digest) error {
	if have.Digest == digest {
		return nil
	}
	return fmt.Errorf("%w: %s published %s %s at %s as %s, and this is another bundle, %s; a version is never changed: pack this one as another version",
		ErrConflict, have.By, have.Name, have.Version, have.Published.Format("2006-01-02 15:04:05Z"), have.Digest.Short(), digest.Short())
}
