package trust_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// kept is a client's folder in memory.
type kept map[string][]byte

func (k kept) Load(name string) ([]byte, error) { return k[name], nil }
func (k kept) Save(name string, b []byte) error { k[name] = bytes.Clone(b); return nil }

// repository is a whole TUF repository: its owner's keys, the publishers' and
// the controller's, and the files that a client can fetch.
type repository struct {
	t        testing.TB
	now      time.Time
	root     trust.Root
	targets  trust.Targets
	roles    map[string]trust.Targets
	files    map[string][]byte
	requests []string

	rootKeys   []trust.PrivateKey // threshold 2
	targetsKey trust.PrivateKey
	online     trust.PrivateKey // snapshot, timestamp and orders
	publishers map[string]trust.PrivateKey

	snapshot, timestamp int64 // versions
}

const (
	year = 365 * 24 * time.Hour
	week = 7 * 24 * time.Hour
)

// newRepository has one publisher, ada, who may publish meter-*.
func newRepository(t testing.TB) *repository {
	r := &repository{
		t: t, now: today, root: trust.NewRoot(today.Add(5 * year)), targets: trust.NewTargets(today.Add(2 * year)),
		roles: map[string]trust.Targets{}, files: map[string][]byte{}, publishers: map[string]trust.PrivateKey{},
		rootKeys: []trust.PrivateKey{keyOf(1), keyOf(2), keyOf(3)}, targetsKey: keyOf(4), online: keyOf(5),
	}
	r.must(r.root.SetKeys(trust.RoleRoot, 2, r.rootKeys[0].Public(), r.rootKeys[1].Public(), r.rootKeys[2].Public()))
	r.must(r.root.SetKeys(trust.RoleTargets, 1, r.targetsKey.Public()))
	r.must(r.root.SetKeys(trust.RoleSnapshot, 1, r.online.Public()))
	r.must(r.root.SetKeys(trust.RoleTimestamp, 1, r.online.Public()))
	r.signRoot(r.rootKeys[0], r.rootKeys[1])
	r.must(r.targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{r.online.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	r.delegate("ada", keyOf(6), "meter-*/*")
	r.signTargets()
	r.publish("ada", "meter-reader/1.0.0", "one", "")
	return r
}

func (r *repository) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) put(name string, b []byte, err error) []byte {
	r.t.Helper()
	r.must(err)
	r.files[name] = b
	return b
}

func (r *repository) signRoot(keys ...trust.PrivateKey) {
	r.t.Helper()
	for _, k := range keys {
		r.must(r.root.Sign(k))
	}
	b, err := r.root.Encode()
	r.put(strconv.FormatInt(r.root.Version(), 10)+".root.json", b, err)
}

// rotate makes the next root, changed, and signs it.
func (r *repository) rotate(change func(), keys ...trust.PrivateKey) {
	r.t.Helper()
	r.root.Next(r.now.Add(5 * year))
	change()
	r.signRoot(keys...)
}

func (r *repository) delegate(role string, key trust.PrivateKey, paths ...string) {
	r.t.Helper()
	r.publishers[role] = key
	r.must(r.targets.Delegate(trust.Delegation{Role: role, Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: paths}))
	if _, ok := r.roles[role]; !ok {
		r.roles[role] = trust.NewTargets(r.now.Add(year))
		r.signRole(role)
	}
}

func (r *repository) signTargets() {
	r.t.Helper()
	r.must(r.targets.Sign(r.targetsKey))
	b, err := r.targets.Encode()
	r.put(strconv.FormatInt(r.targets.Version(), 10)+".targets.json", b, err)
}

func (r *repository) signRole(role string) {
	r.t.Helper()
	r.must(r.roles[role].Sign(r.publishers[role]))
	b, err := r.roles[role].Encode()
	r.put(strconv.FormatInt(r.roles[role].Version(), 10)+"."+role+".json", b, err)
}

// publish lets a role vouch for a file, and makes the repository consistent.
func (r *repository) publish(role, path, content, minimum string) {
	r.t.Helper()
	t := r.roles[role]
	t.Next(r.now.Add(year))
	r.must(t.Put(path, bundle.DigestOf([]byte(content)), int64(len(content)), minimum))
	r.signRole(role)
	r.release()
}

// release writes the snapshot and the timestamp of what there is.
func (r *repository) release() {
	r.t.Helper()
	versions := map[string]int64{trust.RoleTargets: r.targets.Version()}
	for role, t := range r.roles {
		versions[role] = t.Version()
	}
	r.snapshot++
	b, err := trust.Snapshot(r.snapshot, versions, r.now.Add(week), r.online)
	r.put(strconv.FormatInt(r.snapshot, 10)+".snapshot.json", b, err)
	r.stamp(b)
}

// stamp writes a new timestamp of a snapshot.
func (r *repository) stamp(snapshot []byte) {
	r.t.Helper()
	r.timestamp++
	b, err := trust.Timestamp(r.timestamp, snapshot, r.now.Add(week), r.online)
	r.put("timestamp.json", b, err)
}

// fetch is what a client can get.
func (r *repository) fetch(name string, max int64) ([]byte, error) {
	r.requests = append(r.requests, name)
	b, ok := r.files[name]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", name, trust.ErrNoFile)
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("get %s: more than %d bytes", name, max)
	}
	return b, nil
}

