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
// file beside their place, flushed, renamed, and the folder flushed. One that is
// there is read first, and replaced if the disk has damaged it: publishing a bundle
// again mends it. What an upload that fails has brought, and what a removed bundle leaves, is collected
// at once, unless a registered bundle or another upload under way names it too.
// What a power cut leaves is collected by a start that finds it 30 days old: a
// younger object may belong to a bundle that a database put back from a backup
// does not know. Beside a database that was lost nothing is collected, and the
// registry does not open.
// A delta is no signed thing: it comes in if it makes, of an object that is
// here, another that is here, and goes with either.
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
	"io/fs"
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

// keepUnnamed is how old an object that no bundle names must be for a start to
// remove it: older than the backup that anybody would put back.
const keepUnnamed = 30 * 24 * time.Hour

// Open makes the folder if there is none and removes what broken uploads left.
func Open(ctx context.Context, dir string, st *store.Store, publishers Publishers, log *slog.Logger) (*Registry, error) {
	o := objects{dir: dir}
	if err := o.prepare(); err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	r := &Registry{objects: o, store: st, publishers: publishers, log: log, pins: pins{count: map[bundle.Digest]int{}}}
	rows, err := r.recognise(ctx)
	if err != nil {
		return nil, err
	}
	if rows > 0 {
		old := time.Now().Add(-keepUnnamed)
		r.tidy(ctx, func(_ bundle.Digest, info fs.FileInfo) bool { return info.ModTime().Before(old) })
	}
	return r, nil
}

// recognise refuses objects that the database has never seen: it was lost, and
// to collect would be to lose them too.
func (r *Registry) recognise(ctx context.Context) (rows int, err error) {
	bundles, err := r.store.Bundles(ctx)
	if err != nil {
		return 0, err
	}
	known, err := r.store.KnowsObjects(ctx)
	if err != nil || known {
		return len(bundles), err
	}
	files, err := r.objects.list()
	if err != nil {
		return 0, err
	}
	if len(bundles) == 0 && len(files) > 0 {
		return 0, fmt.Errorf("open registry %s: it holds %d objects, and the database beside it has never heard of a bundle: put fleet.db back from a backup, without fleet.db-wal and fleet.db-shm, or, if this fleet shall begin anew, move the folder away",
			r.objects.dir, len(files))
	}
	return len(bundles), r.store.Update(ctx, func(tx *store.Tx) error { return tx.KnowObjects(ctx) })
}

// tidy collects where nobody waits for the outcome: bytes that stay too long
// harm nobody, and a later collection takes them.
func (r *Registry) tidy(ctx context.Context, may func(bundle.Digest, fs.FileInfo) bool) {
	removed, err := r.collect(ctx, may)
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
	if err := r.keep(u.row.Digest, bytes.NewReader(u.envelope)); err != nil {
		return store.Bundle{}, false, fmt.Errorf("publish %s %s: %w", u.row.Name, u.row.Version, err)
	}
	u.row.Published, u.row.By = now, who
	return r.register(ctx, u.row)
}

// keep writes an object, and tells of one that it had to mend.
func (r *Registry) keep(d bundle.Digest, from io.Reader) error {
	damage, err := r.objects.write(d, from)
	if damage != nil && err == nil {
		r.log.Warn("an object was damaged on the disk, and is replaced by what was published again: look after that disk", "object", d, "damage", damage)
	}
	return err
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
