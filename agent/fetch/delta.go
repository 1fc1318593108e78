package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Delta is what makes one object of another, as it came: nobody signed it, and
// only what it makes can be judged.
type Delta struct {
	File string
	Size int64
}

// ErrNoDelta says that no delta is to be had, and nothing went wrong: nobody has
// one, or the whole object lies in a folder at hand.
var ErrNoDelta = errors.New("there is none")

// FetchDelta brings the delta that makes target, of so many bytes, of base. It is
// shorter than the target, or refused. The sources are asked in their order, at
// {base}/sha256/{target}/from/{base}; a folder has no deltas.
//
// A transfer from the last source that is cut goes on at once as long as each
// request brings enough, and any other in the next FetchDelta: from the same
// source, if that names the delta by the same strong ETag as before. No mirror is
// left alone for what it did here: the whole object will tell.
func (f *Fetcher) FetchDelta(ctx context.Context, target, base bundle.Digest, size int64) (Delta, error) {
	p := f.partialDelta(target, base, size-1)
	var failed failures
	for _, s := range f.asked() {
		if s.rests(time.Now()) {
			continue
		}
		if s.folder != nil {
			if s.folder.has(ctx, objectIn(target), size) {
				return Delta{}, fmt.Errorf("%w, and none is needed: %s has the whole object", ErrNoDelta, s)
			}
			continue
		}
		n, err := f.delta(ctx, p, s)
		if err == nil {
			return Delta{p.file(), n}, nil
		}
		failed = append(failed, f.failure(s, 0, err))
		if ctx.Err() != nil || failed.local() {
			break
		}
	}
	if failed.onlyMissing() {
		return Delta{}, ErrNoDelta
	}
	return Delta{}, failed
}

// DropDelta forgets what has arrived of a delta.
func (f *Fetcher) DropDelta(target, base bundle.Digest) error {
	if err := f.partialDelta(target, base, 0).drop(); err != nil {
		return fmt.Errorf("forget the delta of %s %w", target.Short(), f.local(err))
	}
	return nil
}

// Arrived is how many bytes of the whole object are here already.
func (f *Fetcher) Arrived(d bundle.Digest) int64 {
	info, err := f.disk.Lstat(partial{dir: f.dir, digest: d}.file())
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

func (f *Fetcher) partialDelta(target, base bundle.Digest, longest int64) partial {
	return partial{disk: f.disk, dir: f.dir, every: f.every, digest: target, base: base, size: longest}
}

// enoughToGoOn is what a request must bring, in bytes, for a cut transfer to be
// taken up again at once.
const enoughToGoOn = 64 << 10

// delta has one source bring a delta, and returns its length.
func (f *Fetcher) delta(ctx context.Context, p partial, s *source) (int64, error) {
	for {
		have, err := p.open()
		if err != nil {
			return 0, err
		}
		before := have.size
		err = f.bringDelta(ctx, p, s, have)
		again := have.size-before >= enoughToGoOn && !s.mirror
		switch {
		case err == nil:
			return have.size, p.mark(have)
		case errors.As(err, new(discontinued)):
			err, again = errors.Join(err, p.drop()), before > 0
		case errors.As(err, new(wrong)):
			return 0, errors.Join(err, p.drop())
		case !isLocal(err, f.dir):
			err = errors.Join(err, p.mark(have))
		}
		if !again || ctx.Err() != nil || isLocal(err, f.dir) {
			return 0, err
		}
	}
}

// errComplete is a server's word that nothing is missing.
var errComplete = errors.New("nothing follows")

// bringDelta makes one request. Marks are made as for an object.
func (f *Fetcher) bringDelta(ctx context.Context, p partial, s *source, have *progress) (err error) {
	address := s.base.JoinPath("sha256", p.digest.Hex(), "from", p.base.Hex()).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &guard{fetcher: f, source: s, partial: p, have: have}, CheckRedirect: f.redirects.check}
	reply, err := client.Do(request)
	if errors.Is(err, errComplete) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	file, err := os.OpenFile(p.file(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, reply.Body)
	return errors.Join(err, file.Close())
}

// checkDelta learns how long a delta is, which nobody signed, and holds the
// reply to it.
func (g *guard) checkDelta(reply *http.Response) error {
	var from, last, total int64
	asked := reply.Header.Get("Content-Range")
	switch reply.StatusCode {
	case http.StatusOK: // anew, if there was something
		total = reply.ContentLength
		if err := g.partial.drop(); err != nil {
			return err
		}
		*g.have = *newProgress()
	case http.StatusPartialContent:
		_, err := fmt.Sscanf(asked, "bytes %d-%d/%d", &from, &last, &total)
		if known, ok := g.etag(); !ok || err != nil || from != g.have.size || last != total-1 || reply.Header.Get("ETag") != known {
			return discontinuedf("the server sent %.80q, want the rest from byte %d", asked, g.have.size)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if _, err := fmt.Sscanf(asked, "bytes */%d", &total); err != nil || g.have.size == 0 || total != g.have.size {
			return discontinuedf("the server has no bytes after %d", g.have.size)
		}
		return errComplete
	default:
		return answerError(reply)
	}
	if total < 1 || total > g.partial.size {
		return fmt.Errorf("it has %d bytes, want 1 to %d", total, g.partial.size)
	}
	g.partial.size = total
	return nil
}

// onlyMissing reports whether every source answered that it has no such thing.
func (all failures) onlyMissing() bool {
	for _, f := range all {
		if status := new(statusError); !errors.As(f.err, &status) || status.code != http.StatusNotFound {
			return false
		}
	}
	return true
}
