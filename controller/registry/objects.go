package registry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// objects is a folder of immutable files: sha256/ab/<64 hex digits>, and beside
// them deltas/ab/<those of the target>-<those of the base>.
type objects struct{ dir string }

// incoming begins the name of a file that is not complete.
const incoming = ".incoming-"

// File is an object open for reading.
type File struct {
	*os.File
	Size int64
}

func (o objects) path(d bundle.Digest) string {
	return filepath.Join(o.dir, "sha256", d.Hex()[:2], d.Hex())
}

// prepare makes the folder and clears it of broken uploads.
func (o objects) prepare() error {
	if err := makeDir(filepath.Join(o.dir, "sha256")); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(o.dir, "*", "*", incoming+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// open finds an object; store.ErrNotFound if it was never published.
func (o objects) open(d bundle.Digest) (*File, error) {
	f, err := openFile(o.path(d))
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", d, err)
	}
	return f, nil
}

func openFile(path string) (*File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{File: f, Size: info.Size()}, nil
}

// write keeps r's bytes as the object d. r must end with an error unless they
// are those of the digest. One that is there already, and whole, is read past; one
// that the disk has damaged is replaced, for which damage is the reason.
func (o objects) write(d bundle.Digest, r io.Reader) (damage, err error) {
	damage = o.check(d)
	if damage == nil {
		_, err := io.Copy(io.Discard, r)
		return nil, err
	}
	if errors.Is(damage, store.ErrNotFound) {
		damage = nil
	}
	return damage, keep(o.path(d), func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
}

// check reads an object, and says what is wrong with it.
func (o objects) check(d bundle.Digest) error {
	f, err := o.open(d)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err = io.Copy(h, f); err == nil && bundle.Digest(h.Sum(nil)) != d {
		err = fmt.Errorf("its %d bytes are not those of its digest", f.Size)
	}
	return errors.Join(err, f.Close())
}

// keep puts a file in its place whole, or not at all if fill fails.
func keep(path string, fill func(io.Writer) error) error {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return &diskError{err}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), incoming)
	if err != nil {
		return &diskError{err}
	}
	if err := flush(tmp, fill(onDisk{tmp})); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return &diskError{errors.Join(err, os.Remove(tmp.Name()))}
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return &diskError{err}
	}
	return nil
}

// flush makes a filled file durable, unless filling it failed, and closes it.
func flush(f *os.File, err error) error {
	if err == nil {
		if syncErr := f.Sync(); syncErr != nil {
			err = &diskError{syncErr}
		}
	}
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = &diskError{closeErr}
	}
	return err
}

// diskError is a fault of our disk, not of what was sent.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

// onDisk marks a writer's errors as the disk's.
type onDisk struct{ f *os.File }

func (w onDisk) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		return n, &diskError{err}
	}
	return n, nil
}

// makeDir makes a folder, and its name durable in the folder above.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
