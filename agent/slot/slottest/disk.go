// Package slottest is a file system in memory that knows what is durable, for
// tests of what a device keeps: its power can be cut at any write, fsync,
// rename, unlink or mkdir, and each of them can fail as a worn, full or
// read-only disk lets it fail.
//
// It owns the model of what a cut leaves. A file's bytes are durable once the
// file is synced, a name once its folder is. Of what is not, a cut leaves any
// mixture: each name stands for anything that it stood for since its folder was
// synced, so that renames and unlinks are lost and reordered; each file holds
// what was synced, all that was written, or half. It refuses to model a disk
// that lies about fsync, or that changes what it has.
//
//	disk := slottest.New()
//	disk.Before = func(step int, op, name string) error { ... }
//	store, err := slot.OpenOn(disk, slot.Limits{})
//	...
//	store, err = slot.OpenOn(disk.Copy().Boot(slottest.ByChance(seed)), slot.Limits{})
package slottest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
)

// Disk implements slot.Files. Its methods may be called concurrently.
type Disk struct {
	// Before is asked before each mutation, which fails with what it returns;
	// nil lets all pass. A write that fails is half done. Before may call Copy.
	Before func(step int, op, name string) error
	// Room is how many bytes Free reports.
	Room int64

	one   sync.Mutex // held through a mutation and its Before
	mu    sync.Mutex // guards what follows
	live  map[string]*node
	past  map[string][]*node // what each name stood for since its folder was synced, the durable first; nil is nothing
	steps int
}

// node is a file or folder; synced is how much of a file survives a cut.
type node struct {
	dir    bool
	bytes  []byte
	synced []byte
}

// New is an empty disk.
func New() *Disk {
	return &Disk{live: map[string]*node{".": {dir: true}}, past: map[string][]*node{}, Room: 1 << 40}
}

// Steps is how many mutations there were.
func (d *Disk) Steps() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.steps
}

// Copy is the disk as it is now, with all that is not durable yet.
func (d *Disk) Copy() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	copies := map[*node]*node{nil: nil}
	of := func(n *node) *node {
		c, ok := copies[n]
		if !ok {
			c = &node{n.dir, slices.Clip(n.bytes), slices.Clip(n.synced)}
			copies[n] = c
		}
		return c
	}
	c := &Disk{live: make(map[string]*node, len(d.live)), past: make(map[string][]*node, len(d.past)), Room: d.Room}
	for name, n := range d.live {
		c.live[name] = of(n)
	}
	for name, nodes := range d.past {
		for _, n := range nodes {
			c.past[name] = append(c.past[name], of(n))
		}
	}
	return c
}

// Loss chooses what a cut leaves of n possibilities: 0 is what was durable, n-1
// the newest.
type Loss func(n int) int

// Everything survives; Nothing does that is not durable.
func Everything(n int) int { return n - 1 }
func Nothing(int) int      { return 0 }

// ByChance leaves each thing in any of its states.
func ByChance(seed uint64) Loss {
	r := rand.New(rand.NewPCG(seed, 0))
	return r.IntN
}

// Boot is the disk after a cut at this moment. d must not be used any more.
func (d *Disk) Boot(loss Loss) *Disk {
	after := &Disk{live: map[string]*node{}, past: map[string][]*node{}, Room: d.Room}
	kept := map[*node]*node{}
	names := maps.Clone(d.live)
	for name := range d.past {
		names[name] = nil
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := d.live[name]
		if past := d.past[name]; len(past) > 0 {
			all := append(slices.Clone(past), n)
			n = all[loss(len(all))]
		}
		folder := after.live[path.Dir(name)]
		if n == nil || name != "." && (folder == nil || !folder.dir) {
			continue
		}
		if kept[n] == nil {
			kept[n] = n.after(loss)
		}
		after.live[name] = kept[n]
	}
	return after
}

func (n *node) after(loss Loss) *node {
	left := n.synced
	if string(n.bytes) != string(n.synced) {
		left = [][]byte{n.synced, n.bytes[:len(n.bytes)/2], n.bytes}[loss(3)]
	}
	left = slices.Clip(left)
	return &node{n.dir, left, left}
}

