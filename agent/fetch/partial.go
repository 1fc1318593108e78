package fetch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// errPoisoned marks a partial that can never become its object.
var errPoisoned = errors.New("what had arrived of it was dropped")

func poisoned(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fmt.Errorf(format, args...), errPoisoned)
}

// partial is one object on its way: its file, and beside it the ETag that the
// file's bytes belong to.
type partial struct {
	dir    string
	digest bundle.Digest
	size   int64
}

func (p partial) file() string { return filepath.Join(p.dir, p.digest.Hex()+".part") }
func (p partial) etag() string { return filepath.Join(p.dir, p.digest.Hex()+".etag") }

// progress is what has arrived, hashed once from disk and then as it comes.
type progress struct {
	size int64
	hash hash.Hash
	etag string
}

// open looks at what an earlier try left. A link, a folder, too many bytes, or
// bytes without an ETag to resume by are dropped.
func (p partial) open() (*progress, error) {
	have := &progress{hash: sha256.New()}
	info, err := os.Lstat(p.file())
	if errors.Is(err, fs.ErrNotExist) {
		return have, p.drop()
	}
	if err != nil {
		return nil, err
	}
	etag, err := os.ReadFile(p.etag())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > p.size || info.Size() < p.size && len(etag) == 0 {
		return have, p.drop()
	}
	have.etag = string(etag)
	return have, have.read(p.file())
}

// read hashes what is on disk.
func (have *progress) read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	have.size, err = io.Copy(have.hash, f)
	return errors.Join(err, f.Close())
}

// judge says whether all is there and right.
func (have *progress) judge(p partial) error {
	if have.size != p.size {
		return fmt.Errorf("it ends after %d of %d bytes", have.size, p.size)
	}
	if got := bundle.Digest(have.hash.Sum(nil)); got != p.digest {
		return poisoned("the bytes that came have digest %s, so they are not what was asked for", got.Short())
	}
	return nil
}

// drop forgets all that has arrived.
func (p partial) drop() error {
	for _, name := range []string{p.file(), p.etag()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// keepETag remembers what a whole reply belongs to. Without a strong ETag
// (RFC 9110 §8.8.3) there will be no resuming.
func (p partial) keepETag(etag string) error {
	if etag == "" || strings.HasPrefix(etag, "W/") || len(etag) > maxETag {
		err := os.Remove(p.etag())
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.WriteFile(p.etag(), []byte(etag), 0o600)
}

const maxETag = 256

// checkSource refuses what is not a plain file of the right size, before it is
// copied.
func (p partial) checkSource(name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a plain file", name)
	}
	if info.Size() != p.size {
		return fmt.Errorf("%s has %d bytes, want %d", name, info.Size(), p.size)
	}
	return nil
}

// checkPrivate refuses a folder that others could plant files or links in.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at download folder: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("download folder %s is %s: want a folder that only its user can open (mode 0700)", dir, info.Mode())
	}
	return nil
}
