package store

import (
	"context"
	"fmt"
	"time"
)

// Entry is one line of the audit log: who did what, when. No statement of this
// package changes or removes one.
type Entry struct {
	Number int64
	At     time.Time
	Who    string
	What   string // one plain sentence
}

// Audit appends to the log.
func (t *Tx) Audit(ctx context.Context, at time.Time, who, what string) error {
	_, err := t.exec(ctx, `
		INSERT INTO audit (number, at_ms, who, what)
		SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3 FROM audit`, at.UnixMilli(), who, what)
	if err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	return nil
}

// AuditLog reads the newest entries, newest first.
func (v View) AuditLog(ctx context.Context, limit int) ([]Entry, error) {
	list, err := all(ctx, v.q, scanEntry, `SELECT number, at_ms, who, what FROM audit ORDER BY number DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return list, nil
}

func scanEntry(scan func(...any) error) (Entry, error) {
	var e Entry
	var at int64
	err := scan(&e.Number, &at, &e.Who, &e.What)
	e.At = fromMillis(at)
	return e, err
}