// copyFiles is the repository's state for an attacker to serve later.
func (r *repository) copyFiles() map[string][]byte { return maps.Clone(r.files) }

// device is a client that was given the first root.
func (r *repository) device() kept {
	return kept{"root.json": r.files["1.root.json"]}
}

// refresh is what a device does before it installs anything.
func (r *repository) refresh(k kept) (*trust.Client, error) {
	r.requests = nil
	c, err := trust.Open(k, r.now)
	if err != nil {
		return nil, err
	}
	return c, c.Refresh(r.fetch)
}

// find refreshes and looks for a target.
func (r *repository) find(k kept, path string) (trust.Target, error) {
	c, err := r.refresh(k)
	if err != nil {
		return trust.Target{}, err
	}
	return c.Find(path)
}

func (r *repository) mustFind(k kept, path, content string) trust.Target {
	r.t.Helper()
	got, err := r.find(k, path)
	r.must(err)
	if err := got.Check(strings.NewReader(content)); err != nil {
		r.t.Fatal(err)
	}
	return got
}

func (r *repository) mustFail(what string, err error, want string) {
	r.t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		r.t.Errorf("%s: want an error with %q, got %v", what, want, err)
	}
}

func TestAClientFindsWhatAPublisherVouchesFor(t *testing.T) {
	r := newRepository(t)
	k := r.device()
	got := r.mustFind(k, "meter-reader/1.0.0", "one")
	if got.Role != "ada" || got.Digest != bundle.DigestOf([]byte("one")) || got.Length != 3 || len(got.Keys) != 1 {
		t.Errorf("got %+v", got)
	}
	want := []string{"2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json", "2.ada.json"}
	if fmt.Sprint(r.requests) != fmt.Sprint(want) {
		t.Errorf("asked for %v, want %v", r.requests, want)
	}
	// When nothing has changed, two small requests tell.
	r.mustFind(k, "meter-reader/1.0.0", "one")
	if want := []string{"2.root.json", "timestamp.json"}; fmt.Sprint(r.requests) != fmt.Sprint(want) {
		t.Errorf("asked for %v, want %v", r.requests, want)
	}
	if _, err := r.find(k, "meter-reader/9.0.0"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsKeptIsEnoughWithoutANetwork: also after it has expired, if nothing
// is to be installed by it.
func TestWhatIsKeptIsEnoughWithoutANetwork(t *testing.T) {
	r := newRepository(t)
	k := r.device()
	r.mustFind(k, "meter-reader/1.0.0", "one")
	for _, now := range []time.Time{r.now, {}} {
		c, err := trust.Open(k, now)
		r.must(err)
		r.must(c.Refresh(nil))
		if _, err := c.Find("meter-reader/1.0.0"); err != nil {
			t.Error(err)
		}
	}
	c, err := trust.Open(k, r.now.Add(year))
	r.must(err)
	expired := new(trust.ExpiredError)
	if err := c.Refresh(nil); !errors.As(err, &expired) {
		t.Errorf("a year later: got %v", err)
	}
}

func TestAMinimumHoldsForAllVersionsOfItsModel(t *testing.T) {
	r := newRepository(t)
	r.publish("ada", "meter-reader/2.0.0", "two", "1.5.0")
	r.publish("ada", "meter-reader/2.1.0-rc.1", "rc", "2.0.0-rc.2")
	r.publish("ada", "meter-dial/0.1.0", "dial", "0.1.0")
	c, err := r.refresh(r.device())
	r.must(err)
	for path, want := range map[string]string{"meter-reader/1.0.0": "2.0.0-rc.2", "meter-dial/0.1.0": "0.1.0"} {
		target, err := c.Find(path)
		r.must(err)
		if got, err := c.Minimum(target); got != want || err != nil {
			t.Errorf("minimum of %s: got %q, %v, want %q", path, got, err, want)
		}
	}
}
