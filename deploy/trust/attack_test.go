package trust_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// The attacks of TUF specification §1.5.2 and of the project's threat model, one
// test each. In each of them mallory holds what she is said to hold, and the
// device goes on trusting exactly what it trusted before.

const version1, version2 = "meter-reader/1.0.0", "meter-reader/2.0.0"

// victim is a device that has seen the repository.
func victim(t *testing.T, r *repository) kept {
	t.Helper()
	k := r.device()
	r.mustFind(k, version1, "one")
	return k
}

// unharmed fails if the attack changed what the device keeps or can install.
func unharmed(t *testing.T, r *repository, honest map[string][]byte, k kept) {
	t.Helper()
	r.files = honest
	r.mustFind(k, version1, "one")
}

func TestArbitrarySoftware(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	honest := r.copyFiles()
	r.publishers["ada"] = mallory // who owns the server, and no key
	r.publish("ada", version2, "evil", "")
	_, err := r.find(k, version2)
	r.mustFail("a role signed by a stranger", err, "ada.json")
	r.files = honest
	r.publishers["ada"] = keyOf(6)
	r.roles["ada"].Remove(version2)
	r.release()
	r.publish("ada", "meter-reader/1.0.1", "fixed", "")
	r.mustFind(k, "meter-reader/1.0.1", "fixed")
}

// A timestamp, and so everything, from before what the device has seen.
func TestRollback(t *testing.T) {
	r := newRepository(t)
	old := r.copyFiles()
	r.publish("ada", version2, "two", "")
	k := r.device()
	r.mustFind(k, version2, "two")
	honest := r.copyFiles()
	r.files = old
	_, err := r.refresh(k)
	r.mustFail("an old timestamp", err, "timestamp.json")
	unharmed(t, r, honest, k)

	// Whoever has the online key can sign a newer timestamp over old targets;
	// the snapshot guards against it.
	r.snapshot, r.timestamp = 9, 9
	b, err := trust.Snapshot(10, map[string]int64{"targets": 1, "ada": 2}, r.now.Add(week), r.online)
	r.put("10.snapshot.json", b, err)
	r.stamp(b)
	_, err = r.refresh(k)
	r.mustFail("a new snapshot of old roles", err, "snapshot.json")
}

func TestIndefiniteFreeze(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	r.now = r.now.Add(week + time.Second) // and the server shows the same as ever
	_, err := r.refresh(k)
	if expired := new(trust.ExpiredError); !errors.As(err, &expired) || !strings.Contains(err.Error(), "clock") {
		t.Errorf("got %v", err)
	}
	// What the device has goes on being known.
	c, err := trust.Open(k, time.Time{})
	r.must(err)
	r.must(c.Refresh(nil))
	_, err = c.Find(version1)
	r.must(err)
}

// With the online key, mallory makes versions so high that no honest one is
// ever above them. A new online key, that the offline keys sign, heals it.
func TestFastForward(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	honest := r.timestamp
	r.timestamp = 1 << 50
	r.stamp(r.files[fmt.Sprintf("%d.snapshot.json", r.snapshot)])
	_, err := r.refresh(k)
	r.must(err)
	r.timestamp = honest
	r.release()
	_, err = r.refresh(k)
	r.mustFail("the honest timestamp", err, "timestamp.json")

	r.online = keyOf(50)
	r.rotate(func() {
		r.must(r.root.SetKeys(trust.RoleSnapshot, 1, r.online.Public()))
		r.must(r.root.SetKeys(trust.RoleTimestamp, 1, r.online.Public()))
	}, r.rootKeys[1], r.rootKeys[2])
	r.publish("ada", version2, "two", "")
	r.mustFind(k, version2, "two")
}

// Roles that never were together: a new ada.json under an old targets.json.
func TestMixAndMatch(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	r.publish("ada", version2, "two", "")
	honest := r.copyFiles()
	r.files["3.ada.json"] = r.files["2.ada.json"]
	_, err := r.find(k, version2)
	r.mustFail("another version of a role than the snapshot names", err, "ada.json")
	r.files = honest
	r.mustFind(k, version2, "two")
}

