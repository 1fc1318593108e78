package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// The roles of a repository (TUF specification §2.1). Each publisher is a
// targets role of its own, to which targets delegates.
const (
	RoleRoot      = metadata.ROOT
	RoleTargets   = metadata.TARGETS
	RoleSnapshot  = metadata.SNAPSHOT
	RoleTimestamp = metadata.TIMESTAMP
)

// Root is a root.json in the making or read: who may sign the other roles.
type Root struct {
	m *metadata.Metadata[metadata.RootType]
}

// NewRoot is version 1 of a root without keys.
func NewRoot(expires time.Time) Root { return Root{metadata.Root(expires.UTC())} }

// ParseRoot reads a root.json without judging it.
func ParseRoot(b []byte) (Root, error) {
	if err := readable(b, MaxRoot); err != nil {
		return Root{}, fmt.Errorf("read root.json: %w", err)
	}
	m, err := metadata.Root().FromBytes(b)
	if err != nil {
		return Root{}, fmt.Errorf("read root.json: %w", err)
	}
	return Root{m}, nil
}

// Version rises by one with each root.
func (r Root) Version() int64 { return r.m.Signed.Version }

// Expires is when a client stops believing it.
func (r Root) Expires() time.Time { return r.m.Signed.Expires }

// Keys are those of a role, of which threshold have to sign.
func (r Root) Keys(role string) (keys []PublicKey, threshold int) {
	d := r.m.Signed.Roles[role]
	if d == nil {
		return nil, 0
	}
	return publicKeys(d.KeyIDs, r.m.Signed.Keys), d.Threshold
}

// SetKeys gives a role its keys, and takes those away that it had.
func (r Root) SetKeys(role string, threshold int, keys ...PublicKey) error {
	if err := checkThreshold(role, threshold, keys); err != nil {
		return err
	}
	for _, id := range slices.Clone(r.m.Signed.Roles[role].KeyIDs) {
		if err := r.m.Signed.RevokeKey(id, role); err != nil {
			return fmt.Errorf("keys of %s: %w", role, err)
		}
	}
	for _, k := range keys {
		if err := r.m.Signed.AddKey(tufKey(k), role); err != nil {
			return fmt.Errorf("keys of %s: %w", role, err)
		}
	}
	r.m.Signed.Roles[role].Threshold = threshold
	return nil
}

// checkThreshold counts each key once, however often it is given.
func checkThreshold(role string, threshold int, keys []PublicKey) error {
	ids := map[KeyID]bool{}
	for _, k := range keys {
		if err := k.check(); err != nil {
			return fmt.Errorf("keys of %s: %w", role, err)
		}
		ids[k.ID()] = true
	}
	if threshold < 1 || threshold > len(ids) {
		return fmt.Errorf("keys of %s: a threshold of %d with %d different keys: want 1 to %d", role, threshold, len(ids), len(ids))
	}
	return nil
}

// Next makes the following version of it: to be changed, then signed by enough
// keys of this version and of the next.
func (r Root) Next(expires time.Time) {
	r.m.Signed.Version++
	r.m.Signed.Expires = expires.UTC()
	r.m.ClearSignatures()
}

// Sign adds a signature.
func (r Root) Sign(key PrivateKey) error { return sign(r.m, "root.json", key) }

// Encode writes the file.
func (r Root) Encode() ([]byte, error) { return r.m.ToBytes(true) }

// Follows fails unless a client that trusts before would follow to r.
func (r Root) Follows(before Root) error {
	old, err := before.Encode()
	if err != nil {
		return err
	}
	next, err := r.Encode()
	if err != nil {
		return err
	}
	set, err := trustedRoot(old)
	if err == nil {
		_, err = set.UpdateRoot(next)
	}
	return err
}

// Signed reports whether enough of r's own keys signed another root, however
// many versions lie between.
func (r Root) Signed(other Root) bool { return r.m.VerifyDelegate(RoleRoot, other.m) == nil }

// SignedByItself fails unless enough of its own keys signed it.
func (r Root) SignedByItself() error { return r.m.VerifyDelegate(RoleRoot, r.m) }

