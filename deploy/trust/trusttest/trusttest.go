// Package trusttest is a fleet's TUF repository in memory, for tests: its
// owner's keys, its publishers' and its controller's are all at hand, so that a
// test can play each of them, and a thief of each.
//
//	r := trusttest.New(t)
//	r.Publish("ada", "meter-reader/2.0.0", "content", "")
//	target := r.MustFind(r.Device(), "meter-reader/2.0.0", "content")
package trusttest

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// Key makes the same key of the same number.
func Key(b byte) trust.PrivateKey {
	k, err := trust.Generate(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		panic(err)
	}
	return k
}

// today is when a repository begins.
var today = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// Kept is a client's folder in memory.
type Kept map[string][]byte

// Load implements trust.Files.
func (k Kept) Load(name string) ([]byte, error) { return k[name], nil }

// Save implements trust.Files.
func (k Kept) Save(name string, b []byte) error { k[name] = bytes.Clone(b); return nil }

// Home is what a publisher keeps, in memory.
type Home struct{ Kept []byte }

// Load gives what is kept.
func (h *Home) Load() ([]byte, error) { return bytes.Clone(h.Kept), nil }

// Save keeps something else.
func (h *Home) Save(b []byte) error { h.Kept = bytes.Clone(b); return nil }

// Repository is a whole TUF repository: its owner's keys, the publishers' and
// the controller's, and the files that a client can fetch.
type Repository struct {
	t        testing.TB
	Now      time.Time
	Root     trust.Root
	Targets  trust.Targets
	Roles    map[string]trust.Targets
	Files    map[string][]byte
	Requests []string

	RootKeys   []trust.PrivateKey // threshold 2
	TargetsKey trust.PrivateKey
	Online     trust.PrivateKey // snapshot, timestamp and orders
	Publishers map[string]trust.PrivateKey

	SnapshotVersion, TimestampVersion int64
}

// Lives of the repository's files.
const (
	Year = 365 * 24 * time.Hour
	Week = 7 * 24 * time.Hour
)

// New has one publisher, ada, who may publish meter-*, and began on the same day
// in every test.
func New(t testing.TB) *Repository { return At(t, today, "meter-*") }

