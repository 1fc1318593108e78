// Package owner is the folder of a fleet's owner: who may publish, who may order,
// and the keys that say so.
//
// It owns the folder's layout, and what each of the owner's decisions changes in
// which file. It refuses to speak with a controller, and to ask people for a
// passphrase: its caller does both.
//
//	trust/{N}.root.json      every root, signed by the threshold of root keys
//	trust/root.json          the newest: what a device is given
//	trust/targets.json       to whom what is delegated
//	trust/keys/*.key         sealed private keys; they may lie elsewhere, too
//	trust/keys/*.key.pub     their public halves
//
// Root and targets keys belong on a machine without a network. The online key is
// the controller's, a publisher's key the publisher's.
//
//	f := owner.Folder{Dir: "trust", Passphrase: ask}
//	err := f.Init(owner.Founding{RootKeys: 3, Threshold: 2, Publisher: "ada", Models: models}, now)
//	...
//	change, err := f.Delegate("bob", models, keys, false, now)
package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// How long the owner's word is believed without being renewed. Devices that
// were off for months must find it still good; see docs/design.md.
const (
	rootLife    = 5 * 365 * 24 * time.Hour
	targetsLife = 2 * 365 * 24 * time.Hour
)

// Folder is the owner's folder and what opens the keys.
type Folder struct {
	Dir string
	// Keys are files of private keys that lie elsewhere.
	Keys []string
	// Passphrase opens the sealed key in a file.
	Passphrase func(file string) ([]byte, error)
}

const (
	rootFile    = "root.json"
	targetsFile = "targets.json"
	keysDir     = "keys"
	onlineKey   = "online"
)

func (f Folder) path(name string) string { return filepath.Join(f.Dir, name) }

// KeyFile is where the folder keeps a key of a name.
func (f Folder) KeyFile(name string) string { return filepath.Join(f.Dir, keysDir, name+".key") }

// PublicFile is where the public half of the key in a file is.
func PublicFile(key string) string { return key + ".pub" }

// CheckPublisher refuses what is no publisher's name.
func CheckPublisher(name string) error {
	if err := Reserved(name); err != nil {
		return err
	}
	return bundle.ValidName(name)
}

// Reserved refuses a name whose key would have the file of one of the fleet's
// own, or whose role is one of the repository's own.
func Reserved(name string) error {
	switch name {
	case trust.RoleSnapshot, trust.RoleTimestamp, trust.OrdersRole:
		return fmt.Errorf("%q is a role of the repository's own: choose another name", name)
	}
	for _, own := range []string{trust.RoleRoot, trust.RoleTargets, onlineKey} {
		if name == own || strings.HasPrefix(name, own+"-") {
			return fmt.Errorf("%.80q: %s, and names that begin with %s-, are of the fleet's own keys: choose another name", name, own, own)
		}
	}
	return nil
}

// Root reads the newest root.
func (f Folder) Root() (trust.Root, error) {
	b, err := f.read(rootFile, trust.MaxRoot)
	if err != nil {
		return trust.Root{}, err
	}
	r, err := trust.ParseRoot(b)
	if err != nil {
		return r, fmt.Errorf("%s: %w", f.path(rootFile), err)
	}
	return r, nil
}

// RootBytes reads one version of the root.
func (f Folder) RootBytes(version int64) ([]byte, error) {
	return f.read(trust.VersionedName(version, trust.RoleRoot), trust.MaxRoot)
}

// Targets reads targets.json.
func (f Folder) Targets() (trust.Targets, error) {
	b, err := f.TargetsBytes()
	if err != nil {
		return trust.Targets{}, err
	}
	t, err := trust.ParseTargets(b)
	if err != nil {
		return t, fmt.Errorf("%s: %w", f.path(targetsFile), err)
	}
	return t, nil
}

// TargetsBytes reads targets.json as it is.
func (f Folder) TargetsBytes() ([]byte, error) { return f.read(targetsFile, trust.MaxTargets) }

func (f Folder) read(name string, max int64) ([]byte, error) {
	info, err := os.Stat(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: is %s the folder that squadron keys init made?", f.path(name), f.Dir)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > max {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that it may have", f.path(name), info.Size(), max)
	}
	return os.ReadFile(f.path(name))
}

// private opens the keys, of those that count, that are at hand: at most enough
// of them.
func (f Folder) private(what string, count []trust.PublicKey, enough int) ([]trust.PrivateKey, error) {
	inside, err := filepath.Glob(filepath.Join(f.Dir, keysDir, "*.key"))
	if err != nil {
		return nil, err
	}
	var found []trust.PrivateKey
	var seen []trust.KeyID
	for _, file := range slices.Concat(f.Keys, inside) {
		if len(found) == enough {
			break
		}
		public, err := readPublic(file)
		if err != nil {
			return nil, err
		}
		counts := slices.ContainsFunc(count, func(k trust.PublicKey) bool { return k.ID() == public.ID() })
		if !counts || slices.Contains(seen, public.ID()) {
			continue
		}
		key, err := f.open(file)
		if err != nil {
			return nil, err
		}
		found, seen = append(found, key), append(seen, public.ID())
	}
	if len(found) < enough {
		return nil, fmt.Errorf("sign %s: it takes %d of its keys, and at hand: %d; name their files with --with-key", what, enough, len(found))
	}
	return found, nil
}

// FileOf is the file in the folder that keeps a key; empty if none does.
func (f Folder) FileOf(key trust.KeyID) string {
	inside, err := filepath.Glob(filepath.Join(f.Dir, keysDir, "*.key"))
	if err != nil {
		return ""
	}
	for _, file := range inside {
		if public, err := readPublic(file); err == nil && public.ID() == key {
			return file
		}
	}
	return ""
}

func (f Folder) open(file string) (trust.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return trust.PrivateKey{}, err
	}
	passphrase, err := f.Passphrase(file)
	if err != nil {
		return trust.PrivateKey{}, err
	}
	key, err := trust.OpenPrivateKey(b, passphrase)
	if err != nil {
		return key, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func readPublic(file string) (trust.PublicKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	public, err := trust.ReadPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return public, nil
}