// Targets is a targets role's file in the making or read: targets.json, or a
// publisher's.
type Targets struct {
	m *metadata.Metadata[metadata.TargetsType]
}

// NewTargets is version 1 of a role without targets and delegations.
func NewTargets(expires time.Time) Targets { return Targets{metadata.Targets(expires.UTC())} }

// ParseTargets reads a targets role's file without judging it.
func ParseTargets(b []byte) (Targets, error) {
	if err := readable(b, MaxTargets); err != nil {
		return Targets{}, fmt.Errorf("read targets: %w", err)
	}
	m, err := metadata.Targets().FromBytes(b)
	if err != nil {
		return Targets{}, fmt.Errorf("read targets: %w", err)
	}
	return Targets{m}, nil
}

// Version rises with each change.
func (t Targets) Version() int64 { return t.m.Signed.Version }

// Expires is when a client stops believing it.
func (t Targets) Expires() time.Time { return t.m.Signed.Expires }

// Paths lists the targets, in order.
func (t Targets) Paths() []string { return slices.Sorted(maps.Keys(t.m.Signed.Targets)) }

// Digest is a target's, and whether it is there.
func (t Targets) Digest(path string) (d bundle.Digest, ok bool) {
	f := t.m.Signed.Targets[path]
	if f == nil || len(f.Hashes["sha256"]) != len(d) {
		return d, false
	}
	return bundle.Digest(f.Hashes["sha256"]), true
}

// Put vouches for a file. A minimum forbids lower versions of the same model
// from then on; one that is empty or lower leaves in force what is.
func (t Targets) Put(path string, d bundle.Digest, length int64, minimum string) error {
	present, err := t.Minimum(modelOf(path))
	if err != nil {
		return err
	}
	if minimum == "" || present != "" && Older(minimum, present) {
		minimum = present
	}
	f := metadata.TargetFile()
	f.Length = length
	f.Hashes["sha256"] = d[:]
	if f.Custom, err = customOf(minimum); err != nil {
		return err
	}
	t.m.Signed.Targets[path] = f
	return nil
}

// Remove stops vouching for a file.
func (t Targets) Remove(path string) { delete(t.m.Signed.Targets, path) }

// Delegation is a role that may vouch for the targets of some paths.
type Delegation struct {
	Role      string
	Keys      []PublicKey
	Threshold int
	// Paths are patterns as "meter-*/*": each part between slashes by itself.
	Paths []string
}

// Models select those of which the role may vouch for every version.
func (d Delegation) Models() []Pattern {
	models := []Pattern{}
	for _, path := range d.Paths {
		if p := Pattern(strings.TrimSuffix(path, "/*")); string(p) != path && p.Check() == nil {
			models = append(models, p)
		}
	}
	return models
}

// Delegations lists them in the order in which a client asks them.
func (t Targets) Delegations() []Delegation {
	d := t.m.Signed.Delegations
	if d == nil {
		return nil
	}
	var list []Delegation
	for _, r := range d.Roles {
		list = append(list, Delegation{r.Name, publicKeys(r.KeyIDs, d.Keys), r.Threshold, r.Paths})
	}
	return list
}

// Delegation finds one by its role.
func (t Targets) Delegation(role string) (Delegation, bool) {
	for _, d := range t.Delegations() {
		if d.Role == role {
			return d, true
		}
	}
	return Delegation{}, false
}

// Covering is the first delegation that covers a path, whose word is the last.
func (t Targets) Covering(path string) (Delegation, bool) {
	if t.m.Signed.Delegations == nil {
		return Delegation{}, false
	}
	roles := rolesFor(t.m.Signed.Delegations, path)
	if len(roles) == 0 {
		return Delegation{}, false
	}
	return t.Delegation(roles[0].Name)
}

