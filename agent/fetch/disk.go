package fetch

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// disk is the little that a partial needs of a file system beside go-getter,
// which writes the bytes. Nothing is durable until synced: a file's bytes by
// Sync or Append, its name by Sync of its folder.
type disk interface {
	Lstat(name string) (fs.FileInfo, error)
	Open(name string) (io.ReadCloser, error)
	Append(name string, b []byte) error // makes the file, and syncs it
	Truncate(name string, size int64) error
	Sync(name string) error
	Rename(from, to string) error
	RemoveAll(name string) error
}

// osDisk is the real one.
type osDisk struct{}

func (osDisk) Lstat(name string) (fs.FileInfo, error)  { return os.Lstat(name) }
func (osDisk) Open(name string) (io.ReadCloser, error) { return os.Open(name) }
func (osDisk) Truncate(name string, size int64) error  { return os.Truncate(name, size) }
func (osDisk) Rename(from, to string) error            { return os.Rename(from, to) }
func (osDisk) RemoveAll(name string) error             { return os.RemoveAll(name) }

func (osDisk) Append(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (osDisk) Sync(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