// Endless data: no file is read beyond its bound, and where the length is
// signed, not beyond that.
func TestEndlessData(t *testing.T) {
	r := newRepository(t)
	most := map[string]int64{}
	c, err := trust.Open(r.device(), r.now)
	r.must(err)
	r.must(c.Refresh(func(name string, max int64) ([]byte, error) {
		most[name] = max
		return r.fetch(name, max)
	}))
	if snapshot := int64(len(r.files["1.snapshot.json"])); most["1.snapshot.json"] != snapshot {
		t.Errorf("a snapshot of %d bytes was read to %d", snapshot, most["1.snapshot.json"])
	}
	for name, max := range most {
		if max <= 0 || max > trust.MaxTargets {
			t.Errorf("%s was read to %d bytes", name, max)
		}
	}
	// A transport that does not keep to the bound is not believed either.
	for name := range maps.Clone(r.files) {
		k := r.device()
		c, err := trust.Open(k, r.now)
		r.must(err)
		err = c.Refresh(func(asked string, max int64) ([]byte, error) {
			b, err := r.fetch(asked, max)
			if asked == name {
				b = append(bytes.Clone(b), bytes.Repeat([]byte(" "), int(max))...)
			}
			return b, err
		})
		if err == nil {
			_, err = c.Find(version1)
		}
		if fetched := name != "1.root.json" && name != "1.ada.json"; fetched && (err == nil || !strings.Contains(err.Error(), "more than the")) {
			t.Errorf("endless %s: got %v", name, err)
		}
	}
	target := r.mustFind(r.device(), version1, "one")
	body := &endless{}
	if err := target.Check(body); err == nil || body.read > 64<<10 {
		t.Errorf("an endless target was read for %d bytes: %v", body.read, err)
	}
}

type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) { e.read += len(b); return len(b), nil }

