package broker

import (
	"context"
	"log/slog"
)

// demoted makes the library's messages ours: what it calls a warning is a
// client that went away, which presence tells better. Errors stay errors.
type demoted struct{ slog.Handler }

// Enabled asks at the level that the record will have.
func (d demoted) Enabled(ctx context.Context, l slog.Level) bool {
	return d.Handler.Enabled(ctx, demote(l))
}

// Handle passes the record on at its new level.
func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = demote(r.Level)
	return d.Handler.Handle(ctx, r)
}

// WithAttrs keeps the handler demoted.
func (d demoted) WithAttrs(a []slog.Attr) slog.Handler { return demoted{d.Handler.WithAttrs(a)} }

// WithGroup keeps the handler demoted.
func (d demoted) WithGroup(name string) slog.Handler { return demoted{d.Handler.WithGroup(name)} }

func demote(l slog.Level) slog.Level {
	if l >= slog.LevelError {
		return l
	}
	return slog.LevelDebug
}
