package owner

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// Founding is what a fleet begins with.
type Founding struct {
	RootKeys, Threshold int
	// Publisher is a first publisher, whose key is made here too; empty for none.
	Publisher string
	Models    []trust.Pattern
}

// Init makes the folder, every key, and the first root and targets.
func (f Folder) Init(o Founding, now time.Time) error {
	if o.Publisher != "" {
		if err := CheckPublisher(o.Publisher); err != nil {
			return err
		}
	}
	if _, err := os.Stat(f.path(rootFile)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: a fleet is founded once; name another folder, or change this one with squadron keys rotate", f.path(rootFile))
	}
	root, targets := trust.NewRoot(now.Add(rootLife)), trust.NewTargets(now.Add(targetsLife))
	rootKeys, err := makeKeys(o.RootKeys)
	if err != nil {
		return err
	}
	others, err := makeKeys(3)
	if err != nil {
		return err
	}
	targetsKey, online, publisher := others[0], others[1], others[2]
	err = errors.Join(
		root.SetKeys(trust.RoleRoot, o.Threshold, publics(rootKeys)...),
		root.SetKeys(trust.RoleTargets, 1, targetsKey.Public()),
		setOnline(root, targets, online))
	if err == nil && o.Publisher != "" {
		err = targets.Delegate(trust.Delegation{Role: o.Publisher, Keys: []trust.PublicKey{publisher.Public()}, Threshold: 1, Paths: paths(o.Models)})
	}
	if err == nil {
		err = errors.Join(signRoot(root, rootKeys), targets.Sign(targetsKey))
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(f.Dir, keysDir), 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	keys := map[string]trust.PrivateKey{trust.RoleTargets: targetsKey, onlineKey: online}
	for i, k := range rootKeys {
		keys[fmt.Sprintf("root-%d", i+1)] = k
	}
	if o.Publisher != "" {
		keys[o.Publisher] = publisher
	}
	for name, k := range keys {
		if err := f.Seal(f.KeyFile(name), k); err != nil {
			return err
		}
	}
	// The root last: a folder with one is founded.
	return errors.Join(f.saveTargets(targets), f.saveRoot(root))
}

// Seal writes a private key's file, which must not exist yet.
func (f Folder) Seal(file string, key trust.PrivateKey) error {
	passphrase, err := f.Passphrase(file)
	if err != nil {
		return err
	}
	b, err := key.Seal(passphrase)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: it exists already; move it away or name another file", file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = out.Write(append(b, '\n'))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(file))
	}
	return syncFolder(filepath.Dir(file))
}

// Delegate lets a publisher publish models, with these keys and no others.
func (f Folder) Delegate(publisher string, models []trust.Pattern, keys []trust.PublicKey, now time.Time) error {
	if err := CheckPublisher(publisher); err != nil {
		return err
	}
	return f.changeTargets(now, func(t trust.Targets) error {
		return t.Delegate(trust.Delegation{Role: publisher, Keys: keys, Threshold: 1, Paths: paths(models)})
	})
}

// Revoke takes a publisher's delegation away.
func (f Folder) Revoke(publisher string, now time.Time) error {
	if publisher == trust.OrdersRole {
		return fmt.Errorf("revoke %s: that is the controller's right to order, not a publisher's: squadron keys rotate online gives it to a new key", publisher)
	}
	return f.changeTargets(now, func(t trust.Targets) error { return t.Undelegate(publisher) })
}

// Renew signs root and targets anew, for their whole life.
func (f Folder) Renew(now time.Time) error {
	if err := f.changeRoot(now, nil, func(trust.Root) error { return nil }); err != nil {
		return err
	}
	return f.changeTargets(now, func(trust.Targets) error { return nil })
}

// Rotate makes new keys for a role, root, targets or online, and the next root
// that names them. The old ones are worth nothing once devices have seen it.
func (f Folder) Rotate(role string, now time.Time) (files []string, err error) {
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	old, threshold := root.Keys(trust.RoleRoot)
	// Nothing is written before it is sure that the next root can be signed.
	if _, err := f.private("the next root", old, threshold); err != nil {
		return nil, err
	}
	count := 1
	if role == trust.RoleRoot {
		count = len(old)
	}
	keys, err := makeKeys(count)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		name := fmt.Sprintf("%s-%d", role, root.Version()+1)
		if count > 1 {
			name = fmt.Sprintf("%s-%d-%d", role, root.Version()+1, i+1)
		}
		if err := f.Seal(f.KeyFile(name), k); err != nil {
			return nil, err
		}
		files = append(files, f.KeyFile(name))
	}
	return files, f.rotate(role, keys, threshold, now)
}

