package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/sentence"
)

// BusyError says that the server asks to be left alone for a while: 429 or 503
// with Retry-After, RFC 9110 §10.2.3.
type BusyError struct {
	Status string
	After  time.Duration // at most longestAfter
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("the server answered %s, and asks to wait %s", e.Status, e.After)
}

// longestAfter bounds what a server may ask for.
const longestAfter = time.Hour

// statusError is an answer that brings nothing.
type statusError struct {
	code   int
	status string
}

func (e *statusError) Error() string { return "the server answered " + e.status }

// answerError says what a reply without the object means.
func answerError(reply *http.Response) error {
	busy := reply.StatusCode == http.StatusTooManyRequests || reply.StatusCode == http.StatusServiceUnavailable
	if after, ok := retryAfter(reply.Header, time.Now()); busy && ok {
		return &BusyError{reply.Status, after}
	}
	return &statusError{reply.StatusCode, reply.Status}
}

// retryAfter reads seconds or a date. A date is compared with the server's own
// clock if it tells it, since a device's clock may be wrong.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, longestAfter), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(0, at.Sub(now)), longestAfter), true
}

// wrong marks that what has arrived can never become the object.
type wrong struct{ error }

func wrongf(format string, args ...any) error { return wrong{fmt.Errorf(format, args...)} }

// discontinued marks that a source cannot go on with what is there, but may
// bring the object from its start.
type discontinued struct{ error }

func (d discontinued) Unwrap() error { return d.error }

func discontinuedf(format string, args ...any) error {
	return discontinued{fmt.Errorf(format, args...)}
}

// failure is why one source did not bring the object; without a source it is
// this machine that failed.
type failure struct {
	from    string
	lent    bool  // it is of the folder that was lent
	brought int64 // how many bytes came all the same
	err     error
}

func (f *Fetcher) failure(s *source, brought int64, err error) failure {
	if isLocal(err, f.dir) {
		return failure{err: f.local(err)}
	}
	return failure{from: s.String(), lent: s.lent, brought: brought, err: oneLine(err)}
}

// failures are why nobody brought the object.
type failures []failure

func (all failures) Error() string {
	var sentences []string
	for _, f := range all {
		if f.from == "" {
			sentences = append(sentences, f.err.Error())
		} else {
			sentences = append(sentences, "from "+f.from+": "+f.err.Error())
		}
	}
	return strings.Join(sentences, "; ")
}

// Unwrap is what the last source, the authority, said.
func (all failures) Unwrap() error { return all[len(all)-1].err }

func (all failures) local() bool { return len(all) > 0 && all[len(all)-1].from == "" }

// FolderError says that the folder that was lent lacks an object or has spoilt it, and
// that no other source brought any of it.
type FolderError struct{ err error }

func (e *FolderError) Error() string { return e.err.Error() }
func (e *FolderError) Unwrap() error { return e.err }

func (all failures) ofFolder() bool {
	lent := false
	for _, f := range all {
		if f.brought > 0 {
			return false
		}
		lent = lent || f.lent
	}
	return lent && !all.local()
}

func (all failures) wantStart() bool {
	for _, f := range all {
		if errors.As(f.err, new(discontinued)) {
			return !all.local()
		}
	}
	return false
}

// isLocal tells an error of the download folder from one of a source.
func isLocal(err error, dir string) bool {
	var p *fs.PathError
	return errors.As(err, &p) && strings.HasPrefix(p.Path, filepath.Clean(dir))
}

// local says what this machine's disk failed at. A partial's name says nothing
// to anybody.
func (f *Fetcher) local(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return fmt.Errorf("into %s: %w", f.dir, err)
}

// oneLine takes the request line out of an error of net/http, and makes one
// line of it.
func oneLine(err error) error {
	var u *url.Error
	if errors.As(err, &u) && u.Err != nil {
		err = u.Err
	}
	return sentence.Of(err)
}
