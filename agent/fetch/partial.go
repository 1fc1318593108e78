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
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// partial is one object on its way, or a delta that makes it: its file, and
// beside it the marks.
type partial struct {
	disk   disk
	dir    string
	every  int64 // bytes from mark to mark
	digest bundle.Digest
	base   bundle.Digest // of a delta; zero for the object itself
	size   int64         // of a delta: the most, until a reply tells
}

func (p partial) isDelta() bool { return !p.base.IsZero() }

// name begins with the object's digest, up to a dot: who cleans up goes by that.
func (p partial) name(end string) string {
	if p.isDelta() {
		end = ".from." + p.base.Hex() + end
	}
	return filepath.Join(p.dir, p.digest.Hex()+end)
}

func (p partial) file() string  { return p.name(".part") }
func (p partial) marks() string { return p.name(".marks") }
func (p partial) copy() string  { return p.name(".copy") }

// progress is what has arrived: hashed from disk up to the last good mark, and
// then as it comes.
type progress struct {
	size  int64
	hash  hash.Hash
	etags map[string]string // strong ETags, by the address they came from

	marked    int64 // up to here it is durable
	markedAt  time.Time
	unwritten []byte // ETags that are not among the marks yet
	named     bool   // the files' names are durable
}

// open looks at what an earlier try left, and cuts off what no mark vouches
// for. A link, a folder or a file of marks that cannot be ours is dropped.
func (p partial) open() (*progress, error) {
	info, err := p.disk.Lstat(p.file())
	if err == nil && !info.Mode().IsRegular() || errors.Is(err, fs.ErrNotExist) {
		return newProgress(), p.drop()
	}
	if err != nil {
		return nil, err
	}
	marks, err := p.readMarks()
	if err != nil {
		return nil, err
	}
	have, err := p.read(marks)
	if err != nil {
		return nil, err
	}
	if have.size < info.Size() {
		err = p.disk.Truncate(p.file(), have.size)
	}
	return have, err
}

func newProgress() *progress {
	return &progress{hash: sha256.New(), etags: map[string]string{}, markedAt: time.Now()}
}

// read hashes a partial up to the last mark that its bytes agree with. Bytes of
// the object's size and digest need no mark.
func (p partial) read(m marks) (*progress, error) {
	f, err := p.disk.Open(p.file())
	if err != nil {
		return nil, err
	}
	good := newProgress()
	good.etags = m.etags
	h, size := sha256.New(), int64(0)
	for _, at := range append(m.upTo(p.size), mark{p.size, p.digest}) {
		n, err := io.CopyN(h, f, at.size-size)
		size += n
		if errors.Is(err, io.EOF) || err == nil && bundle.Digest(h.Sum(nil)) != at.digest {
			break
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if good.hash, err = clone(h); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		good.size, good.marked = size, size
	}
	return good, f.Close()
}

// clone copies a running hash.
func clone(h hash.Hash) (hash.Hash, error) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, errors.New("this SHA-256 cannot be cloned")
	}
	return c.Clone()
}

// judge says whether all is there and right.
func (have *progress) judge(p partial) error {
	if have.size != p.size {
		return fmt.Errorf("it ends after %d of %d bytes", have.size, p.size)
	}
	if got := bundle.Digest(have.hash.Sum(nil)); got != p.digest {
		return wrongf("the bytes that came have digest %s, so they are not what was asked for", got.Short())
	}
	return nil
}

// drop forgets all that has arrived.
func (p partial) drop() error {
	return errors.Join(p.disk.RemoveAll(p.file()), p.disk.RemoveAll(p.marks()), p.disk.RemoveAll(p.copy()))
}

// finish forgets the marks of a whole object: whoever takes it over syncs it,
// and until then its own digest vouches for it. What an interrupted copy left
// goes too.
func (p partial) finish() error {
	if _, err := p.disk.Lstat(p.marks()); err == nil {
		if err := p.disk.Sync(p.file()); err != nil {
			return err
		}
	}
	return errors.Join(p.disk.RemoveAll(p.marks()), p.disk.RemoveAll(p.copy()))
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
