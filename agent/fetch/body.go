package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/time/rate"
)

// body is the bytes of a reply: counted, hashed, bounded, limited and marked as
// go-getter reads them.
type body struct {
	io.ReadCloser
	ctx      context.Context
	cancel   context.CancelCauseFunc
	patience *patience
	limit    *rate.Limiter
	partial  partial
	have     *progress
}

// Read hands over at most what is missing, and fails on the first byte beyond.
// Whatever it handed over before is on disk by now: go-getter writes what it
// has read before it reads on.
func (b *body) Read(p []byte) (int, error) {
	have, size := b.have, b.partial.size
	if b.partial.due(have, time.Now()) {
		if err := b.partial.mark(have); err != nil {
			return 0, err
		}
	}
	missing := size - have.size
	p = p[:min(int64(len(p)), missing+1, int64(b.limit.Burst()))]
	b.patience.begin()
	n, err := b.ReadCloser.Read(p)
	b.patience.end(n)
	if int64(n) > missing {
		return 0, wrongf("the server sent more than its %d bytes", size)
	}
	have.hash.Write(p[:n])
	have.size += int64(n)
	if err == nil {
		err = b.limit.WaitN(b.ctx, n)
	}
	return n, b.explain(err)
}

// explain says how far a transfer came, and why it ended.
func (b *body) explain(err error) error {
	have, size := b.have.size, b.partial.size
	if err == nil || err == io.EOF && have == size {
		return err
	}
	if cause := context.Cause(b.ctx); cause != nil {
		err = cause
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the transfer was cut after %d of %d bytes", have, size)
	}
	return fmt.Errorf("the transfer was cut after %d of %d bytes: %w", have, size, err)
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.patience.stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// burst is how many bytes may come at once under a limit: one read.
const burst = 32 << 10

// limiter spreads bytes evenly over time; 0 sets no limit.
func limiter(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond == 0 {
		return rate.NewLimiter(rate.Inf, 1<<20)
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), burst)
}

// patience cancels a request for which the network brings less than enough
// within a while. It counts only the time in which the network is waited for:
// neither a slow disk nor our own limit is a stall.
type patience struct {
	cancel context.CancelCauseFunc
	why    error
	wait   time.Duration
	enough int64

	timer *time.Timer
	since time.Time
	left  time.Duration
	got   int64
}

func newPatience(cancel context.CancelCauseFunc, wait time.Duration, enough int64) *patience {
	p := &patience{cancel: cancel, wait: wait, enough: enough, left: wait, why: fmt.Errorf("nothing came for %s", wait)}
	if enough > 1 {
		p.why = fmt.Errorf("it brought less than %d bytes in %s", enough, wait)
	}
	return p
}

// begin starts to wait for the network.
func (p *patience) begin() {
	p.since = time.Now()
	if p.timer == nil {
		p.timer = time.AfterFunc(p.left, func() { p.cancel(p.why) })
		return
	}
	p.timer.Reset(p.left)
}

// end says what came.
func (p *patience) end(n int) {
	p.timer.Stop()
	p.left -= time.Since(p.since)
	if p.got += int64(n); p.got >= p.enough {
		p.got, p.left = 0, p.wait
	}
}

func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
