package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/squadron-edge/squadron/deploy/sentence"
)

// Bounds on what a repository can make a client read, in bytes, and follow.
const (
	MaxRoot      = 512 << 10
	MaxTimestamp = 16 << 10
	MaxSnapshot  = 2 << 20
	MaxTargets   = 4 << 20 // of each targets role

	maxRootRotations = 256            // in one refresh
	maxDelegations   = 32             // roles visited for one target
	maxSearched      = 4 * MaxTargets // bytes of them: targets.json and a publisher's, each as kept and anew
)

// Files keep what a client trusts, each by its unversioned name: root.json,
// timestamp.json, snapshot.json, targets.json and one a delegated role.
type Files interface {
	// Load returns nil if there is no such file.
	Load(name string) ([]byte, error)
	// Save replaces the file whole, durably.
	Save(name string, b []byte) error
}

// Fetch brings a file of a repository's metadata, such as "2.root.json" or
// "timestamp.json". It reads no more than max bytes and fails if there are
// more. Its error wraps ErrNoFile if the repository has no such file.
type Fetch func(name string, max int64) ([]byte, error)

// ErrNoFile marks a file that a repository does not have.
var ErrNoFile = errors.New("there is no such file")

// Client follows one repository: the client of the TUF specification v1.0.33,
// section 5. It verifies a file before it keeps it, keeps it before it relies
// on it, and never takes an older one than it has seen. It is used by one
// goroutine.
type Client struct {
	files Files
	fetch Fetch // nil: what is kept must do
	set   *trustedmetadata.TrustedMetadata
	// by is the role whose delegation let each targets role in. A role that is
	// reached from another delegator is verified again.
	by       map[string]string
	searched int64 // bytes of targets roles that were parsed
}

// Open loads the root that the client trusts. now is the time by which expiry
// is judged; with the zero time nothing has expired.
func Open(files Files, now time.Time) (*Client, error) {
	b, err := files.Load(FileName(metadata.ROOT))
	if err != nil {
		return nil, fmt.Errorf("load the trusted root: %w", err)
	}
	if b == nil {
		return nil, errors.New("load the trusted root: there is none: this machine was never given a root.json to trust")
	}
	set, err := trustedRoot(b)
	if err != nil {
		return nil, fmt.Errorf("load the trusted root: %w", sentence.Of(err))
	}
	set.RefTime = now
	return &Client{files: files, set: set, by: map[string]string{}}, nil
}

func trustedRoot(b []byte) (*trustedmetadata.TrustedMetadata, error) {
	if err := readable(b, MaxRoot); err != nil {
		return nil, err
	}
	return trustedmetadata.New(b)
}

// Refresh brings the four top-level roles up to date (§5.3 to §5.6). Without a
// Fetch it loads those that are kept, and fails if one is missing or expired.
// It is called once.
func (c *Client) Refresh(fetch Fetch) error {
	c.fetch = fetch
	for _, step := range []func() error{c.refreshRoot, c.refreshTimestamp, c.refreshSnapshot} {
		if err := step(); err != nil {
			return fmt.Errorf("refresh trust: %w", c.sentence(err))
		}
	}
	if _, err := c.targets(metadata.TARGETS, metadata.ROOT); err != nil {
		return fmt.Errorf("refresh trust: %w", c.sentence(err))
	}
	return nil
}

// RootVersion is the version of the root that the client follows now.
func (c *Client) RootVersion() int64 { return c.set.Root.Signed.Version }

// Expires is when the first of the files that it follows now does.
func (c *Client) Expires() time.Time {
	first := c.set.Root.Signed.Expires
	for _, at := range []time.Time{c.set.Timestamp.Signed.Expires, c.set.Snapshot.Signed.Expires} {
		if at.Before(first) {
			first = at
		}
	}
	for _, role := range c.set.Targets {
		if role.Signed.Expires.Before(first) {
			first = role.Signed.Expires
		}
	}
	return first
}

