// Package repository keeps the fleet's TUF repository: the signed files by which
// devices judge what may run on them and who may order it.
//
// It owns what comes in (only what a client would follow to), the snapshot and
// the timestamp that make it one consistent whole, and the online key that signs
// those two and the orders. It refuses to hold any other key: what may run is
// signed by publishers, and who they are by the fleet's owner, on machines of
// their own.
//
// Vocabulary: root.json and targets.json are the owner's (package trust); a
// publisher's role is a file that vouches for versions of models; the online
// key is the one that a thief of this machine gets. With it he can hold devices
// back and order what publishers vouch for, and no more, until the owner's next
// root names another.
//
// The snapshot and the timestamp have the time in milliseconds for a version, or one
// more than the last, so that they do not fall when a database is put back.
//
// Every change is one transaction of the store: a role's new version, the
// snapshot that names it and the timestamp that names the snapshot. A file of a
// past version stays for clients that are between two requests.
//
//	repo, err := repository.Open(ctx, st, key, os.DirFS("trust"), now)
//	version, err := repo.PutRole(ctx, "ada", file, "ada", now)
//	b, err := repo.File(ctx, "timestamp.json")
//	order, err := repo.SignOrder(payload)
package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// How long what the online key signs is believed. A device that hears nothing
// for longer installs nothing, and goes on serving; a controller signs anew
// when half of the time has passed.
const (
	timestampLife = 7 * 24 * time.Hour
	snapshotLife  = 30 * 24 * time.Hour
)

// oldVersions of a role stay for clients that are between two requests.
const oldVersions = 8

// What is wrong with a file that is offered; each wraps one plain sentence.
var (
	// ErrRefused is a file that no client would believe.
	ErrRefused = errors.New("metadata refused")
	// ErrOutdated is a file that does not follow on the newest: somebody else was quicker.
	ErrOutdated = errors.New("metadata outdated")
)

// Repository is an open repository. Its methods may be called concurrently.
type Repository struct {
	store *store.Store
	key   trust.PrivateKey
}

// Open takes over the owner's newer files from owner, a folder with
// {N}.root.json and targets.json, and signs anew: the database may be an older
// copy, of which devices have seen what followed. It fails if the newest
// root does not name the online key, or the newest targets does not let it order.
func Open(ctx context.Context, st *store.Store, key trust.PrivateKey, owner fs.FS, now time.Time) (*Repository, error) {
	r := &Repository{store: st, key: key}
	err := st.Update(ctx, func(tx *store.Tx) error {
		s, err := load(ctx, tx.View)
		if err != nil {
			return err
		}
		if err := s.takeOver(owner, now); err != nil {
			return err
		}
		if err := s.admits(key, beforeStart); err != nil {
			return err
		}
		return s.save(ctx, tx, key, now)
	})
	if err != nil {
		return nil, fmt.Errorf("open the fleet's trust: %w", err)
	}
	return r, nil
}

// File reads a file by the name under which clients ask for it.
func (r *Repository) File(ctx context.Context, name string) ([]byte, error) {
	return r.store.Metadata(ctx, name)
}

// PutRoot takes the next root, and returns its version. The online key must be
// in it: a controller cannot take part in its own replacement while it runs.
// who is for the audit log.
func (r *Repository) PutRoot(ctx context.Context, file []byte, who string, now time.Time) (version int64, err error) {
	return r.put(ctx, trust.RoleRoot, who, now, func(s *state) (int64, error) {
		if err := s.putRoot(file); err != nil {
			return 0, err
		}
		return s.root.Version(), s.admits(r.key, beforePush)
	})
}

// PutTargets takes a new targets.json, which lets the online key order as before.
func (r *Repository) PutTargets(ctx context.Context, file []byte, who string, now time.Time) (version int64, err error) {
	return r.put(ctx, trust.RoleTargets, who, now, func(s *state) (int64, error) {
		if err := s.putTargets(file, now); err != nil {
			return 0, err
		}
		return s.targets.Version(), s.admits(r.key, beforePush)
	})
}

// PutRole takes the next version of a publisher's role.
func (r *Repository) PutRole(ctx context.Context, role string, file []byte, who string, now time.Time) (version int64, err error) {
	return r.put(ctx, role, who, now, func(s *state) (int64, error) {
		if err := s.putRole(role, file, now); err != nil {
			return 0, err
		}
		return s.roles[role].Version(), nil
	})
}

// put makes a person's change, and has it in the audit log.
func (r *Repository) put(ctx context.Context, role, who string, now time.Time, do func(*state) (int64, error)) (version int64, err error) {
	err = r.store.Update(ctx, func(tx *store.Tx) error {
		s, err := load(ctx, tx.View)
		if err == nil {
			version, err = do(s)
		}
		if err != nil {
			return err
		}
		what := fmt.Sprintf("changed trust: version %d of %s", version, trust.FileName(role))
		return errors.Join(tx.Audit(ctx, now, who, what), s.save(ctx, tx, r.key, now))
	})
	return version, err
}

// Renew signs the timestamp and the snapshot anew if half of their life has
// passed. Whoever runs the controller calls it now and then.
func (r *Repository) Renew(ctx context.Context, now time.Time) error {
	s, err := load(ctx, r.store.View)
	if err != nil || !s.due(now) {
		return err
	}
	return r.store.Update(ctx, func(tx *store.Tx) error {
		s, err := load(ctx, tx.View)
		if err != nil {
			return err
		}
		return s.save(ctx, tx, r.key, now)
	})
}

// Publishers are those to whom the newest targets.json delegates.
func (r *Repository) Publishers(ctx context.Context) (trust.Keys, error) {
	s, err := load(ctx, r.store.View)
	if err != nil {
		return trust.Keys{}, err
	}
	return s.targets.Publishers(), nil
}

// RoleFor is the role that may vouch for a model's version, and that role's
// newest file, or none if it has vouched for nothing yet.
func (r *Repository) RoleFor(ctx context.Context, model, version string) (role string, file []byte, err error) {
	s, err := load(ctx, r.store.View)
	if err != nil {
		return "", nil, err
	}
	d, ok := s.targets.Covering(trust.TargetPath(model, version))
	if !ok {
		return "", nil, fmt.Errorf("%w: targets.json lets nobody publish %s: its owner runs squadron keys delegate", ErrRefused, model)
	}
	return d.Role, s.files[d.Role], nil
}

// SignOrder makes an order that devices believe.
func (r *Repository) SignOrder(payload []byte) ([]byte, error) {
	return trust.SignOrder(payload, r.key)
}

// sortedRoles lists the roles that have a file.
func (s *state) sortedRoles() []string {
	roles := make([]string, 0, len(s.roles))
	for role := range s.roles {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	return roles
}
