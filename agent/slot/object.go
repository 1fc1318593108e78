package slot

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

func objectName(d bundle.Digest) string {
	h := d.Hex()
	return path.Join(objectsDir, h[:2], h)
}

// Has reports whether the object is there with its size. Objects come into
// their place whole and checked, so that the size is only a guard against a
// file system that lost bytes.
func (s *Store) Has(d bundle.Digest, size int64) bool {
	info, err := s.files.Stat(objectName(d))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// Whole reports whether the object is there to the last byte.
func (s *Store) Whole(d bundle.Digest, size int64) bool { return s.checkObject(d, size) == nil }

// Put stores an object from a stream, if the stream is of that size and digest.
func (s *Store) Put(d bundle.Digest, size int64, r io.Reader) error {
	s.collecting.RLock()
	defer s.collecting.RUnlock()
	err := s.write(objectName(d), func(w io.Writer) error { return copyChecked(w, r, d, size) })
	if err != nil {
		return fmt.Errorf("store object %s: %w", d.Short(), err)
	}
	return nil
}

// Make stores an object that fill writes. fill must fail unless what it wrote is
// of that digest: it is not read again.
func (s *Store) Make(d bundle.Digest, fill func(io.Writer) error) error {
	s.collecting.RLock()
	defer s.collecting.RUnlock()
	if err := s.write(objectName(d), fill); err != nil {
		return fmt.Errorf("make object %s: %w", d.Short(), err)
	}
	return nil
}

// Adopt takes over a file of Incoming whose size and digest package fetch has
// checked while it arrived, without reading it again.
func (s *Store) Adopt(d bundle.Digest, size int64, file string) error {
	s.collecting.RLock()
	defer s.collecting.RUnlock()
	if err := s.adopt(d, size, path.Join(incomingDir, filepath.Base(file))); err != nil {
		return fmt.Errorf("take over object %s: %w", d.Short(), err)
	}
	return nil
}

func (s *Store) adopt(d bundle.Digest, size int64, from string) error {
	info, err := s.files.Stat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != size {
		return fmt.Errorf("%s is %s of %d bytes, want a file of %d", from, info.Mode(), info.Size(), size)
	}
	to := objectName(d)
	if err := s.settle(); err != nil {
		return err
	}
	if err := s.makeDir(path.Dir(to)); err != nil {
		return err
	}
	if err := s.files.Sync(from); err != nil {
		return err
	}
	if err := s.files.Rename(from, to); err != nil {
		return err
	}
	return s.syncDir(path.Dir(to))
}

// Read returns an object of at most max bytes, checked against its digest.
func (s *Store) Read(d bundle.Digest, max int64) ([]byte, error) {
	b, err := s.readFile(objectName(d), max)
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", d.Short(), err)
	}
	if got := bundle.DigestOf(b); got != d {
		return nil, fmt.Errorf("read object %s: its bytes have digest %s: the disk changed them", d.Short(), got.Short())
	}
	return b, nil
}

// Open streams an object without checking it again.
func (s *Store) Open(d bundle.Digest) (Object, error) {
	r, err := s.files.Open(objectName(d))
	if err != nil {
		return nil, fmt.Errorf("open object %s: %w", d.Short(), err)
	}
	return r, nil
}

// Check reads a whole version: its envelope, which judge must accept, and every
// object that the manifest names.
func (s *Store) Check(envelope bundle.Digest, judge Judge) (*bundle.Manifest, error) {
	m, err := s.Manifest(envelope, judge)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if err := s.checkObject(f.Digest, f.Size); err != nil {
			return nil, fmt.Errorf("check %s of %s %s: %w", f.Path, m.Name, m.Version, err)
		}
	}
	return m, nil
}

// Manifest reads an envelope and lets judge open it.
func (s *Store) Manifest(envelope bundle.Digest, judge Judge) (*bundle.Manifest, error) {
	b, err := s.Read(envelope, bundle.MaxEnvelopeSize)
	if err != nil {
		return nil, err
	}
	return judge(b)
}

func (s *Store) checkObject(d bundle.Digest, size int64) error {
	r, err := s.Open(d)
	if err != nil {
		return err
	}
	return errors.Join(copyChecked(io.Discard, r, d, size), r.Close())
}

// copyChecked copies exactly size bytes with digest d, and fails otherwise.
func copyChecked(w io.Writer, r io.Reader, d bundle.Digest, size int64) error {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return err
	case n > size:
		return fmt.Errorf("longer than its %d bytes", size)
	case n < size:
		return fmt.Errorf("ends after %d of %d bytes", n, size)
	case bundle.Digest(h.Sum(nil)) != d:
		return fmt.Errorf("its bytes have digest %s", bundle.Digest(h.Sum(nil)).Short())
	}
	return nil
}

func (s *Store) readFile(name string, max int64) ([]byte, error) {
	r, err := s.files.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, max)
	}
	return b, nil
}

// isMissing reports whether nothing is there.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
