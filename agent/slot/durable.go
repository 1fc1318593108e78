package slot

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// Files is the little that a Store needs of a file system, with slash-separated
// names inside its folder. Nothing is durable until synced: a file's bytes by
// its Sync, its name by SyncDir of the folder. There is a real one, and
// slottest.Disk.
type Files interface {
	Open(name string) (Object, error)
	Create(name string) (File, error) // truncates
	Sync(name string) error           // of a file that another wrote
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(dir string) error
	SyncDir(dir string) error
	Stat(name string) (fs.FileInfo, error) // does not follow links
	ReadDir(dir string) ([]fs.DirEntry, error)
	Free() (int64, error) // bytes that this user may still write
}

// Object is an object open for reading, from its start or anywhere.
type Object = interface {
	io.ReadCloser
	io.ReaderAt
}

// File is a file being written.
type File = interface {
	io.WriteCloser
	Sync() error
}

// write puts a file in its place whole, or not at all: temporary file, write,
// fsync, rename, fsync of the folder. An error of fill leaves nothing behind.
func (s *Store) write(name string, fill func(io.Writer) error) error {
	if err := s.settle(); err != nil {
		return err
	}
	if err := s.makeDir(path.Dir(name)); err != nil {
		return err
	}
	tmp := name + temporary
	f, err := s.files.Create(tmp)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = s.files.Rename(tmp, name)
	}
	if err != nil {
		return errors.Join(err, s.removeIfThere(tmp))
	}
	return s.syncDir(path.Dir(name))
}

// syncDir makes the names in a folder durable. If it fails, the names are there
// for whoever looks but a power cut may take them: the folder stays owed.
func (s *Store) syncDir(dir string) error {
	s.owing.Lock()
	defer s.owing.Unlock()
	s.owed[dir] = true
	err := s.files.SyncDir(dir)
	if err == nil {
		delete(s.owed, dir)
	}
	return err
}

// settle syncs the folders that are owed, before anything new becomes durable
// that may rest on what is in them. After a start that is all of them: the agent
// before may have been killed between a rename and its fsync.
func (s *Store) settle() error {
	s.owing.Lock()
	defer s.owing.Unlock()
	for _, dir := range slices.Sorted(maps.Keys(s.owed)) {
		if err := s.files.SyncDir(dir); err != nil {
			return err
		}
		delete(s.owed, dir)
	}
	return nil
}

func (s *Store) writeBytes(name string, b []byte) error {
	return s.write(name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// remove takes a file away durably; one that is not there is no error.
func (s *Store) remove(name string) error {
	if err := s.settle(); err != nil {
		return err
	}
	err := s.files.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.syncDir(path.Dir(name))
}

func (s *Store) removeIfThere(name string) error {
	err := s.files.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
