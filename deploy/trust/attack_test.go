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
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// The attacks of TUF specification §1.5.2 and of the project's threat model, one
// test each. In each of them mallory holds what she is said to hold, and the
// device goes on trusting exactly what it trusted before.

const version1, version2 = "meter-reader/1.0.0", "meter-reader/2.0.0"

// victim is a device that has seen the repository.
func victim(t *testing.T, r *trusttest.Repository) trusttest.Kept {
	t.Helper()
	k := r.Device()
	r.MustFind(k, version1, "one")
	return k
}

// unharmed fails if the attack changed what the device keeps or can install.
func unharmed(t *testing.T, r *trusttest.Repository, honest map[string][]byte, k trusttest.Kept) {
	t.Helper()
	r.Files = honest
	r.MustFind(k, version1, "one")
}

func TestAttackArbitrarySoftware(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	honest := r.CopyFiles()
	r.Publishers["ada"] = mallory // who owns the server, and no key
	r.Publish("ada", version2, "evil", "")
	_, err := r.Find(k, version2)
	mustFail(t, "a role signed by a stranger", err, "ada.json")
	r.Files = honest
	r.Publishers["ada"] = keyOf(6)
	r.Roles["ada"].Remove(version2)
	r.Release()
	r.Publish("ada", "meter-reader/1.0.1", "fixed", "")
	r.MustFind(k, "meter-reader/1.0.1", "fixed")
}

// A timestamp, and so everything, from before what the device has seen.
func TestAttackRollback(t *testing.T) {
	r := trusttest.New(t)
	old := r.CopyFiles()
	r.Publish("ada", version2, "two", "")
	k := r.Device()
	r.MustFind(k, version2, "two")
	honest := r.CopyFiles()
	r.Files = old
	_, err := r.Refresh(k)
	mustFail(t, "an old timestamp", err, "timestamp.json")
	unharmed(t, r, honest, k)

	// Whoever has the online key can sign a newer timestamp over old targets;
	// the snapshot guards against it.
	r.SnapshotVersion, r.TimestampVersion = 9, 9
	b, err := trust.Snapshot(10, map[string]int64{"targets": 1, "ada": 2}, r.Now.Add(trusttest.Week), r.Online)
	r.Put("10.snapshot.json", b, err)
	r.Stamp(b)
	_, err = r.Refresh(k)
	mustFail(t, "a new snapshot of old roles", err, "snapshot.json")
}

func TestAttackIndefiniteFreeze(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	r.Now = r.Now.Add(trusttest.Week + time.Second) // and the server shows the same as ever
	_, err := r.Refresh(k)
	if expired := new(trust.ExpiredError); !errors.As(err, &expired) || !strings.Contains(err.Error(), "clock") {
		t.Errorf("got %v", err)
	}
	// What the device has goes on being known.
	c, err := trust.Open(k, time.Time{})
	r.Must(err)
	r.Must(c.Refresh(nil))
	_, err = c.Find(version1)
	r.Must(err)
}

// With the online key, mallory makes versions so high that no honest one is
// ever above them. A new online key, that the offline keys sign, heals it.
func TestAttackFastForward(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	honest := r.TimestampVersion
	r.TimestampVersion = 1 << 50
	r.Stamp(r.Files[fmt.Sprintf("%d.snapshot.json", r.SnapshotVersion)])
	_, err := r.Refresh(k)
	r.Must(err)
	r.TimestampVersion = honest
	r.Release()
	_, err = r.Refresh(k)
	mustFail(t, "the honest timestamp", err, "timestamp.json")

	r.Online = keyOf(50)
	r.Rotate(func() {
		r.Must(r.Root.SetKeys(trust.RoleSnapshot, 1, r.Online.Public()))
		r.Must(r.Root.SetKeys(trust.RoleTimestamp, 1, r.Online.Public()))
	}, r.RootKeys[1], r.RootKeys[2])
	r.Publish("ada", version2, "two", "")
	r.MustFind(k, version2, "two")
}

// Roles that never were together: a new ada.json under an old targets.json.
func TestAttackMixAndMatch(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	r.Publish("ada", version2, "two", "")
	honest := r.CopyFiles()
	r.Files["3.ada.json"] = r.Files["2.ada.json"]
	_, err := r.Find(k, version2)
	mustFail(t, "another version of a role than the snapshot names", err, "ada.json")
	r.Files = honest
	r.MustFind(k, version2, "two")
}