// rolesFor lists the roles that are delegated a path, in order. go-tuf 2.4.2 compares a
// path's hash in base64, where the specification (§4.5) has prefixes in hexadecimal.
func rolesFor(d *metadata.Delegations, path string) []metadata.RoleResult {
	if d.Roles == nil {
		return d.GetRolesForTarget(path)
	}
	var roles []metadata.RoleResult
	for _, r := range d.Roles {
		covers, err := r.IsDelegatedPath(path)
		if len(r.Paths) == 0 {
			sum := bundle.DigestOf([]byte(path)).Hex()
			covers = slices.ContainsFunc(r.PathHashPrefixes, func(p string) bool { return strings.HasPrefix(sum, p) })
		}
		if covers && err == nil {
			roles = append(roles, metadata.RoleResult{Name: r.Name, Terminating: r.Terminating})
		}
	}
	return roles
}

// Publishers are the keys of all delegations whose paths are those of models.
func (t Targets) Publishers() Keys {
	keys := Keys{}
	for _, d := range t.Delegations() {
		models := d.Models()
		if len(models) == 0 {
			continue
		}
		for _, k := range d.Keys {
			keys.add(k, models)
		}
	}
	return keys
}

// add lets a key publish more models.
func (k *Keys) add(key PublicKey, models []Pattern) {
	id := key.ID()
	if i := slices.IndexFunc(k.Publishers, func(p Publisher) bool { return p.ID == id }); i >= 0 {
		k.Publishers[i].Models = append(k.Publishers[i].Models, models...)
		return
	}
	k.Publishers = append(k.Publishers, Publisher{Key: key, ID: id, Models: slices.Clone(models)})
}

// Delegate adds a delegation, or replaces the one of that role in its place. It
// is terminating: what it covers, no later role can.
func (t Targets) Delegate(d Delegation) error {
	if topLevel(d.Role) {
		return fmt.Errorf("delegation to %s: only root.json names that role: give the publisher another name", d.Role)
	}
	if err := checkThreshold(d.Role, d.Threshold, d.Keys); err != nil {
		return err
	}
	if len(d.Paths) == 0 {
		return fmt.Errorf("delegation to %s: it covers no path", d.Role)
	}
	role := metadata.DelegatedRole{Name: d.Role, Threshold: d.Threshold, Terminating: true, Paths: d.Paths}
	if t.m.Signed.Delegations == nil {
		t.m.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	}
	all := t.m.Signed.Delegations
	for _, k := range d.Keys {
		id := string(k.ID())
		if !slices.Contains(role.KeyIDs, id) { // a file that names one twice is refused
			role.KeyIDs = append(role.KeyIDs, id)
		}
		all.Keys[id] = tufKey(k)
	}
	if i := slices.IndexFunc(all.Roles, func(r metadata.DelegatedRole) bool { return r.Name == d.Role }); i >= 0 {
		all.Roles[i] = role
	} else {
		all.Roles = append(all.Roles, role)
	}
	t.dropUnusedKeys()
	return nil
}

// Undelegate takes a role's delegation away: nothing that it vouched for may
// be installed any more.
func (t Targets) Undelegate(role string) error {
	d := t.m.Signed.Delegations
	n := 0
	if d != nil {
		n = len(d.Roles)
		d.Roles = slices.DeleteFunc(d.Roles, func(r metadata.DelegatedRole) bool { return r.Name == role })
	}
	if d == nil || len(d.Roles) == n {
		return fmt.Errorf("revoke: there is no delegation to %s", role)
	}
	t.dropUnusedKeys()
	return nil
}

// dropUnusedKeys keeps only keys that some delegation names.
func (t Targets) dropUnusedKeys() {
	d := t.m.Signed.Delegations
	maps.DeleteFunc(d.Keys, func(id string, _ *metadata.Key) bool {
		return !slices.ContainsFunc(d.Roles, func(r metadata.DelegatedRole) bool { return slices.Contains(r.KeyIDs, id) })
	})
}

// Next makes the following version of it: to be changed, then signed.
func (t Targets) Next(expires time.Time) {
	t.m.Signed.Version++
	t.m.Signed.Expires = expires.UTC()
	t.m.ClearSignatures()
}

// Sign adds a signature.
func (t Targets) Sign(key PrivateKey) error { return sign(t.m, "targets", key) }

