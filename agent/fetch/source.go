package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// source is a base that objects come from. A mirror that failed rests: for a
// while it is not asked. The last source never does, since package update owns
// the waits between tries.
type source struct {
	base   *url.URL
	mirror bool

	mu    sync.Mutex
	until time.Time // it rests
}

// mirrorRest is how long a mirror is left alone that failed. What it lacks
// meanwhile comes from farther away.
const mirrorRest = 10 * time.Minute

// mirrorRate is the slowest mirror, in bytes a second, that is not left for the
// next source.
const mirrorRate = 16 << 10

func (s *source) rests(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.until)
}

// rest returns how long the mirror is left alone for its failure: not at all if
// it merely lacks the object, or could give it from the start.
func (s *source) rest(why error, now time.Time) time.Duration {
	pause := mirrorRest
	busy, status, cannot := new(BusyError), new(statusError), new(discontinued)
	switch {
	case errors.As(why, &busy):
		pause = busy.After
	case errors.As(why, &status) && (status.code == http.StatusNotFound || status.code == http.StatusGone):
		pause = 0
	case errors.As(why, cannot) && !errors.As(why, new(wrong)):
		pause = 0
	case errors.Is(why, fs.ErrNotExist): // a folder is not asked over a network
		pause = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = now.Add(pause)
	return pause
}

func (s *source) address(d bundle.Digest) string {
	return s.base.JoinPath("sha256", d.Hex()).String()
}

// String names the source in a sentence.
func (s *source) String() string {
	if s.base.Scheme == "file" {
		return s.base.Path
	}
	return s.base.Host
}

// enough is how many bytes it must bring while it may be waited for.
func (s *source) enough(wait time.Duration) int64 {
	if s.mirror {
		return max(1, mirrorRate*int64(wait)/int64(time.Second))
	}
	return 1
}

// copyTo copies the object from a folder beside what had arrived, and puts it in
// its place if it is right: a stick pulled out half-way costs nothing. go-getter's
// own copy has no bound, and a file may grow while it is read.
func (s *source) copyTo(ctx context.Context, p partial, have *progress) error {
	name := path.Join(s.base.Path, "sha256", p.digest.Hex())
	if err := checkSize(name, p.size); err != nil {
		return err
	}
	h, err := copyPlain(ctx, name, p)
	if err == nil && bundle.Digest(h.Sum(nil)) != p.digest {
		err = fmt.Errorf("its bytes have digest %s, so they are not what was asked for", bundle.Digest(h.Sum(nil)).Short())
	}
	if err != nil {
		return errors.Join(err, p.disk.RemoveAll(p.copy()))
	}
	have.size, have.hash = p.size, h
	return p.disk.Rename(p.copy(), p.file())
}

// copyPlain copies a file of the partial's length, and hashes what it wrote.
func copyPlain(ctx context.Context, name string, p partial) (h hash.Hash, err error) {
	from, err := openPlain(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := p.disk.RemoveAll(p.copy()); err != nil {
		return nil, err
	}
	to, err := os.OpenFile(p.copy(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	h = sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(&until{ctx, from}, p.size))
	if err == nil && n < p.size {
		err = fmt.Errorf("%s ends after %d of %d bytes", name, n, p.size)
	}
	return h, errors.Join(err, to.Close())
}

// until ends reading with its context.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}

// openPlain opens a plain file, and waits for nothing that somebody put in its
// place.
func openPlain(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is not a plain file", name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a plain file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// checkSize refuses what is not a plain file of the right size, before it is
// copied.
func checkSize(name string, size int64) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a plain file", name)
	}
	if info.Size() != size {
		return fmt.Errorf("%s has %d bytes, want %d", name, info.Size(), size)
	}
	return nil
}
