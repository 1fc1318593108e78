package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
)

// Bounds on the pictures' files, and on how long they may take. A camera on a
// slow link gets through: 30 seconds carry a megabyte at 300 kbit/s. One that
// takes longer than patience makes way for others once a bound is reached; that
// is long enough that many quick senders at once do not push each other out.
const (
	maxUploads  = 64       // files on their way
	maxHeld     = 64 << 20 // bytes of all files, on their way or waiting for their turn
	firstHeld   = 32 << 10 // bytes held for a file at first, doubled as it arrives
	silence     = 10 * time.Second
	readTimeout = 30 * time.Second // of the whole picture
	patience    = 2 * time.Second
)

// intake takes the pictures' files in and accounts for the memory they hold.
// What it is full of decides who is turned away: a slow sender, or else the
// newest.
type intake struct {
	mu      sync.Mutex
	held    int
	uploads []*upload // on their way, the oldest first
}

// upload is one picture's file. Its held and displaced are the intake's.
type upload struct {
	in        *intake
	file      []byte
	limit     int // more need not be held
	began     time.Time
	held      int
	displaced bool
	deadline  func(time.Time) error // of the connection's reads; one in the past ends them
}

// errDisplaced and errFull end an upload for want of room.
var (
	errDisplaced = errors.New("busy: others wait, and the picture arrives too slowly")
	errFull      = fmt.Errorf("busy: %d pictures or %d MiB of them are under way already", maxUploads, maxHeld>>20)
)

// take reads a request's whole body. Whoever gets it releases it.
func (in *intake) take(w http.ResponseWriter, r *http.Request) (*upload, int, error) {
	if r.ContentLength > pipeline.MaxPictureBytes {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the picture has %d bytes, it may have %d", r.ContentLength, pipeline.MaxPictureBytes)
	}
	if r.ContentLength == 0 {
		return nil, http.StatusUnsupportedMediaType, errors.New("there is no picture: send a PNG or a JPEG as the body")
	}
	u := &upload{in: in, limit: pipeline.MaxPictureBytes + 1, began: time.Now(), deadline: http.NewResponseController(w).SetReadDeadline}
	if r.ContentLength > 0 {
		u.limit = int(r.ContentLength) + 1
	}
	err := u.begin()
	if err == nil {
		err = u.end(u.read(http.MaxBytesReader(w, r.Body, pipeline.MaxPictureBytes)))
	}
	if err != nil {
		u.release()
		code, err := unread(err)
		return nil, code, err
	}
	return u, 0, nil
}

// begin lists the upload, in the place of a slow one if need be.
func (u *upload) begin() error {
	u.in.mu.Lock()
	defer u.in.mu.Unlock()
	if len(u.in.uploads) >= maxUploads && !u.in.displaceFor(u, func(a, b *upload) int { return b.began.Compare(a.began) }) {
		return errFull
	}
	u.in.uploads = append(u.in.uploads, u)
	return nil
}

// read fills the file, and does not wait for ever for its next byte.
func (u *upload) read(body io.Reader) error {
	for {
		if err := u.grow(); err != nil {
			return err
		}
		if err := u.deadline(earlier(time.Now().Add(silence), u.began.Add(readTimeout))); err != nil {
			return fmt.Errorf("set a time limit: %w", err)
		}
		n, err := body.Read(u.file[len(u.file):cap(u.file)])
		u.file = u.file[:len(u.file)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// grow makes room for more than has arrived, but never for much more: what a
// sender only promises costs nothing.
func (u *upload) grow() error {
	old := cap(u.file)
	if len(u.file) < old {
		return nil
	}
	next := min(max(2*old, firstHeld), max(u.limit, old+1))
	if err := u.hold(next); err != nil {
		return err
	}
	u.file = append(make([]byte, 0, next), u.file...)
	return u.hold(-old)
}

// hold accounts for n bytes more.
func (u *upload) hold(n int) error {
	u.in.mu.Lock()
	defer u.in.mu.Unlock()
	for n > 0 && u.in.held+n > maxHeld {
		if !u.in.displaceFor(u, func(a, b *upload) int { return a.held - b.held }) {
			return errFull
		}
	}
	if u.displaced {
		return errDisplaced
	}
	u.held += n
	u.in.held += n
	return nil
}

// displaceFor ends the upload that ranks highest of the slow ones other than
// for, and reports whether there was one. Its memory counts as free at once: its
// reader lets go of it as soon as it runs.
func (in *intake) displaceFor(newer *upload, rank func(a, b *upload) int) bool {
	var slow []*upload
	for _, u := range in.uploads {
		if u != newer && time.Since(u.began) >= patience {
			slow = append(slow, u)
		}
	}
	if len(slow) == 0 {
		return false
	}
	u := slices.MaxFunc(slow, rank)
	u.displaced = true
	in.forget(u)
	_ = u.deadline(time.Unix(1, 0)) // it fails if the connection has ended, and then the read ends too
	return true
}

// end takes the upload off the list, and says how it ended. What has arrived is
// not displaced any more.
func (u *upload) end(err error) error {
	u.in.mu.Lock()
	defer u.in.mu.Unlock()
	u.in.unlist(u)
	if u.displaced {
		return errDisplaced
	}
	return err
}

// release lets go of the file. It may be called twice.
func (u *upload) release() {
	u.in.mu.Lock()
	defer u.in.mu.Unlock()
	u.file = nil
	u.in.forget(u)
}

func (in *intake) forget(u *upload) {
	in.held -= u.held
	u.held = 0
	in.unlist(u)
}

func (in *intake) unlist(u *upload) {
	in.uploads = slices.DeleteFunc(in.uploads, func(other *upload) bool { return other == u })
}

// unread is the status for a picture that did not arrive.
func unread(err error) (int, error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errDisplaced), errors.Is(err, errFull):
		return http.StatusServiceUnavailable, err
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the picture has more than %d bytes", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, fmt.Errorf("the picture did not arrive: nothing came for %s, or not all within %s", silence, readTimeout)
	}
	return http.StatusBadRequest, fmt.Errorf("read the picture: %w", err)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