// Extraneous dependencies: a publisher vouches for somebody else's model.
func TestExtraneousDependencies(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	r.publish("ada", "detector/1.0.0", "evil", "")
	if _, err := r.find(k, "detector/1.0.0"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
	// Nor does a later role speak for a path that an earlier one covers.
	r.targets.Next(r.now.Add(year))
	r.delegate("mallory", mallory, "*/*")
	r.signTargets()
	r.publish("mallory", "meter-reader/6.6.6", "evil", "")
	if _, err := r.find(k, "meter-reader/6.6.6"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
}

// A whole other repository, validly signed by its own keys.
func TestWrongRepository(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	other := newRepository(t)
	other.rootKeys = []trust.PrivateKey{keyOf(31), keyOf(32), keyOf(33)}
	other.online, other.targetsKey = keyOf(35), keyOf(34)
	other.rotate(func() {
		other.must(other.root.SetKeys(trust.RoleRoot, 2, other.rootKeys[0].Public(), other.rootKeys[1].Public()))
		other.must(other.root.SetKeys(trust.RoleTargets, 1, other.targetsKey.Public()))
		other.must(other.root.SetKeys(trust.RoleSnapshot, 1, other.online.Public()))
		other.must(other.root.SetKeys(trust.RoleTimestamp, 1, other.online.Public()))
	}, other.rootKeys[0], other.rootKeys[1])
	other.signTargets()
	other.release()
	honest := r.copyFiles()
	r.files = other.files
	_, err := r.refresh(k)
	r.mustFail("another repository's root", err, "2.root.json")
	delete(r.files, "2.root.json")
	_, err = r.refresh(k)
	r.mustFail("another repository's timestamp", err, "timestamp.json")
	unharmed(t, r, honest, k)
}

// A mirror that changes, cuts or exchanges any one file.
func TestMaliciousMirror(t *testing.T) {
	r := newRepository(t)
	for name, b := range r.copyFiles() {
		if name == "1.root.json" || name == "1.ada.json" {
			continue // which nobody asks for
		}
		for lie, bad := range map[string][]byte{
			"a changed byte":      bytes.Replace(b, []byte("20"), []byte("21"), 1),
			"a cut file":          b[:len(b)/2],
			"an empty file":       {},
			"another file":        r.files["1.root.json"],
			"a duplicate key":     bytes.Replace(b, []byte(`"signed"`), []byte(`"signed": {}, "signed"`), 1),
			"a nested key twice":  bytes.Replace(b, []byte(`"version"`), []byte(`"version": 7, "version"`), 1),
			"a second document":   append(bytes.Clone(b), b...),
			"endless nesting":     bytes.Repeat([]byte("["), 1000),
			"signatures taken":    withoutSignatures(t, b),
			"a page of a gateway": []byte("<html>please log in</html>"),
		} {
			files := r.copyFiles()
			files[name] = bad
			honest := r.files
			r.files = files
			k := r.device()
			if _, err := r.find(k, version1); err == nil {
				t.Errorf("%s of %s was accepted", lie, name)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s of %s: not one sentence: %v", lie, name, err)
			}
			unharmed(t, r, honest, k)
		}
	}
}

func withoutSignatures(t *testing.T, b []byte) []byte {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	m["signatures"] = []byte("[]")
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The controller's online key alone vouches for nothing, and cannot make itself
// more than it is.
func TestStolenOnlineKey(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	honest := r.copyFiles()
	r.targetsKey = r.online
	r.targets.Next(r.now.Add(year))
	r.delegate("mallory", r.online, "meter-reader/*")
	r.signTargets()
	r.publish("mallory", version2, "evil", "")
	_, err := r.find(k, version2)
	r.mustFail("targets.json signed by the online key", err, "targets.json")

	delete(r.roles, "mallory")
	r.targets.Next(r.now.Add(year))
	r.must(r.targets.Undelegate("mallory"))

	r.rotate(func() { r.must(r.root.SetKeys(trust.RoleRoot, 1, r.online.Public())) }, r.online)
	_, err = r.refresh(k)
	r.mustFail("a root signed by the online key", err, "2.root.json")

	// What she could do is freeze the device. The owner's new online key ends it.
	r.files = maps.Clone(honest)
	r.online, r.targetsKey, r.root = keyOf(50), keyOf(4), newRepository(t).root
	r.rotate(func() {
		r.must(r.root.SetKeys(trust.RoleSnapshot, 1, r.online.Public()))
		r.must(r.root.SetKeys(trust.RoleTimestamp, 1, r.online.Public()))
	}, r.rootKeys[0], r.rootKeys[1])
	r.signTargets()
	r.publish("ada", version2, "two", "")
	r.mustFind(k, version2, "two")
}

// A publisher's stolen key can publish, until its delegation is taken away:
// then nothing of it can be installed, and what it vouched for is unknown.
func TestStolenPublisherKeyThenRevoked(t *testing.T) {
	r := newRepository(t)
	r.targets.Next(r.now.Add(year))
	r.delegate("bob", bob, "detector/*")
	r.signTargets()
	r.publish("bob", "detector/1.0.0", "evil", "")
	k := victim(t, r)
	r.mustFind(k, "detector/1.0.0", "evil")

	r.targets.Next(r.now.Add(year))
	r.must(r.targets.Undelegate("bob"))
	r.signTargets()
	r.release()
	if _, err := r.find(k, "detector/1.0.0"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("after the revocation: got %v", err)
	}
	r.publish("bob", "detector/1.0.1", "evil", "")
	if _, err := r.find(k, "detector/1.0.1"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("published after the revocation: got %v", err)
	}
	// A new key under the same role takes over what the role publishes.
	r.targets.Next(r.now.Add(year))
	r.publishers["bob"] = keyOf(60)
	r.must(r.targets.Delegate(trust.Delegation{Role: "bob", Keys: []trust.PublicKey{keyOf(60).Public()}, Threshold: 1, Paths: []string{"detector/*"}}))
	r.signTargets()
	r.release()
	_, err := r.find(k, "detector/1.0.0")
	r.mustFail("the role's old file", err, "bob.json")
	r.roles["bob"].Remove("detector/1.0.0")
	r.publish("bob", "detector/1.0.2", "good", "")
	r.mustFind(k, "detector/1.0.2", "good")
}

// One root key of three is not two.
func TestStolenRootKey(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	r.rotate(func() { r.must(r.root.SetKeys(trust.RoleTargets, 1, mallory.Public())) }, r.rootKeys[0])
	_, err := r.refresh(k)
	r.mustFail("a root of one signature", err, "2.root.json")

	// Nor is the same key under a second name, nor a signature there twice.
	b := bytes.Replace(r.files["2.root.json"], []byte(`"signatures": [`), []byte(`"signatures": [{"keyid":"`+string(r.rootKeys[1].ID())+`","sig":"00"},`), 1)
	r.files["2.root.json"] = b
	_, err = r.refresh(k)
	r.mustFail("a made-up second signature", err, "2.root.json")
}

// Keys of a root rotate from version to version, however far the device is
// behind; expired roots on the way lead on.
func TestKeyRotation(t *testing.T) {
	r := newRepository(t)
	k := victim(t, r)
	for i := range 20 {
		fresh := keyOf(byte(100 + i))
		before := r.rootKeys
		r.rootKeys = append(before[1:3:3], fresh)
		r.rotate(func() {
			r.must(r.root.SetKeys(trust.RoleRoot, 2, r.rootKeys[0].Public(), r.rootKeys[1].Public(), r.rootKeys[2].Public()))
		}, before[1], before[2])
	}
	r.now = r.now.Add(4 * year)
	r.targets.Next(r.now.Add(year))
	r.signTargets()
	r.publish("ada", version2, "two", "")
	r.mustFind(k, version2, "two")
	root, err := trust.ParseRoot(k["root.json"])
	r.must(err)
	if root.Version() != 21 {
		t.Errorf("the device trusts root %d", root.Version())
	}
}

func TestOrders(t *testing.T) {
	r := newRepository(t)
	c, err := r.refresh(r.device())
	r.must(err)
	payload := []byte(`{"site":"plant-7","device":"cam-3"}`)
	order := func(key trust.PrivateKey) []byte {
		e, err := trust.SignOrder(payload, key)
		r.must(err)
		return e
	}
	if got, err := c.Order(order(r.online), "plant-7", "cam-3"); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("got %q, %v", got, err)
	}
	manifest, err := trust.Sign(bundle.ManifestType, payload, r.online)
	r.must(err)
	for attack, c2 := range map[string]struct {
		envelope []byte
		want     string
	}{
		"forged by a stranger":                     {order(mallory), "no key"},
		"forged by a publisher":                    {order(keyOf(6)), "no key"},
		"forged by a root key":                     {order(r.rootKeys[0]), "no key"},
		"a stranger under the online key's id":     {change(t, order(mallory), func(e *envelope) { e.Signatures[0].KeyID = string(r.online.ID()) }), "no key"},
		"changed":                                  {change(t, order(r.online), func(e *envelope) { e.Payload[2] ^= 1 }), "no key"},
		"a manifest passed off as an order":        {manifest, "holds a"},
		"endless":                                  {append(order(r.online), bytes.Repeat([]byte(" "), 2<<20)...), "more than the"},
		"not an envelope":                          {[]byte("7"), "damaged"},
		"signed thrice by one key, with others":    {change(t, order(r.online), func(e *envelope) { e.Signatures = nil }), "0 signatures"},
		"a payload beside the one that was signed": {bytes.Replace(order(r.online), []byte("{"), []byte(`{"payload":"e30=",`), 1), "damaged"},
	} {
		_, err := c.Order(c2.envelope, "plant-7", "cam-3")
		r.mustFail(attack, err, c2.want)
	}

	// One key may be for one site alone, and two may have to agree.
	r.targets.Next(r.now.Add(year))
	r.must(r.targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{r.online.Public(), bob.Public()}, Threshold: 2, Paths: []string{"orders/plant-7/*"}}))
	r.signTargets()
	r.release()
	c, err = r.refresh(r.device())
	r.must(err)
	_, err = c.Order(order(r.online), "plant-7", "cam-3")
	r.mustFail("one of two keys", err, "no key")
	_, err = c.Order(order(r.online), "plant-8", "cam-3")
	r.mustFail("another site", err, "lets nobody order plant-8/cam-3")
	both := change(t, order(r.online), func(e *envelope) {
		var b envelope
		r.must(json.Unmarshal(order(bob), &b))
		e.Signatures = append(e.Signatures, b.Signatures...)
	})
	_, err = c.Order(both, "plant-7", "cam-3")
	r.must(err)
}

