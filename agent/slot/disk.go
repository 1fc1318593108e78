//go:build unix

package slot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// disk is a folder of the real file system. os.Root keeps every name inside
// it, whatever links somebody planted.
type disk struct {
	*os.Root
}

func openDisk(dir string) (disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return disk{}, err
	}
	return lookAtDisk(dir)
}

func lookAtDisk(dir string) (disk, error) {
	root, err := os.OpenRoot(dir)
	return disk{root}, err
}

func (d disk) Open(name string) (io.ReadCloser, error) { return d.Root.Open(name) }

func (d disk) Create(name string) (File, error) {
	return d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (d disk) Sync(name string) error { return d.sync(name) }

func (d disk) SyncDir(dir string) error { return d.sync(dir) }

func (d disk) sync(name string) error {
	f, err := d.Root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) Mkdir(dir string) error { return d.Root.Mkdir(dir, 0o700) }

func (d disk) Stat(name string) (fs.FileInfo, error) { return d.Lstat(name) }

func (d disk) ReadDir(dir string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS(), dir) }

func (d disk) Free() (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.Name(), &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: d.Name(), Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// lock takes the folder for this process; the kernel releases it with the
// process, however that ends. The number in it is for people: a disk that is
// full or read-only does not take it, and is locked without.
func lock(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	readOnly := errors.Is(err, syscall.EROFS)
	if readOnly {
		f, err = os.Open(name)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := lockHolder(f)
		return nil, errors.Join(fmt.Errorf("state folder %s is in use by another agent%s", filepath.Dir(name), holder), f.Close())
	}
	if readOnly {
		return f.Close, nil
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return f.Close, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func lockHolder(f *os.File) string {
	var b [32]byte
	n, err := f.ReadAt(b[:], 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" && (err == nil || err == io.EOF) {
		return " (process " + pid + ")"
	}
	return ""
}
