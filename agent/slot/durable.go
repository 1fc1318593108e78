package slot

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// files is the little that a Store needs of a file system, with slash-separated
// names inside its folder. Nothing is durable until synced: a file's bytes by
// its Sync, its name by SyncDir of the folder.
type files interface {
	Open(name string) (Object, error)
	Create(name string) (file, error) // truncates
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
type Object interface {
	io.ReadCloser
	io.ReaderAt
}

type file interface {
	io.WriteCloser
	Sync() error
}

// write puts a file in its place whole, or not at all: temporary file, write,
// fsync, rename, fsync of the folder. An error of fill leaves nothing behind.
func (s *Store) write(name string, fill func(io.Writer) error) error {
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
	return s.files.SyncDir(path.Dir(name))
}

func (s *Store) writeBytes(name string, b []byte) error {
	return s.write(name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// remove takes a file away durably; one that is not there is no error.
func (s *Store) remove(name string) error {
	err := s.files.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.files.SyncDir(path.Dir(name))
}

func (s *Store) removeIfThere(name string) error {
	err := s.files.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
