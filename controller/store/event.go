package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// MaxEvents is how many events of each device are kept.
const MaxEvents = 200

// AddEvent keeps an event once, however often it comes, and forgets the oldest
// beyond MaxEvents, in the order in which they came. Its own number and time make the event: a device that was wiped
// counts from 1 again, and its events are new all the same.
func (t *Tx) AddEvent(ctx context.Context, d wire.Device, e wire.Event, received time.Time) (isNew bool, err error) {
	text, err := json.Marshal(e)
	if err != nil {
		return false, fmt.Errorf("add event %d of %s: %w", e.Seq, d, err)
	}
	n, err := t.exec(ctx, `
		INSERT INTO events (site, device, seq, at_ms, received_ms, event, number)
		SELECT $1, $2, $3, $4, $5, $6, COALESCE(MAX(number), 0) + 1 FROM events WHERE site = $1 AND device = $2
		ON CONFLICT (site, device, seq, at_ms) DO NOTHING`,
		d.Site, d.ID, e.Seq, e.At.UnixMilli(), received.UnixMilli(), string(text))
	if err != nil {
		return false, fmt.Errorf("add event %d of %s: %w", e.Seq, d, err)
	}
	if n == 0 {
		return false, nil
	}
	return true, t.trimEvents(ctx, d)
}

func (t *Tx) trimEvents(ctx context.Context, d wire.Device) error {
	_, err := t.exec(ctx, `
		DELETE FROM events WHERE site = $1 AND device = $2 AND (seq, at_ms) IN (
			SELECT seq, at_ms FROM events WHERE site = $1 AND device = $2
			ORDER BY number DESC LIMIT 1000 OFFSET $3)`, d.Site, d.ID, MaxEvents)
	if err != nil {
		return fmt.Errorf("trim events of %s: %w", d, err)
	}
	return nil
}

// Events reads the newest events of a device, newest first.
func (v View) Events(ctx context.Context, d wire.Device, limit int) ([]wire.Event, error) {
	list, err := all(ctx, v.q, scanJSON[wire.Event], `
		SELECT event FROM events WHERE site = $1 AND device = $2
		ORDER BY number DESC LIMIT $3`, d.Site, d.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", d, err)
	}
	return list, nil
}

func scanJSON[T any](scan func(...any) error) (T, error) {
	var v T
	var text string
	if err := scan(&text); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(text), &v)
}
