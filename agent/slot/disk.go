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

// Open opens a plain file. Something else in its place, such as a FIFO that
// nobody writes to, must not make the device wait for it.
func (d disk) Open(name string) (Object, error) {
	f, err := d.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: name, Err: errors.New("it is not a plain file")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d disk) Create(name string) (File, error) {
	return d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (d disk) Sync(name string) error { return d.sync(name) }

func (d disk) SyncDir(dir string) error { return d.sync(dir) }

func (d disk) sync(name string) error {
	f, err := d.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
// process, however that ends. On a file system that became read-only, as a worn
// card does, the folder can still be locked and serve.
func (d disk) lock() (unlock func() error, err error) {
	const flags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := d.OpenFile(lockFile, os.O_RDWR|os.O_CREATE|flags, 0o600)
	readOnly := errors.Is(err, syscall.EROFS)
	if readOnly {
		f, err = d.OpenFile(lockFile, os.O_RDONLY|flags, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", filepath.Join(d.Name(), lockFile), err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := lockHolder(f)
		return nil, errors.Join(fmt.Errorf("state folder %s is %w%s", d.Name(), ErrInUse, holder), f.Close())
	}
	if readOnly {
		return f.Close, nil
	}
	// The process's number is for people; the lock holds without it, also on a
	// disk that is full.
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", filepath.Join(d.Name(), lockFile), err), f.Close())
	}
	return f.Close, nil
}

const lockFile = "lock"

// ErrInUse says that another agent runs on the folder.
var ErrInUse = errors.New("in use by another agent")

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