// At begins at a time, for those whose clock a test cannot set; ada may publish
// the models of a pattern.
func At(t testing.TB, now time.Time, models trust.Pattern) *Repository {
	r := &Repository{
		t: t, Now: now, Root: trust.NewRoot(now.Add(5 * Year)), Targets: trust.NewTargets(now.Add(2 * Year)),
		Roles: map[string]trust.Targets{}, Files: map[string][]byte{}, Publishers: map[string]trust.PrivateKey{},
		RootKeys: []trust.PrivateKey{Key(1), Key(2), Key(3)}, TargetsKey: Key(4), Online: Key(5),
	}
	r.Must(r.Root.SetKeys(trust.RoleRoot, 2, r.RootKeys[0].Public(), r.RootKeys[1].Public(), r.RootKeys[2].Public()))
	r.Must(r.Root.SetKeys(trust.RoleTargets, 1, r.TargetsKey.Public()))
	r.Must(r.Root.SetKeys(trust.RoleSnapshot, 1, r.Online.Public()))
	r.Must(r.Root.SetKeys(trust.RoleTimestamp, 1, r.Online.Public()))
	r.SignRoot(r.RootKeys[0], r.RootKeys[1])
	r.Must(r.Targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{r.Online.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	r.Delegate("ada", Key(6), string(models)+"/*")
	r.SignTargets()
	r.Publish("ada", "meter-reader/1.0.0", "one", "")
	return r
}

// Must fails the test on an error.
func (r *Repository) Must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// Put makes a file one that clients can fetch.
func (r *Repository) Put(name string, b []byte, err error) []byte {
	r.t.Helper()
	r.Must(err)
	r.Files[name] = b
	return b
}

// SignRoot signs the root and puts it.
func (r *Repository) SignRoot(keys ...trust.PrivateKey) {
	r.t.Helper()
	for _, k := range keys {
		r.Must(r.Root.Sign(k))
	}
	b, err := r.Root.Encode()
	r.Put(strconv.FormatInt(r.Root.Version(), 10)+".root.json", b, err)
}

// Rotate makes the next root, changed, and signs it.
func (r *Repository) Rotate(change func(), keys ...trust.PrivateKey) {
	r.t.Helper()
	r.Root.Next(r.Now.Add(5 * Year))
	change()
	r.SignRoot(keys...)
}

// Delegate lets a role publish; whoever calls it signs targets.json.
func (r *Repository) Delegate(role string, key trust.PrivateKey, paths ...string) {
	r.t.Helper()
	r.Publishers[role] = key
	r.Must(r.Targets.Delegate(trust.Delegation{Role: role, Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: paths}))
	if _, ok := r.Roles[role]; !ok {
		r.Roles[role] = trust.NewTargets(r.Now.Add(Year))
		r.SignRole(role)
	}
}

// SignTargets signs targets.json and puts it.
func (r *Repository) SignTargets() {
	r.t.Helper()
	r.Must(r.Targets.Sign(r.TargetsKey))
	b, err := r.Targets.Encode()
	r.Put(strconv.FormatInt(r.Targets.Version(), 10)+".targets.json", b, err)
}

// SignRole signs a role with its publisher's key and puts it.
func (r *Repository) SignRole(role string) {
	r.t.Helper()
	r.Must(r.Roles[role].Sign(r.Publishers[role]))
	b, err := r.Roles[role].Encode()
	r.Put(strconv.FormatInt(r.Roles[role].Version(), 10)+"."+role+".json", b, err)
}

// Publish lets a role vouch for a file, and makes the repository consistent.
func (r *Repository) Publish(role, path, content, minimum string) {
	r.t.Helper()
	t := r.Roles[role]
	t.Next(r.Now.Add(Year))
	r.Must(t.Put(path, bundle.DigestOf([]byte(content)), int64(len(content)), minimum))
	r.SignRole(role)
	r.Release()
}

// Release writes the snapshot and the timestamp of what there is.
func (r *Repository) Release() {
	r.t.Helper()
	versions := map[string]int64{trust.RoleTargets: r.Targets.Version()}
	for role, t := range r.Roles {
		versions[role] = t.Version()
	}
	r.SnapshotVersion++
	b, err := trust.Snapshot(r.SnapshotVersion, versions, r.Now.Add(Week), r.Online)
	r.Put(strconv.FormatInt(r.SnapshotVersion, 10)+".snapshot.json", b, err)
	r.Stamp(b)
}

// Stamp writes a new timestamp of a snapshot.
func (r *Repository) Stamp(snapshot []byte) {
	r.t.Helper()
	r.TimestampVersion++
	b, err := trust.Timestamp(r.TimestampVersion, snapshot, r.Now.Add(Week), r.Online)
	r.Put("timestamp.json", b, err)
}

// Fetch is what a client can get.
func (r *Repository) Fetch(name string, max int64) ([]byte, error) {
	r.Requests = append(r.Requests, name)
	b, ok := r.Files[name]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", name, trust.ErrNoFile)
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("get %s: more than %d bytes", name, max)
	}
	return b, nil
}

// CopyFiles is the repository's state for an attacker to serve later.
func (r *Repository) CopyFiles() map[string][]byte { return maps.Clone(r.Files) }

// Device is a client that was given the first root.
func (r *Repository) Device() Kept {
	return Kept{"root.json": r.Files["1.root.json"]}
}

// Refresh is what a device does before it installs anything.
func (r *Repository) Refresh(k Kept) (*trust.Client, error) {
	r.Requests = nil
	c, err := trust.Open(k, r.Now)
	if err != nil {
		return nil, err
	}
	return c, c.Refresh(r.Fetch)
}

// Find refreshes and looks for a target.
func (r *Repository) Find(k Kept, path string) (trust.Target, error) {
	c, err := r.Refresh(k)
	if err != nil {
		return trust.Target{}, err
	}
	return c.Find(path)
}

// MustFind fails the test unless a client finds the target with this content.
func (r *Repository) MustFind(k Kept, path, content string) trust.Target {
	r.t.Helper()
	got, err := r.Find(k, path)
	r.Must(err)
	if err := got.Check(strings.NewReader(content)); err != nil {
		r.t.Fatal(err)
	}
	return got
}