// refreshRoot walks from the trusted root to the newest, one version at a time
// (§5.3). One that expired on the way is good enough to lead to the next.
func (c *Client) refreshRoot() error {
	for range maxRootRotations {
		next := VersionedName(c.set.Root.Signed.Version+1, metadata.ROOT)
		b, err := c.bring(next, MaxRoot)
		if errors.Is(err, ErrNoFile) {
			return nil
		}
		if err == nil {
			_, err = c.set.UpdateRoot(b)
		}
		if err == nil {
			err = c.files.Save(FileName(metadata.ROOT), b)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", next, err)
		}
	}
	return fmt.Errorf("root.json was rotated more than %d times since this machine last looked; refresh again", maxRootRotations)
}

// refreshTimestamp is §5.4. The kept timestamp is loaded even if it expired: it
// guards against older ones.
func (c *Client) refreshTimestamp() error {
	name := FileName(metadata.TIMESTAMP)
	kept, err := c.kept(name, MaxTimestamp)
	if err != nil {
		return err
	}
	if kept != nil {
		if _, err := c.set.UpdateTimestamp(kept); c.fetch == nil {
			return named(name, err)
		}
	}
	b, err := c.bring(name, MaxTimestamp)
	if err == nil {
		_, err = c.set.UpdateTimestamp(b)
	}
	if same := new(metadata.ErrEqualVersionNumber); errors.As(err, &same) {
		return nil // nothing new; the one that is kept stays
	}
	if err == nil {
		err = c.files.Save(name, b)
	}
	return named(name, err)
}

// refreshSnapshot is §5.5. The kept snapshot serves if it is the one that the
// timestamp names, and guards against older versions of every role if not.
func (c *Client) refreshSnapshot() error {
	name := FileName(metadata.SNAPSHOT)
	kept, err := c.kept(name, MaxSnapshot)
	if err != nil {
		return err
	}
	if kept != nil {
		if _, err := c.set.UpdateSnapshot(kept, true); err == nil || c.fetch == nil {
			return named(name, err)
		}
	}
	meta := c.set.Timestamp.Signed.Meta[name]
	if meta == nil {
		return errors.New("timestamp.json does not name a snapshot.json")
	}
	b, err := c.bring(c.versioned(name, meta.Version), bound(meta.Length, MaxSnapshot))
	if err == nil {
		_, err = c.set.UpdateSnapshot(b, false)
	}
	if err == nil {
		err = c.files.Save(name, b)
	}
	return named(name, err)
}

// targets loads a targets role that another delegates to (§5.6): the kept one
// if it is what the snapshot names, else the repository's.
func (c *Client) targets(role, delegator string) (*metadata.TargetsType, error) {
	if delegator != metadata.ROOT && topLevel(role) {
		return nil, fmt.Errorf("%s delegates to a role %q, which only root.json can name", FileName(delegator), role)
	}
	if m := c.set.Targets[role]; m != nil && c.by[role] == delegator {
		return &m.Signed, nil
	}
	name := FileName(role)
	kept, err := c.kept(name, MaxTargets)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		if m, err := c.updateTargets(kept, role, delegator); err == nil {
			c.by[role] = delegator
			return m, nil
		} else if c.fetch == nil {
			return nil, named(name, err)
		}
	}
	meta := c.set.Snapshot.Signed.Meta[role+".json"]
	if meta == nil {
		return nil, fmt.Errorf("snapshot.json does not name %s", role+".json")
	}
	b, err := c.bring(c.versioned(name, meta.Version), bound(meta.Length, MaxTargets))
	if err != nil {
		return nil, named(name, err)
	}
	m, err := c.updateTargets(b, role, delegator)
	if err == nil {
		err = c.files.Save(name, b)
	}
	if err != nil {
		return nil, named(name, err)
	}
	c.by[role] = delegator
	return m, nil
}

// updateTargets verifies a targets role, unless that many came before it that
// their sum is more than a device can bear.
func (c *Client) updateTargets(b []byte, role, delegator string) (*metadata.TargetsType, error) {
	if c.searched += int64(len(b)); c.searched > maxSearched {
		return nil, fmt.Errorf("with it, the roles on the way have more than the %d bytes that they may have", maxSearched)
	}
	m, err := c.set.UpdateDelegatedTargets(b, role, delegator)
	if err != nil {
		return nil, err
	}
	return &m.Signed, nil
}

