package slot

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing/fstest"
)

var errCut = errors.New("the power was cut")

// cutDisk is a file system in memory that knows what is durable, and whose
// power is cut at its n-th write, fsync, rename, unlink or mkdir.
type cutDisk struct {
	live    map[string]*node // by name, as a running process sees it
	durable map[string]*node // names that survive a cut
	steps   int              // mutations so far
	cutAt   int              // the one that is cut; 0 is never
	free    int64
}

// node is a file or folder; synced is how much of a file survives a cut.
type node struct {
	dir    bool
	bytes  []byte
	synced []byte
}

func newCutDisk() *cutDisk {
	root := &node{dir: true}
	return &cutDisk{live: map[string]*node{".": root}, durable: map[string]*node{".": root}, free: 1 << 40}
}

// step counts a mutation and cuts the power at the chosen one, and after.
func (d *cutDisk) step() error {
	d.steps++
	if d.cutAt > 0 && d.steps >= d.cutAt {
		return errCut
	}
	return nil
}

// boot is the disk after the cut. What was not synced may all be there, all be
// gone, or each be one or the other.
func (d *cutDisk) boot(survives func() bool) *cutDisk {
	after := &cutDisk{live: map[string]*node{}, free: d.free}
	for _, name := range allNames(d.live, d.durable) {
		from := d.durable
		if d.live[name] != d.durable[name] && survives() {
			from = d.live
		}
		n, ok := from[name]
		if !ok {
			continue
		}
		kept := n.synced
		if survives() {
			kept = n.bytes
		}
		after.live[name] = &node{dir: n.dir, bytes: slices.Clone(kept), synced: slices.Clone(kept)}
	}
	for name := range after.live {
		if parent := after.live[path.Dir(name)]; parent == nil {
			delete(after.live, name) // its folder is gone
		}
	}
	after.durable = maps.Clone(after.live)
	return after
}

func allNames(a, b map[string]*node) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func everything() bool { return true }
func nothing() bool    { return false }

func eachByChance(seed uint64) func() bool {
	r := rand.New(rand.NewPCG(seed, 0))
	return func() bool { return r.IntN(2) == 0 }
}

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

func (d *cutDisk) Open(name string) (Object, error) {
	n := d.live[name]
	if n == nil || n.dir {
		return nil, missing("open", name)
	}
	return opened{strings.NewReader(string(n.bytes))}, nil
}

type opened struct{ *strings.Reader }

func (opened) Close() error { return nil }

func (d *cutDisk) Create(name string) (file, error) {
	if d.live[path.Dir(name)] == nil {
		return nil, missing("create", name)
	}
	if err := d.step(); err != nil {
		return nil, err
	}
	n := &node{}
	if old := d.live[name]; old != nil {
		n.synced = old.synced
	}
	d.live[name] = n
	return &cutFile{d, n}, nil
}

type cutFile struct {
	disk *cutDisk
	node *node
}

// Write is cut in the middle.
func (f *cutFile) Write(b []byte) (int, error) {
	if err := f.disk.step(); err != nil {
		f.node.bytes = append(f.node.bytes, b[:len(b)/2]...)
		return len(b) / 2, err
	}
	f.node.bytes = append(f.node.bytes, b...)
	return len(b), nil
}

func (f *cutFile) Sync() error { return f.disk.syncNode(f.node) }

func (f *cutFile) Close() error { return nil }

func (d *cutDisk) syncNode(n *node) error {
	if err := d.step(); err != nil {
		return err
	}
	n.synced = slices.Clone(n.bytes)
	return nil
}

func (d *cutDisk) Sync(name string) error {
	n := d.live[name]
	if n == nil {
		return missing("sync", name)
	}
	return d.syncNode(n)
}

func (d *cutDisk) Rename(from, to string) error {
	if d.live[from] == nil {
		return missing("rename", from)
	}
	if err := d.step(); err != nil {
		return err
	}
	d.live[to] = d.live[from]
	delete(d.live, from)
	return nil
}

func (d *cutDisk) Remove(name string) error {
	if d.live[name] == nil {
		return missing("remove", name)
	}
	if err := d.step(); err != nil {
		return err
	}
	delete(d.live, name)
	return nil
}

func (d *cutDisk) Mkdir(name string) error {
	if err := d.step(); err != nil {
		return err
	}
	d.live[name] = &node{dir: true}
	return nil
}

// SyncDir makes the names in a folder durable as they are.
func (d *cutDisk) SyncDir(dir string) error {
	if err := d.step(); err != nil {
		return err
	}
	for _, name := range allNames(d.live, d.durable) {
		if path.Dir(name) != dir || name == "." {
			continue
		}
		if n := d.live[name]; n != nil {
			d.durable[name] = n
		} else {
			delete(d.durable, name)
		}
	}
	return nil
}

func (d *cutDisk) asFS() fstest.MapFS {
	m := fstest.MapFS{}
	for name, n := range d.live {
		if n.dir {
			m[name] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
		} else {
			m[name] = &fstest.MapFile{Data: n.bytes, Mode: 0o600}
		}
	}
	return m
}

func (d *cutDisk) Stat(name string) (fs.FileInfo, error) { return d.asFS().Stat(name) }

func (d *cutDisk) ReadDir(dir string) ([]fs.DirEntry, error) { return d.asFS().ReadDir(dir) }

func (d *cutDisk) Free() (int64, error) { return d.free, nil }
