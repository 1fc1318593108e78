package owner

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/squadron-edge/squadron/cmd/squadron/durable"
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
	return (&decision{folder: f, root: root, targets: targets, newRoot: true, newTargets: true}).save()
}

// Seal writes a key's file, and beside it its public half, which is no secret.
// Neither may exist yet, and there is none without the other.
func (f Folder) Seal(file string, key trust.PrivateKey) error {
	passphrase, err := f.Passphrase(file)
	if err != nil {
		return err
	}
	sealed, errSealed := key.Seal(passphrase)
	half, errPublic := key.Public().Encode()
	if err := errors.Join(errSealed, errPublic); err != nil {
		return err
	}
	if err := writeNew(file, sealed, 0o600); err != nil {
		return err
	}
	if err := writeNew(PublicFile(file), half, 0o644); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return durable.SyncFolder(filepath.Dir(file))
}

// writeNew writes a file that must not exist yet.
func writeNew(file string, b []byte, mode fs.FileMode) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
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
	return nil
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
	d, err := f.decide(now)
	if err != nil {
		return err
	}
	if err := d.changeRoot(nil, func(trust.Root) error { return nil }); err != nil {
		return err
	}
	if err := d.changeTargets(nil, func(trust.Targets) error { return nil }); err != nil {
		return err
	}
	return d.save()
}

// Rotate makes new keys for a role, root, targets or online, and the next root
// that names them. The old ones are worth nothing once devices have seen it.
func (f Folder) Rotate(role string, now time.Time) (files []string, err error) {
	d, err := f.decide(now)
	if err != nil {
		return nil, err
	}
	old, threshold := d.before.Keys(trust.RoleRoot)
	count := 1
	if role == trust.RoleRoot {
		count = len(old)
	}
	keys, err := makeKeys(count)
	if err != nil {
		return nil, err
	}
	if err := d.rotate(role, keys, threshold); err != nil {
		return nil, err
	}
	if files, err = f.sealAll(fmt.Sprintf("%s-%d", role, d.root.Version()), keys); err != nil {
		return nil, err
	}
	return files, d.save()
}

// rotate gives a role its new keys. A new online key may order as well, and new
// targets keys sign what the old ones signed.
func (d *decision) rotate(role string, keys []trust.PrivateKey, threshold int) error {
	switch role {
	case trust.RoleRoot:
		return d.changeRoot(keys, func(r trust.Root) error { return r.SetKeys(trust.RoleRoot, threshold, publics(keys)...) })
	case trust.RoleTargets:
		err := d.changeRoot(nil, func(r trust.Root) error { return r.SetKeys(trust.RoleTargets, 1, publics(keys)...) })
		if err != nil {
			return err
		}
		return d.changeTargets(keys, func(trust.Targets) error { return nil })
	case onlineKey:
		err := d.changeRoot(nil, func(r trust.Root) error {
			return errors.Join(r.SetKeys(trust.RoleSnapshot, 1, publics(keys)...), r.SetKeys(trust.RoleTimestamp, 1, publics(keys)...))
		})
		if err != nil {
			return err
		}
		return d.changeTargets(nil, func(t trust.Targets) error { return delegateOrders(t, keys[0]) })
	}
	return fmt.Errorf("rotate %q: want root, targets or online; a publisher's key is changed with squadron keys delegate", role)
}

// sealAll writes new keys under a name, with a number each if there are several.
// It leaves none if it cannot write all.
func (f Folder) sealAll(name string, keys []trust.PrivateKey) (files []string, err error) {
	for i, k := range keys {
		file := f.KeyFile(name)
		if len(keys) > 1 {
			file = f.KeyFile(fmt.Sprintf("%s-%d", name, i+1))
		}
		if err := f.Seal(file, k); err != nil {
			for _, written := range files {
				err = errors.Join(err, durable.Remove(written, PublicFile(written)))
			}
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// changeTargets makes, signs and saves the next targets alone.
func (f Folder) changeTargets(now time.Time, change func(trust.Targets) error) error {
	d, err := f.decide(now)
	if err != nil {
		return err
	}
	if err := d.changeTargets(nil, change); err != nil {
		return err
	}
	return d.save()
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