// Encode writes the file.
func (t Targets) Encode() ([]byte, error) { return t.m.ToBytes(true) }

// SignedBy fails unless enough of a role's keys signed t.
func (t Targets) SignedBy(r Root) error { return r.m.VerifyDelegate(RoleTargets, t.m) }

// SignedFor fails unless enough of the keys that t delegates to role signed d.
func (t Targets) SignedFor(role string, d Targets) error { return t.m.VerifyDelegate(role, d.m) }

// Snapshot writes and signs snapshot.json: the version of each targets role, by
// role.
func Snapshot(version int64, roles map[string]int64, expires time.Time, key PrivateKey) ([]byte, error) {
	m := metadata.Snapshot(expires.UTC())
	m.Signed.Version = version
	m.Signed.Meta = map[string]*metadata.MetaFiles{}
	for role, v := range roles {
		m.Signed.Meta[role+".json"] = metadata.MetaFile(v)
	}
	if err := sign(m, "snapshot.json", key); err != nil {
		return nil, err
	}
	return m.ToBytes(false)
}

// Timestamp writes and signs timestamp.json: which snapshot is the newest.
func Timestamp(version int64, snapshot []byte, expires time.Time, key PrivateKey) ([]byte, error) {
	s, err := metadata.Snapshot().FromBytes(snapshot)
	if err != nil {
		return nil, fmt.Errorf("read snapshot.json: %w", err)
	}
	m := metadata.Timestamp(expires.UTC())
	m.Signed.Version = version
	meta := metadata.MetaFile(s.Signed.Version)
	digest := bundle.DigestOf(snapshot)
	meta.Length, meta.Hashes = int64(len(snapshot)), metadata.Hashes{"sha256": digest[:]}
	m.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": meta}
	if err := sign(m, "timestamp.json", key); err != nil {
		return nil, err
	}
	return m.ToBytes(false)
}

// tufKey is a key in TUF's form.
func tufKey(k PublicKey) *metadata.Key {
	return &metadata.Key{
		Type: metadata.KeyTypeEd25519, Scheme: metadata.KeySchemeEd25519,
		Value: metadata.KeyVal{PublicKey: fmt.Sprintf("%x", []byte(k))},
	}
}

// sign adds a signature, or replaces the one by the same key.
func sign[T metadata.Roles](m *metadata.Metadata[T], what string, key PrivateKey) error {
	if key.key == nil {
		return fmt.Errorf("sign %s: %w", what, errors.New("there is no private key"))
	}
	signer, err := signature.LoadED25519Signer(key.key)
	if err != nil {
		return fmt.Errorf("sign %s: %w", what, err)
	}
	m.Signatures = slices.DeleteFunc(m.Signatures, func(s metadata.Signature) bool { return s.KeyID == string(key.ID()) })
	if _, err := m.Sign(signer); err != nil {
		return fmt.Errorf("sign %s: %w", what, err)
	}
	return nil
}

// Signed is a file's version and the time until which it is believed.
type Signed struct {
	Version int64
	Expires time.Time
}

// ReadOnline reads a snapshot.json or timestamp.json without judging it: its
// version, and those of the files that it names, by role.
func ReadOnline(b []byte) (Signed, map[string]int64, error) {
	if err := readable(b, MaxSnapshot); err != nil {
		return Signed{}, nil, fmt.Errorf("read snapshot or timestamp: %w", err)
	}
	var m struct {
		Signed struct {
			Version int64                          `json:"version"`
			Expires time.Time                      `json:"expires"`
			Meta    map[string]*metadata.MetaFiles `json:"meta"`
		} `json:"signed"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return Signed{}, nil, fmt.Errorf("read snapshot or timestamp: %w", err)
	}
	versions := map[string]int64{}
	for name, meta := range m.Signed.Meta {
		if role, ok := strings.CutSuffix(name, ".json"); ok && meta != nil {
			versions[role] = meta.Version
		}
	}
	return Signed{m.Signed.Version, m.Signed.Expires}, versions, nil
}