func TestRoleNamesAreNoPaths(t *testing.T) {
	r := newRepository(t)
	r.targets.Next(r.now.Add(year))
	for i, role := range []string{"?", "#", "/etc/passwd", "../up", "ü"} {
		key := keyOf(byte(70 + i))
		r.publishers[role] = key
		r.must(r.targets.Delegate(trust.Delegation{Role: role, Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: []string{fmt.Sprintf("odd-%d/*", i)}}))
	}
	r.signTargets()
	r.release()
	for i, want := range []string{"1.%3F.json", "1.%23.json", "1.%2Fetc%2Fpasswd.json", "1...%2Fup.json", "1.%C3%BC.json"} {
		role := []string{"?", "#", "/etc/passwd", "../up", "ü"}[i]
		file := trust.NewTargets(r.now.Add(year))
		r.must(file.Put(fmt.Sprintf("odd-%d/1.0.0", i), bundle.DigestOf([]byte("x")), 1, ""))
		r.must(file.Sign(r.publishers[role]))
		b, err := file.Encode()
		r.put(want, b, err)
		versions := map[string]int64{"targets": r.targets.Version(), "ada": r.roles["ada"].Version()}
		for _, role := range []string{"?", "#", "/etc/passwd", "../up", "ü"} {
			versions[role] = 1
		}
		r.snapshot++
		b, err = trust.Snapshot(r.snapshot, versions, r.now.Add(week), r.online)
		r.put(fmt.Sprintf("%d.snapshot.json", r.snapshot), b, err)
		r.stamp(b)
		k := r.device()
		r.mustFind(k, fmt.Sprintf("odd-%d/1.0.0", i), "x")
		for name := range k {
			if strings.ContainsAny(name, "/?#") {
				t.Errorf("role %q is kept as %q", role, name)
			}
		}
	}
}
