package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// state is the newest of every file, as one transaction sees and changes it.
type state struct {
	root    trust.Root
	targets trust.Targets
	roles   map[string]trust.Targets
	// files are the newest, by role; fresh are those to be written, by the name
	// under which clients ask for them.
	files map[string][]byte
	fresh map[string][]byte

	hasRoot, hasTargets bool
	snapshot, timestamp trust.Signed // versions and expiries; zero if there is none
	named               map[string]int64
}

// load reads the newest files.
func load(ctx context.Context, v store.View) (*state, error) {
	s := &state{roles: map[string]trust.Targets{}, files: map[string][]byte{}, fresh: map[string][]byte{}}
	root, err := optional(v.Metadata(ctx, "root.json"))
	if err != nil || root == nil {
		return s, err
	}
	if s.root, err = trust.ParseRoot(root); err != nil {
		return nil, err
	}
	s.hasRoot = true
	targets, err := v.Metadata(ctx, "targets.json")
	if err != nil {
		return nil, err
	}
	if s.targets, err = trust.ParseTargets(targets); err != nil {
		return nil, err
	}
	s.hasTargets = true
	return s, s.loadOnline(ctx, v)
}

// loadOnline reads what the online key signed, and the roles that it names.
func (s *state) loadOnline(ctx context.Context, v store.View) error {
	timestamp, err := v.Metadata(ctx, "timestamp.json")
	if err != nil {
		return err
	}
	snapshot, err := v.Metadata(ctx, "snapshot.json")
	if err != nil {
		return err
	}
	if s.timestamp, _, err = trust.ReadOnline(timestamp); err != nil {
		return err
	}
	if s.snapshot, s.named, err = trust.ReadOnline(snapshot); err != nil {
		return err
	}
	for role := range s.named {
		if role == trust.RoleTargets {
			continue
		}
		if s.files[role], err = v.Metadata(ctx, trust.FileName(role)); err != nil {
			return err
		}
		if s.roles[role], err = trust.ParseTargets(s.files[role]); err != nil {
			return err
		}
	}
	return nil
}

