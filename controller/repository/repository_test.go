package repository_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

var today = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

const year = 365 * 24 * time.Hour

func keyOf(b byte) trust.PrivateKey {
	k, err := trust.Generate(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		panic(err)
	}
	return k
}

var rootKey, targetsKey, onlineKey, adaKey = keyOf(1), keyOf(2), keyOf(3), keyOf(4)

// owner is the fleet's owner with a trust folder.
type owner struct {
	t       testing.TB
	folder  fstest.MapFS
	root    trust.Root
	targets trust.Targets
}

func newOwner(t testing.TB) *owner {
	o := &owner{t: t, folder: fstest.MapFS{}, root: trust.NewRoot(today.Add(5 * year)), targets: trust.NewTargets(today.Add(2 * year))}
	o.must(o.root.SetKeys(trust.RoleRoot, 1, rootKey.Public()))
	o.must(o.root.SetKeys(trust.RoleTargets, 1, targetsKey.Public()))
	o.online(onlineKey)
	o.signRoot()
	o.must(o.targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{onlineKey.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	o.must(o.targets.Delegate(trust.Delegation{Role: "ada", Keys: []trust.PublicKey{adaKey.Public()}, Threshold: 1, Paths: []string{"meter-*/*"}}))
	o.signTargets()
	return o
}

func (o *owner) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *owner) online(k trust.PrivateKey) {
	o.must(o.root.SetKeys(trust.RoleSnapshot, 1, k.Public()))
	o.must(o.root.SetKeys(trust.RoleTimestamp, 1, k.Public()))
}

// orders lets a key order, and no other, with the next targets.
func (o *owner) orders(k trust.PrivateKey) {
	o.targets.Next(today.Add(2 * year))
	o.must(o.targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{k.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	o.signTargets()
}

func (o *owner) signRoot() []byte {
	o.must(o.root.Sign(rootKey))
	b, err := o.root.Encode()
	o.must(err)
	o.folder[fmt.Sprintf("%d.root.json", o.root.Version())] = &fstest.MapFile{Data: b}
	return b
}

func (o *owner) signTargets() []byte {
	o.must(o.targets.Sign(targetsKey))
	b, err := o.targets.Encode()
	o.must(err)
	o.folder["targets.json"] = &fstest.MapFile{Data: b}
	return b
}

func database(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func (o *owner) open(st *store.Store, key trust.PrivateKey, now time.Time) *repository.Repository {
	o.t.Helper()
	r, err := repository.Open(o.t.Context(), st, key, o.folder, now)
	o.must(err)
	return r
}

// role is version v of ada's, which vouches for each of the contents.
func role(t testing.TB, v int, key trust.PrivateKey, contents map[string]string) []byte {
	t.Helper()
	r := trust.NewTargets(today.Add(year))
	for range v - 1 {
		r.Next(today.Add(year))
	}
	for path, c := range contents {
		if err := r.Put(path, bundle.DigestOf([]byte(c)), int64(len(c)), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Sign(key); err != nil {
		t.Fatal(err)
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// device is a client over a repository.
type device map[string][]byte

func (d device) Load(name string) ([]byte, error) { return d[name], nil }
func (d device) Save(name string, b []byte) error { d[name] = b; return nil }

func (d device) find(ctx context.Context, r *repository.Repository, path string, now time.Time) (trust.Target, *trust.Client, error) {
	c, err := trust.Open(d, now)
	if err != nil {
		return trust.Target{}, nil, err
	}
	err = c.Refresh(func(name string, max int64) ([]byte, error) {
		b, err := r.File(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil, trust.ErrNoFile
		}
		return b, err
	})
	if err != nil {
		return trust.Target{}, nil, err
	}
	target, err := c.Find(path)
	return target, c, err
}

// second is the error of a change.
func second(_ int64, err error) error { return err }

func putRole(t testing.TB, r *repository.Repository, file []byte) {
	t.Helper()
	if _, err := r.PutRole(t.Context(), "ada", file, "ada", today); err != nil {
		t.Fatal(err)
	}
}

func TestADeviceFollowsWhatIsPublished(t *testing.T) {
	o, st := newOwner(t), database(t)
	r := o.open(st, onlineKey, today)
	d := device{"root.json": o.folder["1.root.json"].Data}
	if _, _, err := d.find(t.Context(), r, "meter-reader/1.0.0", today); err == nil {
		t.Error("a device found what nobody published")
	}
	putRole(t, r, role(t, 1, adaKey, map[string]string{"meter-reader/1.0.0": "one"}))
	target, c, err := d.find(t.Context(), r, "meter-reader/1.0.0", today)
	o.must(err)
	if target.Digest != bundle.DigestOf([]byte("one")) || target.Role != "ada" {
		t.Errorf("got %+v", target)
	}
	order, err := r.SignOrder([]byte("{}"))
	o.must(err)
	if _, _, err := c.Order(order, "plant-7", "cam-3"); err != nil {
		t.Error(err)
	}
	// A restart signs anew, and changes nothing else.
	again := o.open(st, onlineKey, today)
	for _, name := range []string{"1.root.json", "root.json", "targets.json", "ada.json", "1.ada.json"} {
		a, errA := r.File(t.Context(), name)
		b, errB := again.File(t.Context(), name)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %v, %v", name, errA, errB)
		}
	}
	_, _, err = d.find(t.Context(), again, "meter-reader/1.0.0", today)
	o.must(err)
}

// farAhead is a role of ada's with a version that leaves few to follow.
func farAhead(t *testing.T) []byte { return role(t, trust.MaxAhead+1, adaKey, nil) }

// unreadable is a role of ada's with a minimum that is no version, which package
// trust does not sign.
func unreadable(t *testing.T) []byte {
	t.Helper()
	m := metadata.Targets(today.Add(year))
	target, minimum := metadata.TargetFile(), json.RawMessage(`{"squadron": {"minimum_version": "newest"}}`)
	target.Hashes["sha256"], target.Custom = bytes.Repeat([]byte{1}, 32), &minimum
	m.Signed.Targets["meter-reader/1.0.0"] = target
	signer, err := signature.LoadED25519Signer(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{4}, 32)))
	if err == nil {
		_, err = m.Sign(signer)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.ToBytes(false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlyWhatADeviceWouldFollowComesIn(t *testing.T) {
	o, st := newOwner(t), database(t)
	r := o.open(st, onlineKey, today)
	first := role(t, 1, adaKey, map[string]string{"meter-reader/1.0.0": "one"})
	before, err := r.File(t.Context(), "timestamp.json")
	o.must(err)
	delegating := trust.NewTargets(today.Add(year))
	o.must(delegating.Delegate(trust.Delegation{Role: "eve", Keys: []trust.PublicKey{adaKey.Public()}, Threshold: 1, Paths: []string{"meter-*/*"}}))
	o.must(delegating.Sign(adaKey))
	further, err := delegating.Encode()
	o.must(err)
	for name, c := range map[string]struct {
		err  error
		kind error
		want string
	}{
		"a stranger's key":       {second(r.PutRole(t.Context(), "ada", role(t, 1, onlineKey, nil), "ada", today)), repository.ErrRefused, "ada"},
		"no such role":           {second(r.PutRole(t.Context(), "eve", first, "ada", today)), repository.ErrRefused, "no delegation found for eve"},
		"another's model":        {second(r.PutRole(t.Context(), "ada", role(t, 1, adaKey, map[string]string{"detector/1.0.0": "x"}), "ada", today)), repository.ErrRefused, "detector/1.0.0"},
		"a version far ahead":    {second(r.PutRole(t.Context(), "ada", farAhead(t), "ada", today)), repository.ErrRefused, "so many releases"},
		"expired":                {second(r.PutRole(t.Context(), "ada", first, "ada", today.Add(2*year))), repository.ErrRefused, "expired"},
		"no metadata":            {second(r.PutRole(t.Context(), "ada", []byte("<html>"), "ada", today)), repository.ErrRefused, "ada"},
		"a minimum that is none": {second(r.PutRole(t.Context(), "ada", unreadable(t), "ada", today)), repository.ErrRefused, "the minimum version of meter-reader/1.0.0"},
		"a role that delegates":  {second(r.PutRole(t.Context(), "ada", further, "ada", today)), repository.ErrRefused, "delegates no further"},
		"the same targets":       {second(r.PutTargets(t.Context(), o.folder["targets.json"].Data, "ada", today)), repository.ErrOutdated, "newest"},
		"a role as targets":      {second(r.PutTargets(t.Context(), first, "ada", today)), repository.ErrRefused, "targets.json"},
		"the same root":          {second(r.PutRoot(t.Context(), o.folder["1.root.json"].Data, "ada", today)), repository.ErrOutdated, "want 2"},
		"targets as root":        {second(r.PutRoot(t.Context(), o.folder["targets.json"].Data, "ada", today)), repository.ErrRefused, "root"},
	} {
		if !errors.Is(c.err, c.kind) || !strings.Contains(fmt.Sprint(c.err), c.want) {
			t.Errorf("%s: want %v with %q, got %v", name, c.kind, c.want, c.err)
		}
	}
	after, err := r.File(t.Context(), "timestamp.json")
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("what was refused changed the timestamp: %v", err)
	}
	putRole(t, r, first)
	if _, err := r.PutRole(t.Context(), "ada", first, "bob", today); !errors.Is(err, repository.ErrOutdated) {
		t.Errorf("a second publisher's version 1: got %v", err)
	}
}

// The owner replaces the online key while the controller is off, as after a theft.
func TestANewOnlineKeyTakesOver(t *testing.T) {
	o, st := newOwner(t), database(t)
	r := o.open(st, onlineKey, today)
	putRole(t, r, role(t, 1, adaKey, map[string]string{"meter-reader/1.0.0": "one"}))
	d := device{"root.json": o.folder["1.root.json"].Data}
	_, _, err := d.find(t.Context(), r, "meter-reader/1.0.0", today)
	o.must(err)

	fresh := keyOf(9)
	o.root.Next(today.Add(5 * year))
	o.online(fresh)
	next := o.signRoot()
	names := fmt.Sprintf("root 2 names the online key %s, and online_key_file has %s", fresh.ID().Short(), onlineKey.ID().Short())
	for _, want := range []string{names, "set online_key_file to that key and passphrase_file to what opens it, restart the controller, and then run squadron keys push"} {
		if _, err := r.PutRoot(t.Context(), next, "ada", today); !errors.Is(err, repository.ErrRefused) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("a controller took a root that it cannot sign under, or did not say %q: %v", want, err)
		}
	}
	if _, err := repository.Open(t.Context(), st, onlineKey, o.folder, today); !strings.Contains(fmt.Sprint(err), names) || !strings.Contains(fmt.Sprint(err), "then start the controller") {
		t.Errorf("a controller started with the old key: %v", err)
	}
	// Half of a rotation: the key may sign what is newest, and order nobody.
	if _, err := repository.Open(t.Context(), st, fresh, o.folder, today); err == nil || !strings.Contains(err.Error(), "order no device") {
		t.Errorf("a controller started with a key that devices take no orders of: %v", err)
	}
	o.orders(fresh)
	if _, err := r.PutTargets(t.Context(), o.folder["targets.json"].Data, "ada", today); err == nil || !strings.Contains(err.Error(), "order no device") {
		t.Errorf("a controller took a targets.json under which it cannot order: %v", err)
	}
	r = o.open(st, fresh, today)
	_, _, err = d.find(t.Context(), r, "meter-reader/1.0.0", today)
	o.must(err)
}

func TestTimestampsAreSignedAnewInTime(t *testing.T) {
	o, st := newOwner(t), database(t)
	r := o.open(st, onlineKey, today)
	putRole(t, r, role(t, 1, adaKey, map[string]string{"meter-reader/1.0.0": "one"}))
	d := device{"root.json": o.folder["1.root.json"].Data}
	for day := range 60 {
		now := today.Add(time.Duration(day) * 24 * time.Hour)
		o.must(r.Renew(t.Context(), now))
		if _, _, err := d.find(t.Context(), r, "meter-reader/1.0.0", now); err != nil {
			t.Fatalf("day %d: %v", day, err)
		}
	}
	// Old versions go, roots stay.
	files, err := st.MetadataFiles(t.Context())
	o.must(err)
	snapshots := slices.DeleteFunc(files, func(name string) bool { return !strings.HasSuffix(name, ".snapshot.json") })
	if len(snapshots) != 8 {
		t.Errorf("these snapshots are kept: %v", snapshots)
	}
	if _, err := r.File(t.Context(), "1.root.json"); err != nil {
		t.Error(err)
	}
	// After a long time off, the start itself signs.
	o.open(st, onlineKey, today.Add(200*24*time.Hour))
	if _, _, err := d.find(t.Context(), r, "meter-reader/1.0.0", today.Add(200*24*time.Hour)); err != nil {
		t.Error(err)
	}
}

func TestAControllerNeedsItsOwnersFolder(t *testing.T) {
	for name, folder := range map[string]fstest.MapFS{
		"no root":    {},
		"no targets": {"1.root.json": newOwner(t).folder["1.root.json"]},
		"a cut root": {"1.root.json": &fstest.MapFile{Data: []byte("{")}},
	} {
		if _, err := repository.Open(t.Context(), database(t), onlineKey, folder, today); err == nil {
			t.Errorf("%s: it opened", name)
		}
	}
}