// Sum is the same for disks that hold the same, and would after a cut.
func (d *Disk) Sum() [sha256.Size]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(d.live)) {
		n := d.live[name]
		fmt.Fprintf(h, "%q %t %d %d %d\n", name, n.dir, len(n.bytes), len(n.synced), len(d.past[name]))
		h.Write(n.bytes)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// mutate counts a mutation and does it, unless Before says no.
func (d *Disk) mutate(op, name string, do func()) error {
	d.one.Lock()
	defer d.one.Unlock()
	d.mu.Lock()
	d.steps++
	step := d.steps
	d.mu.Unlock()
	if d.Before != nil {
		if err := d.Before(step, op, name); err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
	return nil
}

// set makes a name stand for something else; the caller holds mu.
func (d *Disk) set(name string, n *node) {
	d.past[name] = append(d.past[name], d.live[name])
	if n == nil {
		delete(d.live, name)
		return
	}
	d.live[name] = n
}

func (d *Disk) find(op, name string) (*node, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.live[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open implements slot.Files.
func (d *Disk) Open(name string) (interface {
	io.ReadCloser
	io.ReaderAt
}, error) {
	n, err := d.find("open", name)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return opened{strings.NewReader(string(n.bytes))}, nil
}

// opened is a file as it was when it was opened.
type opened struct{ *strings.Reader }

// Close has nothing to release.
func (opened) Close() error { return nil }

// Create implements slot.Files.
func (d *Disk) Create(name string) (interface {
	io.WriteCloser
	Sync() error
}, error) {
	if _, err := d.find("create", path.Dir(name)); err != nil {
		return nil, err
	}
	n := &node{}
	err := d.mutate("create", name, func() {
		if old := d.live[name]; old != nil {
			n = old // truncated: what was synced of it may come back
			n.bytes = nil
			return
		}
		d.set(name, n)
	})
	if err != nil {
		return nil, err
	}
	return &file{d, n, name}, nil
}

type file struct {
	disk *Disk
	node *node
	name string
}

// Write fails in the middle.
func (f *file) Write(b []byte) (int, error) {
	n := len(b)
	err := f.disk.mutate("write", f.name, func() { f.node.bytes = append(f.node.bytes, b...) })
	if err != nil {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		n = len(b) / 2
		f.node.bytes = append(f.node.bytes, b[:n]...)
	}
	return n, err
}

func (f *file) Sync() error { return f.disk.sync(f.name, f.node) }

func (f *file) Close() error { return nil }

func (d *Disk) sync(name string, n *node) error {
	return d.mutate("fsync", name, func() { n.synced = slices.Clip(n.bytes) })
}

// Sync implements slot.Files.
func (d *Disk) Sync(name string) error {
	n, err := d.find("fsync", name)
	if err != nil {
		return err
	}
	return d.sync(name, n)
}

// Rename implements slot.Files.
func (d *Disk) Rename(from, to string) error {
	n, err := d.find("rename", from)
	if err != nil {
		return err
	}
	return d.mutate("rename", to, func() {
		d.set(to, n)
		d.set(from, nil)
	})
}

// Remove implements slot.Files.
func (d *Disk) Remove(name string) error {
	if _, err := d.find("remove", name); err != nil {
		return err
	}
	return d.mutate("remove", name, func() { d.set(name, nil) })
}

// Mkdir implements slot.Files.
func (d *Disk) Mkdir(name string) error {
	return d.mutate("mkdir", name, func() { d.set(name, &node{dir: true}) })
}

// SyncDir makes the names in a folder durable as they are.
func (d *Disk) SyncDir(dir string) error {
	return d.mutate("fsync folder", dir, func() {
		for name := range d.past {
			if path.Dir(name) == dir {
				delete(d.past, name)
			}
		}
	})
}

// Names lists everything.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.live))
}

func (d *Disk) asFS() fstest.MapFS {
	d.mu.Lock()
	defer d.mu.Unlock()
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

// Stat implements slot.Files.
func (d *Disk) Stat(name string) (fs.FileInfo, error) { return d.asFS().Stat(name) }

// ReadDir implements slot.Files.
func (d *Disk) ReadDir(dir string) ([]fs.DirEntry, error) { return d.asFS().ReadDir(dir) }

// Free implements slot.Files.
func (d *Disk) Free() (int64, error) { return d.Room, nil }
