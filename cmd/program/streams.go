package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"
	"unicode"
)

// Streams are where a command speaks, and how.
type Streams struct {
	Out, Err io.Writer
	JSON     bool // for programs instead of sentences for people
}

// Print writes v as JSON if asked for, else what text writes.
func (s Streams) Print(v any, text func(io.Writer)) error {
	out := &remembering{w: s.Out}
	if !s.JSON {
		text(plain{out})
		return out.failed
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil && out.failed == nil {
		return fmt.Errorf("print the answer as JSON: %w", err)
	}
	return out.failed
}

// Logger is of a program that stays: it writes for people, or JSON lines, to the
// error stream. Who reads that may end before the program, which goes on without
// a reader: from here on the process ignores SIGPIPE, of which Go's programs die
// when it comes of their own output, and a line that nobody reads is lost.
func (s Streams) Logger(level slog.Level) *slog.Logger {
	signal.Ignore(syscall.SIGPIPE)
	options := &slog.HandlerOptions{Level: level}
	if s.JSON {
		return slog.New(slog.NewJSONHandler(s.Err, options))
	}
	return slog.New(slog.NewTextHandler(s.Err, options))
}

// plain lets no control character through but the end of a line and the tab: what
// devices and files say must not steer a terminal.
type plain struct{ w io.Writer }

func (p plain) Write(b []byte) (int, error) {
	_, err := p.w.Write(bytes.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
			return '\ufffd'
		}
		return r
	}, b))
	return len(b), err
}

// remembering keeps the first failure to write, so that what is printed line by
// line need not look at each: a full disk ends the command with an error.
type remembering struct {
	w      io.Writer
	failed error
}

func (r *remembering) Write(b []byte) (int, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	n, err := r.w.Write(b)
	if err != nil {
		r.failed = fmt.Errorf("print the answer: %w", err)
	}
	return n, r.failed
}
