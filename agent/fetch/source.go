package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// source is a base that objects come from. A mirror that failed rests: for a
// while it is not asked. The last source never does, since package update owns
// the waits between tries.
type source struct {
	base   *url.URL
	folder *Folder // of file:///; else nil
	mirror bool
	lent   bool

	mu    sync.Mutex
	until time.Time // it rests
}

// mirrorRest is how long a mirror is left alone that failed. What it lacks
// meanwhile comes from farther away.
const mirrorRest = 10 * time.Minute

// mirrorRate is the slowest mirror, in bytes a second, that is not left for the
// next source.
const mirrorRate = 16 << 10

// newSource is of a base that was checked.
func newSource(base *url.URL, mirror bool) *source {
	s := &source{base: base, mirror: mirror}
	if base.Scheme == "file" {
		s.folder = NewFolder(base.Path)
	}
	return s
}

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
	if s.folder != nil {
		return s.folder.String()
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
	name := objectIn(p.digest)
	h, err := s.folder.copy(ctx, name, p)
	if err == nil && bundle.Digest(h.Sum(nil)) != p.digest {
		err = fmt.Errorf("the bytes of %s have digest %s, so they are not what was asked for", s.folder.place(name), bundle.Digest(h.Sum(nil)).Short())
	}
	if err != nil {
		return errors.Join(err, p.disk.RemoveAll(p.copy()))
	}
	have.size, have.hash = p.size, h
	return p.disk.Rename(p.copy(), p.file())
}

// objectIn is an object's file in a folder.
func objectIn(d bundle.Digest) string { return "sha256/" + d.Hex() }