// topLevel reports whether a name is of a role that root.json alone appoints. A
// delegated role of that name would be kept in the place of the real one.
func topLevel(role string) bool {
	switch role {
	case metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP:
		return true
	}
	return false
}

// Find searches the delegations for a target, in their order and depth first,
// and stops at a terminating one that covers it (§5.6.7). It fails with
// ErrNoTarget if none of them vouches for it. Refresh comes first.
func (c *Client) Find(path string) (Target, error) {
	type visit struct{ role, delegator string }
	visits := []visit{{metadata.TARGETS, metadata.ROOT}}
	seen := map[string]bool{}
	for len(visits) > 0 && len(seen) < maxDelegations {
		v := visits[len(visits)-1]
		visits = visits[:len(visits)-1]
		if seen[v.role] {
			continue
		}
		seen[v.role] = true
		role, err := c.targets(v.role, v.delegator)
		if err != nil {
			return Target{}, fmt.Errorf("find %s: %w", path, c.sentence(err))
		}
		if t := role.Targets[path]; t != nil {
			return c.target(path, v.role, v.delegator, t), nil
		}
		if role.Delegations == nil {
			continue
		}
		var children []visit
		for _, r := range rolesFor(role.Delegations, path) {
			children = append(children, visit{r.Name, v.role})
			if r.Terminating {
				visits = nil
				break
			}
		}
		slices.Reverse(children)
		visits = append(visits, children...)
	}
	return Target{}, fmt.Errorf("find %s: %w", path, ErrNoTarget)
}

// ErrNoTarget marks a target that no trusted role vouches for.
var ErrNoTarget = errors.New("no publisher that the repository trusts vouches for it")

// kept loads a kept file. One that this client could not have kept is taken as
// none: the disk changed it, and the repository has it again.
func (c *Client) kept(name string, max int64) ([]byte, error) {
	b, err := c.files.Load(name)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	if readable(b, max) != nil {
		return nil, nil
	}
	return b, nil
}

func (c *Client) bring(name string, max int64) ([]byte, error) {
	if c.fetch == nil {
		return nil, ErrNoFile
	}
	b, err := c.fetch(name, max)
	if err != nil {
		return nil, err
	}
	return b, readable(b, max)
}

// bound is how much of a file is read whose length may be signed.
func bound(signed, max int64) int64 {
	if signed > 0 {
		return min(signed, max)
	}
	return max
}

// versioned is a file's name in the repository (§6.2.1).
func (c *Client) versioned(name string, version int64) string {
	if !c.set.Root.Signed.ConsistentSnapshot {
		return name
	}
	return fmt.Sprintf("%d.%s", version, name)
}

// named says which file an error is about.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// sentence says what to do about an expiry. What an error quotes of a file that
// nobody signed is made harmless.
func (c *Client) sentence(err error) error {
	if expired := new(metadata.ErrExpiredMetadata); errors.As(err, &expired) {
		return &ExpiredError{Now: c.set.RefTime, err: sentence.Of(err)}
	}
	return sentence.Of(err)
}

// ExpiredError says that metadata is too old to install anything by.
type ExpiredError struct {
	Now time.Time // by which it was judged
	err error
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%v, judged at %s: if that is not the time, this machine's clock is wrong; if it is, its owner has to sign it anew", e.err, e.Now.Format(time.RFC3339))
}

func (e *ExpiredError) Unwrap() error { return e.err }

// FileName is the name of a role's file. Whatever a role is called, it is one
// name and no path: all but RFC 3986's unreserved characters are escaped.
func FileName(role string) string {
	var b strings.Builder
	for _, c := range []byte(role) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String() + ".json"
}

// VersionedName is the name of one version of it in a repository (TUF
// specification §6.2.1).
func VersionedName(version int64, role string) string {
	return fmt.Sprintf("%d.%s", version, FileName(role))
}