// Endless data: no file is read beyond its bound, and where the length is
// signed, not beyond that.
func TestAttackEndlessData(t *testing.T) {
	r := trusttest.New(t)
	most := map[string]int64{}
	c, err := trust.Open(r.Device(), r.Now)
	r.Must(err)
	r.Must(c.Refresh(func(name string, max int64) ([]byte, error) {
		most[name] = max
		return r.Fetch(name, max)
	}))
	if snapshot := int64(len(r.Files["1.snapshot.json"])); most["1.snapshot.json"] != snapshot {
		t.Errorf("a snapshot of %d bytes was read to %d", snapshot, most["1.snapshot.json"])
	}
	for name, max := range most {
		if max <= 0 || max > trust.MaxTargets {
			t.Errorf("%s was read to %d bytes", name, max)
		}
	}
	// A transport that does not keep to the bound is not believed either.
	for name := range maps.Clone(r.Files) {
		k := r.Device()
		c, err := trust.Open(k, r.Now)
		r.Must(err)
		err = c.Refresh(func(asked string, max int64) ([]byte, error) {
			b, err := r.Fetch(asked, max)
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
	target := r.MustFind(r.Device(), version1, "one")
	body := &endless{}
	if err := target.Check(body); err == nil || body.read > 64<<10 {
		t.Errorf("an endless target was read for %d bytes: %v", body.read, err)
	}
}

type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) { e.read += len(b); return len(b), nil }

// Extraneous dependencies: a publisher vouches for somebody else's model.
func TestAttackExtraneousDependencies(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	r.Publish("ada", "detector/1.0.0", "evil", "")
	if _, err := r.Find(k, "detector/1.0.0"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
	// Nor does a later role speak for a path that an earlier one covers.
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Delegate("mallory", mallory, "*/*")
	r.SignTargets()
	r.Publish("mallory", "meter-reader/6.6.6", "evil", "")
	if _, err := r.Find(k, "meter-reader/6.6.6"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
}

// A whole other repository, validly signed by its own keys.
func TestAttackWrongRepository(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	other := trusttest.New(t)
	other.RootKeys = []trust.PrivateKey{keyOf(31), keyOf(32), keyOf(33)}
	other.Online, other.TargetsKey = keyOf(35), keyOf(34)
	other.Rotate(func() {
		other.Must(other.Root.SetKeys(trust.RoleRoot, 2, other.RootKeys[0].Public(), other.RootKeys[1].Public()))
		other.Must(other.Root.SetKeys(trust.RoleTargets, 1, other.TargetsKey.Public()))
		other.Must(other.Root.SetKeys(trust.RoleSnapshot, 1, other.Online.Public()))
		other.Must(other.Root.SetKeys(trust.RoleTimestamp, 1, other.Online.Public()))
	}, other.RootKeys[0], other.RootKeys[1])
	other.SignTargets()
	other.Release()
	honest := r.CopyFiles()
	r.Files = other.Files
	_, err := r.Refresh(k)
	mustFail(t, "another repository's root", err, "2.root.json")
	delete(r.Files, "2.root.json")
	_, err = r.Refresh(k)
	mustFail(t, "another repository's timestamp", err, "timestamp.json")
	unharmed(t, r, honest, k)
}

// A mirror that changes, cuts or exchanges any one file.
func TestAttackMaliciousMirror(t *testing.T) {
	r := trusttest.New(t)
	for name, b := range r.CopyFiles() {
		if name == "1.root.json" || name == "1.ada.json" {
			continue // which nobody asks for
		}
		for lie, bad := range map[string][]byte{
			"a changed byte":      bytes.Replace(b, []byte("20"), []byte("21"), 1),
			"a cut file":          b[:len(b)/2],
			"an empty file":       {},
			"another file":        r.Files["1.root.json"],
			"a duplicate key":     bytes.Replace(b, []byte(`"signed"`), []byte(`"signed": {}, "signed"`), 1),
			"a nested key twice":  bytes.Replace(b, []byte(`"version"`), []byte(`"version": 7, "version"`), 1),
			"a second document":   append(bytes.Clone(b), b...),
			"endless nesting":     bytes.Repeat([]byte("["), 1000),
			"signatures taken":    withoutSignatures(t, b),
			"a page of a gateway": []byte("<html>please log in</html>"),
		} {
			files := r.CopyFiles()
			files[name] = bad
			honest := r.Files
			r.Files = files
			k := r.Device()
			if _, err := r.Find(k, version1); err == nil {
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
func TestAttackStolenOnlineKey(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	honest := r.CopyFiles()
	r.TargetsKey = r.Online
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Delegate("mallory", r.Online, "meter-reader/*")
	r.SignTargets()
	r.Publish("mallory", version2, "evil", "")
	_, err := r.Find(k, version2)
	mustFail(t, "targets.json signed by the online key", err, "targets.json")

	delete(r.Roles, "mallory")
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Must(r.Targets.Undelegate("mallory"))

	r.Rotate(func() { r.Must(r.Root.SetKeys(trust.RoleRoot, 1, r.Online.Public())) }, r.Online)
	_, err = r.Refresh(k)
	mustFail(t, "a root signed by the online key", err, "2.root.json")

	// What she could do is freeze the device. The owner's new online key ends it.
	r.Files = maps.Clone(honest)
	r.Online, r.TargetsKey, r.Root = keyOf(50), keyOf(4), trusttest.New(t).Root
	r.Rotate(func() {
		r.Must(r.Root.SetKeys(trust.RoleSnapshot, 1, r.Online.Public()))
		r.Must(r.Root.SetKeys(trust.RoleTimestamp, 1, r.Online.Public()))
	}, r.RootKeys[0], r.RootKeys[1])
	r.SignTargets()
	r.Publish("ada", version2, "two", "")
	r.MustFind(k, version2, "two")
}

// A publisher's stolen key can publish, until its delegation is taken away:
// then nothing of it can be installed, and what it vouched for is unknown.
func TestAttackStolenPublisherKeyThenRevoked(t *testing.T) {
	r := trusttest.New(t)
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Delegate("bob", bob, "detector/*")
	r.SignTargets()
	r.Publish("bob", "detector/1.0.0", "evil", "")
	k := victim(t, r)
	r.MustFind(k, "detector/1.0.0", "evil")

	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Must(r.Targets.Undelegate("bob"))
	r.SignTargets()
	r.Release()
	if _, err := r.Find(k, "detector/1.0.0"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("after the revocation: got %v", err)
	}
	r.Publish("bob", "detector/1.0.1", "evil", "")
	if _, err := r.Find(k, "detector/1.0.1"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("published after the revocation: got %v", err)
	}
	// A new key under the same role takes over what the role publishes.
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Publishers["bob"] = keyOf(60)
	r.Must(r.Targets.Delegate(trust.Delegation{Role: "bob", Keys: []trust.PublicKey{keyOf(60).Public()}, Threshold: 1, Paths: []string{"detector/*"}}))
	r.SignTargets()
	r.Release()
	_, err := r.Find(k, "detector/1.0.0")
	mustFail(t, "the role's old file", err, "bob.json")
	r.Roles["bob"].Remove("detector/1.0.0")
	r.Publish("bob", "detector/1.0.2", "good", "")
	r.MustFind(k, "detector/1.0.2", "good")
}

// One root key of three is not two.
func TestAttackStolenRootKey(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	r.Rotate(func() { r.Must(r.Root.SetKeys(trust.RoleTargets, 1, mallory.Public())) }, r.RootKeys[0])
	_, err := r.Refresh(k)
	mustFail(t, "a root of one signature", err, "2.root.json")

	// Nor is the same key under a second name, nor a signature there twice.
	b := bytes.Replace(r.Files["2.root.json"], []byte(`"signatures": [`), []byte(`"signatures": [{"keyid":"`+string(r.RootKeys[1].ID())+`","sig":"00"},`), 1)
	r.Files["2.root.json"] = b
	_, err = r.Refresh(k)
	mustFail(t, "a made-up second signature", err, "2.root.json")
}

// Keys of a root rotate from version to version, however far the device is
// behind; expired roots on the way lead on.
func TestKeyRotation(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	for i := range 20 {
		fresh := keyOf(byte(100 + i))
		before := r.RootKeys
		r.RootKeys = append(before[1:3:3], fresh)
		r.Rotate(func() {
			r.Must(r.Root.SetKeys(trust.RoleRoot, 2, r.RootKeys[0].Public(), r.RootKeys[1].Public(), r.RootKeys[2].Public()))
		}, before[1], before[2])
	}
	r.Now = r.Now.Add(4 * trusttest.Year)
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.SignTargets()
	r.Publish("ada", version2, "two", "")
	r.MustFind(k, version2, "two")
	root, err := trust.ParseRoot(k["root.json"])
	r.Must(err)
	if root.Version() != 21 {
		t.Errorf("the device trusts root %d", root.Version())
	}
}

func TestAttackForgedOrder(t *testing.T) {
	r := trusttest.New(t)
	c, err := r.Refresh(r.Device())
	r.Must(err)
	payload := []byte(`{"site":"plant-7","device":"cam-3"}`)
	order := func(key trust.PrivateKey) []byte { return orderBy(r, key) }
	if got, _, err := c.Order(order(r.Online), "plant-7", "cam-3"); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("got %q, %v", got, err)
	}
	manifest, err := trust.Sign(bundle.ManifestType, payload, r.Online)
	r.Must(err)
	for attack, c2 := range map[string]struct {
		envelope []byte
		want     string
	}{
		"forged by a stranger":                     {order(mallory), "no key"},
		"forged by a publisher":                    {order(keyOf(6)), "no key"},
		"forged by a root key":                     {order(r.RootKeys[0]), "no key"},
		"a stranger under the online key's id":     {change(t, order(mallory), func(e *envelope) { e.Signatures[0].KeyID = string(r.Online.ID()) }), "no key"},
		"changed":                                  {change(t, order(r.Online), func(e *envelope) { e.Payload[2] ^= 1 }), "no key"},
		"a manifest passed off as an order":        {manifest, "holds a"},
		"endless":                                  {append(order(r.Online), bytes.Repeat([]byte(" "), 2<<20)...), "more than the"},
		"not an envelope":                          {[]byte("7"), "damaged"},
		"without a signature":                      {change(t, order(r.Online), func(e *envelope) { e.Signatures = nil }), "0 signatures"},
		"a payload beside the one that was signed": {bytes.Replace(order(r.Online), []byte("{"), []byte(`{"payload":"e30=",`), 1), "damaged"},
	} {
		_, _, err := c.Order(c2.envelope, "plant-7", "cam-3")
		mustFail(t, attack, err, c2.want)
	}
}

func orderBy(r *trusttest.Repository, key trust.PrivateKey) []byte {
	e, err := trust.SignOrder([]byte(`{"site":"plant-7","device":"cam-3"}`), key)
	r.Must(err)
	return e
}

// One key may be for one site alone, and two may have to agree: an order for
// another device than those that its key is for counts nowhere.
func TestAttackOrderForAnotherDevice(t *testing.T) {
	r := trusttest.New(t)
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Must(r.Targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{r.Online.Public(), bob.Public()}, Threshold: 2, Paths: []string{"orders/plant-7/*"}}))
	r.SignTargets()
	r.Release()
	c, err := r.Refresh(r.Device())
	r.Must(err)
	_, _, err = c.Order(orderBy(r, r.Online), "plant-7", "cam-3")
	mustFail(t, "one of two keys", err, "no key")
	both := change(t, orderBy(r, r.Online), func(e *envelope) {
		var b envelope
		r.Must(json.Unmarshal(orderBy(r, bob), &b))
		e.Signatures = append(e.Signatures, b.Signatures...)
	})
	_, _, err = c.Order(both, "plant-7", "cam-3")
	r.Must(err)
	_, _, err = c.Order(both, "plant-8", "cam-3")
	mustFail(t, "another site", err, "lets nobody order plant-8/cam-3")
}

// An order from before the owner named another key: to be judged again, it is
// as good as forged. Generations, which stop any other replay, are the agent's.
func TestAttackReplayedOrder(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	old := orderBy(r, r.Online)
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Must(r.Targets.Delegate(trust.Delegation{Role: trust.OrdersRole, Keys: []trust.PublicKey{bob.Public()}, Threshold: 1, Paths: []string{"orders/*/*"}}))
	r.SignTargets()
	r.Release()
	c, err := r.Refresh(k)
	r.Must(err)
	_, _, err = c.Order(old, "plant-7", "cam-3")
	mustFail(t, "an order by the key before", err, "no key")
	_, _, err = c.Order(orderBy(r, bob), "plant-7", "cam-3")
	r.Must(err)
}

// Role names are no paths, on the disk or in an address.
func TestAttackPathTraversal(t *testing.T) {
	r := trusttest.New(t)
	r.Targets.Next(r.Now.Add(trusttest.Year))
	for i, role := range []string{"?", "#", "/etc/passwd", "../up", "ü"} {
		key := keyOf(byte(70 + i))
		r.Publishers[role] = key
		r.Must(r.Targets.Delegate(trust.Delegation{Role: role, Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: []string{fmt.Sprintf("odd-%d/*", i)}}))
	}
	r.SignTargets()
	r.Release()
	for i, want := range []string{"1.%3F.json", "1.%23.json", "1.%2Fetc%2Fpasswd.json", "1...%2Fup.json", "1.%C3%BC.json"} {
		role := []string{"?", "#", "/etc/passwd", "../up", "ü"}[i]
		file := trust.NewTargets(r.Now.Add(trusttest.Year))
		r.Must(file.Put(fmt.Sprintf("odd-%d/1.0.0", i), bundle.DigestOf([]byte("x")), 1, ""))
		r.Must(file.Sign(r.Publishers[role]))
		b, err := file.Encode()
		r.Put(want, b, err)
		versions := map[string]int64{"targets": r.Targets.Version(), "ada": r.Roles["ada"].Version()}
		for _, role := range []string{"?", "#", "/etc/passwd", "../up", "ü"} {
			versions[role] = 1
		}
		r.SnapshotVersion++
		b, err = trust.Snapshot(r.SnapshotVersion, versions, r.Now.Add(trusttest.Week), r.Online)
		r.Put(fmt.Sprintf("%d.snapshot.json", r.SnapshotVersion), b, err)
		r.Stamp(b)
		k := r.Device()
		r.MustFind(k, fmt.Sprintf("odd-%d/1.0.0", i), "x")
		for name := range k {
			if strings.ContainsAny(name, "/?#") {
				t.Errorf("role %q is kept as %q", role, name)
			}
		}
	}
}
