// Package slot keeps models on a device's disk so that a power cut at any
// moment leaves exactly one verified model active: the old or the new.
//
// It owns the layout below, every write ordering, the lock against a second
// agent, the room that stays free, and the collection of what nobody needs. It
// refuses to judge signatures (its caller passes a Judge), to fetch and to
// decide: package update does.
//
// Vocabulary: an object is a run of bytes named by its SHA-256; an envelope is
// the object that is a bundle's signed manifest; a pointer names the envelope
// of a model's active or previous version; a record is a small file that the
// agent keeps, such as a model's update state.
//
//	lock                          held while an agent runs
//	import.lock                   held while somebody has a folder imported
//	objects/sha256/ab/abcd…       an object, whole and digest-checked or absent
//	models/NAME/active            pointer: what serves
//	models/NAME/previous          pointer: what a rollback returns to
//	models/NAME/update.json       record: the update state
//	records/NAME.json             record: the agent's own
//	trust/NAME                    metadata of the fleet's repository, as verified
//	incoming/                     private to package fetch; partial downloads
//	                              and deltas
//
// A file is written beside its place, fsynced, renamed over it, and the folder
// fsynced. A folder whose fsync failed, or that a killed agent may not have
// reached, is fsynced before the next write. An object is on disk before any
// pointer names its envelope; previous is on disk before active changes.
//
//	s, err := slot.Open("/var/lib/squadron", slot.Limits{Reserve: 64 << 20})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	found := s.Recover("meter-reader", last, judge)
//	...
//	err = s.Put(file.Digest, file.Size, body)
//	err = s.Activate("meter-reader", slot.Pointer{Version: "2.0.0", Envelope: digest})
package slot

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Judge says whether an envelope may run here, and what its manifest is.
type Judge func(envelope []byte) (*bundle.Manifest, error)

// Store is a device's state folder. Its methods may be called concurrently.
type Store struct {
	dir    string
	files  Files
	limits Limits
	unlock func() error
	// collecting excludes the arrival of objects from their collection.
	collecting sync.RWMutex
	unswept    error

	owing sync.Mutex
	owed  map[string]bool // folders with names that may not be durable
}

// Open makes the folder if needed, locks it and sweeps out what a crash left
// half written.
func Open(dir string, limits Limits) (*Store, error) {
	disk, err := openDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("open state folder %s: %w", dir, err)
	}
	unlock, err := disk.lock()
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	s, err := OpenOn(disk, limits)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state folder %s: %w", dir, err), unlock(), disk.Close())
	}
	s.dir = dir
	s.unlock = func() error { return errors.Join(unlock(), disk.Close()) }
	return s, nil
}

// Look opens a folder beside the agent that may run on it: for reading, and for
// records that ask that agent for something.
func Look(dir string) (*Store, error) {
	disk, err := lookAtDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("look into state folder %s: %w", dir, err)
	}
	return &Store{dir: dir, files: disk, unlock: disk.Close, owed: map[string]bool{}}, nil
}

// OpenOn is Open of a folder that nobody else can have.
func OpenOn(f Files, limits Limits) (*Store, error) {
	s := &Store{files: f, limits: limits, unlock: func() error { return nil }, owed: map[string]bool{}}
	for _, dir := range []string{objectsDir, modelsDir, recordsDir, incomingDir} {
		if err := s.makeDir(dir); err != nil {
			return nil, err
		}
	}
	s.unswept = s.sweep()
	return s, nil
}

// Unswept is why something half written may still be there since a crash. It is
// in nobody's way but takes room: a disk that is read-only does not let it go,
// and shall serve what it has all the same.
func (s *Store) Unswept() error { return s.unswept }

// Close releases the lock.
func (s *Store) Close() error { return s.unlock() }

// Incoming is the folder that package fetch downloads into: on the same file
// system as the objects, private to this user.
func (s *Store) Incoming() string { return filepath.Join(s.dir, incomingDir) }

const (
	objectsDir  = "objects/sha256"
	modelsDir   = "models"
	recordsDir  = "records"
	incomingDir = "incoming"

	temporary = ".tmp" // ends the name of a file being written
)

// sweep removes temporary files: a crash came before their rename.
func (s *Store) sweep() error {
	return s.walk(".", func(name string) error {
		if !strings.HasSuffix(name, temporary) {
			return nil
		}
		return s.files.Remove(name)
	})
}

// walk calls do with every file below dir, but for partial downloads, and owes
// each folder. It is for the start alone.
func (s *Store) walk(dir string, do func(name string) error) error {
	s.owed[dir] = true
	entries, err := s.files.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if name == incomingDir {
			continue
		}
		if e.IsDir() {
			err = s.walk(name, do)
		} else {
			err = do(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a folder and each above it, and makes their names durable.
func (s *Store) makeDir(dir string) error {
	if dir == "." {
		return nil
	}
	if _, err := s.files.Stat(dir); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	if err := s.files.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.syncDir(path.Dir(dir))
}