// optional takes what is not there for nothing.
func optional(b []byte, err error) ([]byte, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// takeOver brings in the owner's files that are newer than what is here.
func (s *state) takeOver(owner fs.FS, now time.Time) error {
	next := int64(1)
	if s.hasRoot {
		next = s.root.Version() + 1
	}
	for ; ; next++ {
		name := trust.VersionedName(next, trust.RoleRoot)
		b, err := readOwners(owner, name, trust.MaxRoot)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err == nil {
			err = s.putRoot(b)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if !s.hasRoot {
		return errors.New("the trust folder has no 1.root.json: squadron keys init makes one")
	}
	b, err := readOwners(owner, "targets.json", trust.MaxTargets)
	if errors.Is(err, fs.ErrNotExist) && s.hasTargets {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := trust.ParseTargets(b)
	if err != nil {
		return fmt.Errorf("targets.json: %w", err)
	}
	if s.hasTargets && t.Version() <= s.targets.Version() {
		return nil
	}
	if err := s.putTargets(b, now); err != nil {
		return fmt.Errorf("targets.json: %w", err)
	}
	return nil
}

func readOwners(owner fs.FS, name string, max int64) (b []byte, err error) {
	f, err := owner.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err = io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s has more than %d bytes", name, max)
	}
	return b, err
}

// What is to be done where the owner's files name another online key: by whoever
// starts a controller, and by whoever pushes to one that runs.
const (
	beforeStart = "set online_key_file to the file of the key that is named (keys/online-N.key of the owner's folder), or, if the key that is there is the newer one, copy the owner's *.root.json and targets.json into the trust folder; then start the controller"
	beforePush  = "a controller cannot change its online key while it runs: copy the new key's file to its machine, and the owner's *.root.json and targets.json into its trust folder, set online_key_file to that key and passphrase_file to what opens it, restart the controller, and then run squadron keys push"
)

// admits fails, with what is to be done, unless the newest root lets the online
// key sign, and the newest targets lets it order.
func (s *state) admits(key trust.PrivateKey, toDo string) error {
	for _, role := range []string{trust.RoleSnapshot, trust.RoleTimestamp} {
		keys, threshold := s.root.Keys(role)
		in := slices.ContainsFunc(keys, func(k trust.PublicKey) bool { return k.ID() == key.ID() })
		if !in {
			return fmt.Errorf("%w: root %d names the online key %s, and online_key_file has %s: %s", ErrRefused, s.root.Version(), shortIDs(keys), key.ID().Short(), toDo)
		}
		if threshold != 1 {
			return fmt.Errorf("%w: root %d wants %d keys to sign %s, and a controller has one: its owner names one online key (squadron keys rotate online)", ErrRefused, s.root.Version(), threshold, role)
		}
	}
	if !s.mayOrder(key) {
		return fmt.Errorf("%w: targets.json %d lets the online key %s, which online_key_file has, order no device: %s; if no newer online key was made, its owner runs squadron keys rotate online, with the root and targets keys at hand", ErrRefused, s.targets.Version(), key.ID().Short(), toDo)
	}
	return nil
}

// shortIDs names keys for a person.
func shortIDs(keys []trust.PublicKey) string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID().Short()
	}
	return strings.Join(ids, " and ")
}

// mayOrder reports whether a key orders some devices, of one site perhaps.
func (s *state) mayOrder(key trust.PrivateKey) bool {
	return slices.ContainsFunc(s.targets.Delegations(), func(d trust.Delegation) bool {
		orders := slices.ContainsFunc(d.Paths, func(path string) bool { return strings.HasPrefix(path, trust.OrdersRole+"/") })
		in := slices.ContainsFunc(d.Keys, func(k trust.PublicKey) bool { return k.ID() == key.ID() })
		return orders && in && d.Threshold == 1
	})
}

func (s *state) putRoot(file []byte) error {
	next, err := trust.ParseRoot(file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	before := s.root
	if !s.hasRoot {
		before = next // the first one vouches for itself
	}
	switch {
	case !s.hasRoot && next.Version() != 1:
		return fmt.Errorf("%w: the first root has version %d, want 1", ErrRefused, next.Version())
	case !s.hasRoot:
		err = next.SignedByItself()
	case next.Version() != before.Version()+1:
		return fmt.Errorf("%w: root %d was offered, and root %d is the newest here: want %d", ErrOutdated, next.Version(), before.Version(), before.Version()+1)
	default:
		err = next.Follows(before)
	}
	if err != nil {
		return fmt.Errorf("%w: root %d: %w", ErrRefused, next.Version(), err)
	}
	s.root, s.hasRoot = next, true
	s.put(trust.RoleRoot, next.Version(), file)
	return nil
}

func (s *state) putTargets(file []byte, now time.Time) error {
	t, err := trust.ParseTargets(file)
	if err == nil {
		err = t.SignedBy(s.root)
	}
	if err == nil && now.After(t.Expires()) {
		err = fmt.Errorf("it expired on %s", t.Expires().Format(time.DateOnly))
	}
	if err != nil {
		return fmt.Errorf("%w: targets.json: %w", ErrRefused, err)
	}
	if s.hasTargets && t.Version() <= s.targets.Version() {
		return fmt.Errorf("%w: targets.json %d was offered, and %d is the newest here", ErrOutdated, t.Version(), s.targets.Version())
	}
	s.targets, s.hasTargets = t, true
	s.put(trust.RoleTargets, t.Version(), file)
	return nil
}

func (s *state) putRole(role string, file []byte, now time.Time) error {
	t, err := trust.ParseTargets(file)
	if err == nil {
		err = s.targets.SignedFor(role, t)
	}
	if err == nil && now.After(t.Expires()) {
		err = fmt.Errorf("it expired on %s", t.Expires().Format(time.DateOnly))
	}
	if err == nil && len(t.Delegations()) > 0 {
		err = errors.New("a publisher's role delegates no further")
	}
	if err == nil {
		_, err = t.Minimums() // what cannot be read, no device installs
	}
	if err == nil {
		err = s.covers(role, t)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrRefused, role, err)
	}
	if err := s.follows(role, t.Version()); err != nil {
		return err
	}
	s.roles[role] = t
	s.put(role, t.Version(), file)
	return nil
}

// follows refuses a version that is not above the newest. One that leaves some
// out is what a publisher puts back after an older database was.
func (s *state) follows(role string, version int64) error {
	before := s.named[role] // 0 if there is none
	if version <= before {
		return fmt.Errorf("%w: version %d of %s was offered, and %d is the newest here: fetch that, change it, and offer it again", ErrOutdated, version, role, before)
	}
	if version > before+trust.MaxAhead {
		return fmt.Errorf("%w: version %d of %s was offered, and %d is the newest here: so many releases there are not", ErrRefused, version, role, before)
	}
	return nil
}

// covers refuses a role that vouches for what it has no say in: no client would
// heed it, and its publisher should hear so.
func (s *state) covers(role string, t trust.Targets) error {
	for _, path := range t.Paths() {
		if d, ok := s.targets.Covering(path); !ok || d.Role != role {
			return fmt.Errorf("it vouches for %s, which targets.json does not delegate to it", path)
		}
	}
	return nil
}

// put has a file written under the names by which clients and publishers ask.
func (s *state) put(role string, version int64, file []byte) {
	s.files[role] = file
	s.fresh[trust.FileName(role)] = file
	s.fresh[trust.VersionedName(version, role)] = file
}

// due reports whether half of what the online key signed has passed.
func (s *state) due(now time.Time) bool {
	return now.After(s.timestamp.Expires.Add(-timestampLife/2)) || now.After(s.snapshot.Expires.Add(-snapshotLife/2))
}

// save signs a snapshot and a timestamp of what there is, and writes all that
// is new. Roles without a delegation leave the snapshot only with a new online
// key: a client takes a role that vanishes for an attack.
func (s *state) save(ctx context.Context, tx *store.Tx, key trust.PrivateKey, now time.Time) error {
	versions := map[string]int64{trust.RoleTargets: s.targets.Version()}
	for _, role := range s.sortedRoles() {
		versions[role] = s.roles[role].Version()
	}
	s.snapshot.Version = after(s.snapshot.Version, now)
	s.timestamp.Version = after(s.timestamp.Version, now)
	snapshot, err := trust.Snapshot(s.snapshot.Version, versions, now.Add(snapshotLife), key)
	if err != nil {
		return err
	}
	timestamp, err := trust.Timestamp(s.timestamp.Version, snapshot, now.Add(timestampLife), key)
	if err != nil {
		return err
	}
	s.put(trust.RoleSnapshot, s.snapshot.Version, snapshot)
	s.fresh["timestamp.json"] = timestamp
	for name, b := range s.fresh {
		if err := tx.PutMetadata(ctx, name, b); err != nil {
			return err
		}
	}
	return s.drop(ctx, tx)
}

// after is the version that follows on one of the online key's files: the time
// in milliseconds, so that it is above all that devices have seen even if the database
// is put back from an older copy.
func after(version int64, now time.Time) int64 { return max(version+1, now.UnixMilli()) }

// drop takes away the old versions of every role. Roots stay: clients follow
// them one by one.
func (s *state) drop(ctx context.Context, tx *store.Tx) error {
	files, err := tx.MetadataFiles(ctx)
	if err != nil {
		return err
	}
	for _, role := range append(s.sortedRoles(), trust.RoleTargets, trust.RoleSnapshot) {
		versions := versionsOf(role, files)
		for _, v := range versions[:max(0, len(versions)-oldVersions)] {
			if err := tx.DropMetadata(ctx, trust.VersionedName(v, role)); err != nil {
				return err
			}
		}
	}
	return nil
}

// versionsOf are those of a role, among files, in their order.
func versionsOf(role string, files []string) (versions []int64) {
	for _, name := range files {
		number, of, _ := strings.Cut(name, ".")
		v, err := strconv.ParseInt(number, 10, 64)
		if err == nil && of == trust.FileName(role) {
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	return versions
}
