package trust

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"golang.org/x/mod/semver"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Target is what the repository says of one file: of a bundle, its envelope.
type Target struct {
	Path string // of a bundle, "NAME/VERSION"
	Role string // that vouches for it
	// Delegator is the role that delegated to Role; root for targets.json.
	Delegator string
	Length    int64 // bytes
	Digest    bundle.Digest
	// Keys are those of the role, any of which may have signed the envelope.
	Keys []PublicKey
	// hashes are all that the repository gives, of which Digest is one.
	hashes metadata.Hashes
}

// TargetPath is the target of one version of a model.
func TargetPath(model, version string) string { return model + "/" + version }

// custom is what Squadron says of a target beyond its length and digest.
type custom struct {
	Minimum string `json:"minimum_version,omitempty"`
}

// target is what a role says of a file.
func (c *Client) target(path, role, delegator string, t *metadata.TargetFiles) Target {
	out := Target{Path: path, Role: role, Delegator: delegator, Length: t.Length, Keys: c.keysOf(role, delegator), hashes: t.Hashes}
	if sum := t.Hashes["sha256"]; len(sum) == len(out.Digest) {
		out.Digest = bundle.Digest(sum)
	}
	return out
}

// Minimum is the lowest version of a target's model that may still be
// installed, as its role says; empty is any.
func (c *Client) Minimum(t Target) (string, error) {
	minimum, err := minimumOf(c.set.Targets[t.Role].Signed.Targets, modelOf(t.Path))
	if err != nil {
		return "", fmt.Errorf("minimum version of %s: %s: %w", modelOf(t.Path), FileName(t.Role), err)
	}
	return minimum, nil
}

// Older reports whether a version comes before another, as Semantic Versioning
// orders them.
func Older(version, than string) bool { return semver.Compare("v"+version, "v"+than) < 0 }

// Publisher is the target's role as whose signature an envelope must have: of
// that model, and no other.
func (t Target) Publisher() Keys {
	k := Keys{}
	for _, key := range t.Keys {
		k.add(key, []Pattern{Pattern(modelOf(t.Path))})
	}
	return k
}

func modelOf(path string) string {
	model, _, _ := strings.Cut(path, "/")
	return model
}

// minimumOf is the highest minimum that any of the model's targets gives.
func minimumOf(targets map[string]*metadata.TargetFiles, model string) (string, error) {
	highest := ""
	for path, t := range targets {
		if modelOf(path) != model {
			continue
		}
		minimum, err := minimumIn(path, t)
		if err != nil {
			return "", err
		}
		highest = higher(highest, minimum)
	}
	return highest, nil
}

// minimumIn is what one target gives; empty if it gives none.
func minimumIn(path string, t *metadata.TargetFiles) (string, error) {
	if t.Custom == nil {
		return "", nil
	}
	var c struct {
		Squadron custom `json:"squadron"`
	}
	if err := json.Unmarshal(*t.Custom, &c); err != nil {
		return "", fmt.Errorf("custom of %s: %w", path, err)
	}
	if c.Squadron.Minimum == "" {
		return "", nil
	}
	if err := bundle.ValidVersion(c.Squadron.Minimum); err != nil {
		return "", fmt.Errorf("the minimum version of %s: %w", path, err)
	}
	return c.Squadron.Minimum, nil
}

// higher is the higher of two versions, of which either may be empty.
func higher(a, b string) string {
	if a == "" || b != "" && Older(a, b) {
		return b
	}
	return a
}

// keysOf lists the Ed25519 keys that a delegation, or the root, gives a role.
func (c *Client) keysOf(role, delegator string) []PublicKey {
	if delegator == metadata.ROOT {
		root := c.set.Root.Signed
		return publicKeys(root.Roles[role].KeyIDs, root.Keys)
	}
	d := c.set.Targets[delegator].Signed.Delegations
	for _, r := range d.Roles {
		if r.Name == role {
			return publicKeys(r.KeyIDs, d.Keys)
		}
	}
	return nil
}

// publicKeys picks the Ed25519 keys among ids; TUF's other kinds sign metadata,
// but no envelope of Squadron's.
func publicKeys(ids []string, keys map[string]*metadata.Key) []PublicKey {
	var list []PublicKey
	for _, id := range ids {
		k := keys[id]
		if k == nil || k.Type != metadata.KeyTypeEd25519 {
			continue
		}
		if b, err := hex.DecodeString(k.Value.PublicKey); err == nil && len(b) == ed25519.PublicKeySize {
			list = append(list, PublicKey(b))
		}
	}
	return list
}

// hashes are the functions that a target's digest may be of.
var hashes = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}

// Check reads a target and fails unless its length and every digest of it
// that this program knows are right. It reads at most one byte more than the target has.
func (t Target) Check(r io.Reader) error {
	sums := map[string]hash.Hash{}
	var all []io.Writer
	for name, makeHash := range hashes {
		if t.hashes[name] != nil {
			sums[name] = makeHash()
			all = append(all, sums[name])
		}
	}
	if len(sums) == 0 {
		return fmt.Errorf("check %s: the repository gives no digest of it that this program knows (%s)", t.Path, strings.Join(slices.Sorted(maps.Keys(hashes)), ", "))
	}
	n, err := io.Copy(io.MultiWriter(all...), io.LimitReader(r, t.Length+1))
	if err != nil {
		return fmt.Errorf("check %s: %w", t.Path, err)
	}
	if n != t.Length {
		return fmt.Errorf("check %s: it does not have the %d bytes that the repository says", t.Path, t.Length)
	}
	for name, h := range sums {
		if !bytes.Equal(h.Sum(nil), t.hashes[name]) {
			return fmt.Errorf("check %s: its %s digest is not the one that the repository says", t.Path, name)
		}
	}
	return nil
}

// TargetFile names the target's file in a store of targets: behind its digest where the repository is consistent (TUF specification §6.2.2).
func (c *Client) TargetFile(t Target) string {
	if !c.set.Root.Signed.ConsistentSnapshot {
		return t.Path
	}
	name := t.hashes["sha256"]
	if name == nil {
		name = t.hashes["sha512"]
	}
	dir, base := "", t.Path
	if i := strings.LastIndexByte(t.Path, '/'); i >= 0 {
		dir, base = t.Path[:i+1], t.Path[i+1:]
	}
	return dir + name.String() + "." + base
}
