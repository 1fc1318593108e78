package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Device is what the controller knows of a device: its order, and what it last
// said. What it never said is nil.
type Device struct {
	wire.Device
	FirstSeen time.Time
	LastSeen  time.Time
	Online    bool
	Boot      string // of the connection that Online speaks of
	Desired   *wire.Desired
	Info      *wire.Info
	State     *wire.State
	Telemetry *wire.Telemetry
	// Withheld says, in one sentence, why it is given no order; empty if it is given
	// Desired.
	Withheld string
}

// Generation is that of the newest order; 0 before the first.
func (d Device) Generation() int64 {
	if d.Desired == nil {
		return 0
	}
	return d.Desired.Generation
}

const deviceColumns = `site, device, first_seen_ms, last_seen_ms, online, boot, desired, info, state, telemetry, withheld`

// Device reads one device; ErrNotFound if it was never heard of.
func (v View) Device(ctx context.Context, d wire.Device) (Device, error) {
	row, err := one(ctx, v.q, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE site = $1 AND device = $2`, d.Site, d.ID)
	if err != nil {
		return row, fmt.Errorf("device %s: %w", d, err)
	}
	return row, nil
}

// Devices reads all of them, by site and name.
func (v View) Devices(ctx context.Context) ([]Device, error) {
	list, err := all(ctx, v.q, scanDevice, `SELECT `+deviceColumns+` FROM devices ORDER BY site, device`)
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	return list, nil
}

// Withheld reads the devices that are given no order, by site and name.
func (v View) Withheld(ctx context.Context) ([]Device, error) {
	list, err := all(ctx, v.q, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE withheld <> '' ORDER BY site, device`)
	if err != nil {
		return nil, fmt.Errorf("devices that are given no order: %w", err)
	}
	return list, nil
}

// PutDevice writes the whole device. It fails if that would lower the
// generation of its order.
func (t *Tx) PutDevice(ctx context.Context, d Device) error {
	texts, err := encode(d.Desired, d.Info, d.State, d.Telemetry)
	if err != nil {
		return fmt.Errorf("put device %s: %w", d.Device, err)
	}
	online := 0
	if d.Online {
		online = 1
	}
	n, err := t.exec(ctx, `
		INSERT INTO devices (site, device, first_seen_ms, last_seen_ms, online, boot, generation, desired, info, state, telemetry, withheld)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (site, device) DO UPDATE SET
			last_seen_ms = excluded.last_seen_ms, online = excluded.online, boot = excluded.boot,
			generation = excluded.generation, desired = excluded.desired, info = excluded.info,
			state = excluded.state, telemetry = excluded.telemetry, withheld = excluded.withheld
		WHERE excluded.generation >= devices.generation`,
		d.Site, d.ID, d.FirstSeen.UnixMilli(), d.LastSeen.UnixMilli(), online, d.Boot, d.Generation(),
		texts[0], texts[1], texts[2], texts[3], d.Withheld)
	if err != nil {
		return fmt.Errorf("put device %s: %w", d.Device, err)
	}
	if n == 0 {
		return fmt.Errorf("put device %s: generation %d is below the one that stands", d.Device, d.Generation())
	}
	return nil
}

// RemoveDevice forgets a device with its events; ErrNotFound if it was never heard
// of.
func (t *Tx) RemoveDevice(ctx context.Context, d wire.Device) error {
	n, err := t.exec(ctx, `DELETE FROM devices WHERE site = $1 AND device = $2`, d.Site, d.ID)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err == nil {
		_, err = t.exec(ctx, `DELETE FROM events WHERE site = $1 AND device = $2`, d.Site, d.ID)
	}
	if err != nil {
		return fmt.Errorf("remove device %s: %w", d, err)
	}
	return nil
}

// SetAllOffline is for a start: nobody can be connected yet.
func (t *Tx) SetAllOffline(ctx context.Context) error {
	if _, err := t.exec(ctx, `UPDATE devices SET online = 0`); err != nil {
		return fmt.Errorf("set all devices offline: %w", err)
	}
	return nil
}

func scanDevice(scan func(...any) error) (Device, error) {
	var d Device
	var first, last int64
	var desired, info, state, telemetry string
	err := scan(&d.Site, &d.ID, &first, &last, &d.Online, &d.Boot, &desired, &info, &state, &telemetry, &d.Withheld)
	if err != nil {
		return d, err
	}
	d.FirstSeen, d.LastSeen = fromMillis(first), fromMillis(last)
	for _, part := range []struct {
		text string
		into any
	}{{desired, &d.Desired}, {info, &d.Info}, {state, &d.State}, {telemetry, &d.Telemetry}} {
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return d, fmt.Errorf("device %s: %w", d.Device, err)
		}
	}
	return d, nil
}

// encode writes each part as JSON; what is nil becomes null.
func encode(parts ...any) ([]string, error) {
	texts := make([]string, len(parts))
	for i, p := range parts {
		b, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		texts[i] = string(b)
	}
	return texts, nil
}
