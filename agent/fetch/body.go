package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// body is the bytes of a reply: counted, hashed and bounded as go-getter reads
// them, and ended if nothing comes.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	guard  *guard
	stall  *time.Timer
}

func newBody(ctx context.Context, cancel context.CancelCauseFunc, from io.ReadCloser, g *guard) *body {
	stalled := fmt.Errorf("nothing came for %s", g.idle)
	return &body{from, ctx, cancel, g, time.AfterFunc(g.idle, func() { cancel(stalled) })}
}

// Read hands over at most what is missing, and fails on the first byte beyond.
func (b *body) Read(p []byte) (int, error) {
	have, size := b.guard.have, b.guard.partial.size
	missing := size - have.size
	if int64(len(p)) > missing+1 {
		p = p[:missing+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.stall.Reset(b.guard.idle)
	if int64(n) > missing {
		return 0, poisoned("the server sent more than its %d bytes", size)
	}
	have.hash.Write(p[:n])
	have.size += int64(n)
	return n, b.explain(err)
}

// explain says how far a transfer came, and why it ended.
func (b *body) explain(err error) error {
	have, size := b.guard.have.size, b.guard.partial.size
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
	b.stall.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