func (f Folder) rotate(role string, keys []trust.PrivateKey, threshold int, now time.Time) error {
	same := func(trust.Targets) error { return nil }
	switch role {
	case trust.RoleRoot:
		return f.changeRoot(now, keys, func(r trust.Root) error { return r.SetKeys(trust.RoleRoot, threshold, publics(keys)...) })
	case trust.RoleTargets:
		if err := f.changeRoot(now, nil, func(r trust.Root) error { return r.SetKeys(trust.RoleTargets, 1, keys[0].Public()) }); err != nil {
			return err
		}
		return f.changeTargets(now, same)
	case onlineKey:
		return errors.Join(
			f.changeTargets(now, func(t trust.Targets) error { return delegateOrders(t, keys[0]) }),
			f.changeRoot(now, nil, func(r trust.Root) error {
				return errors.Join(r.SetKeys(trust.RoleSnapshot, 1, keys[0].Public()), r.SetKeys(trust.RoleTimestamp, 1, keys[0].Public()))
			}))
	}
	return fmt.Errorf("rotate %q: want root, targets or online; a publisher's key is changed with squadron keys delegate", role)
}

// changeRoot makes and signs the next root. Fresh are keys that it brings in
// and that must sign as well.
func (f Folder) changeRoot(now time.Time, fresh []trust.PrivateKey, change func(trust.Root) error) error {
	before, err := f.Root()
	if err != nil {
		return err
	}
	old, threshold := before.Keys(trust.RoleRoot)
	signers, err := f.private("the next root", old, threshold)
	if err != nil {
		return err
	}
	next, err := f.Root()
	if err != nil {
		return err
	}
	next.Next(now.Add(rootLife))
	if err := change(next); err != nil {
		return err
	}
	if err := errors.Join(signRoot(next, signers), signRoot(next, fresh)); err != nil {
		return err
	}
	if err := next.Follows(before); err != nil {
		return fmt.Errorf("the next root: %w", err)
	}
	return f.saveRoot(next)
}

// changeTargets makes and signs the next targets.
func (f Folder) changeTargets(now time.Time, change func(trust.Targets) error) error {
	root, err := f.Root()
	if err != nil {
		return err
	}
	t, err := f.Targets()
	if err != nil {
		return err
	}
	t.Next(now.Add(targetsLife))
	if err := change(t); err != nil {
		return err
	}
	keys, threshold := root.Keys(trust.RoleTargets)
	signers, err := f.private("targets.json", keys, threshold)
	if err != nil {
		return err
	}
	for _, k := range signers {
		if err := t.Sign(k); err != nil {
			return err
		}
	}
	if err := t.SignedBy(root); err != nil {
		return err
	}
	return f.saveTargets(t)
}

// setOnline gives the controller's key its three duties.
func setOnline(r trust.Root, t trust.Targets, key trust.PrivateKey) error {
	return errors.Join(
		r.SetKeys(trust.RoleSnapshot, 1, key.Public()),
		r.SetKeys(trust.RoleTimestamp, 1, key.Public()),
		delegateOrders(t, key))
}

func delegateOrders(t trust.Targets, key trust.PrivateKey) error {
	return t.Delegate(trust.Delegation{
		Role: trust.OrdersRole, Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: []string{trust.OrderPath("*", "*")},
	})
}

func signRoot(r trust.Root, keys []trust.PrivateKey) error {
	for _, k := range keys {
		if err := r.Sign(k); err != nil {
			return err
		}
	}
	return nil
}

func makeKeys(n int) ([]trust.PrivateKey, error) {
	keys := make([]trust.PrivateKey, n)
	for i := range keys {
		var err error
		if keys[i], err = trust.Generate(rand.Reader); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func publics(keys []trust.PrivateKey) []trust.PublicKey {
	list := make([]trust.PublicKey, len(keys))
	for i, k := range keys {
		list[i] = k.Public()
	}
	return list
}

// paths are the targets of the models that patterns select.
func paths(models []trust.Pattern) []string {
	list := make([]string, len(models))
	for i, m := range models {
		list[i] = trust.TargetPath(string(m), "*")
	}
	return list
}
