package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// PutRollout writes a rollout's whole state. Rollouts are in the order in which
// they were first written, whatever the clock said. A second running one of the same
// model fails on the table's index.
func (t *Tx) PutRollout(ctx context.Context, s rollout.State) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("put rollout %s: %w", s.ID, err)
	}
	_, err = t.exec(ctx, `
		INSERT INTO rollouts (id, model, phase, started_ms, state, number)
		SELECT $1, $2, $3, $4, $5, COALESCE(MAX(number), 0) + 1 FROM rollouts WHERE true
		ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, state = excluded.state`,
		s.ID, s.Model, s.Phase, s.Started.UnixMilli(), string(text))
	if err != nil {
		return fmt.Errorf("put rollout %s: %w", s.ID, err)
	}
	return nil
}

// Rollout reads one rollout; ErrNotFound if there is none of that ID.
func (v View) Rollout(ctx context.Context, id wire.RolloutID) (rollout.State, error) {
	s, err := one(ctx, v.q, scanJSON[rollout.State], `SELECT state FROM rollouts WHERE id = $1`, id)
	if err != nil {
		return s, fmt.Errorf("rollout %.80q: %w", id, err)
	}
	return s, nil
}

// Rollouts shows the newest, newest first, one at a time: each has all devices of
// its fleet.
func (v View) Rollouts(ctx context.Context, limit int, show func(rollout.State)) error {
	scan := func(scan func(...any) error) (none struct{}, err error) {
		s, err := scanJSON[rollout.State](scan)
		if err == nil {
			show(s)
		}
		return none, err
	}
	if _, err := all(ctx, v.q, scan, `SELECT state FROM rollouts ORDER BY number DESC LIMIT $1`, limit); err != nil {
		return fmt.Errorf("rollouts: %w", err)
	}
	return nil
}

// RunningRollout reads the one running rollout of a model; ErrNotFound if none
// runs.
func (v View) RunningRollout(ctx context.Context, model string) (rollout.State, error) {
	s, err := one(ctx, v.q, scanJSON[rollout.State], `SELECT state FROM rollouts WHERE model = $1 AND phase = 'running'`, model)
	if err != nil {
		return s, fmt.Errorf("running rollout of %.80q: %w", model, err)
	}
	return s, nil
}

// NewestRollouts reads, for each model, the rollout that runs, else the one that
// was started last: the only one that may still have something to say to a
// device. A clock that was put back does not hide the one that runs.
func (v View) NewestRollouts(ctx context.Context) ([]rollout.State, error) {
	list, err := all(ctx, v.q, scanJSON[rollout.State], `
		SELECT state FROM rollouts WHERE id = (
			SELECT id FROM rollouts AS other WHERE other.model = rollouts.model
			ORDER BY CASE WHEN phase = 'running' THEN 0 ELSE 1 END, number DESC LIMIT 1)
		ORDER BY model`)
	if err != nil {
		return nil, fmt.Errorf("newest rollouts: %w", err)
	}
	return list, nil
}

// Baseline reads the rollout of a model that was last done in a site: what a
// device that joins there is to run. ErrNotFound if none was.
func (v View) Baseline(ctx context.Context, model string, site wire.SiteID) (rollout.State, error) {
	s, err := v.lastDone(ctx, model, site)
	if err != nil {
		return rollout.State{}, fmt.Errorf("baseline of %.80q in %s: %w", model, site, err)
	}
	return s, nil
}

// DoneRollouts reads every rollout of a model that was done, newest first.
func (v View) DoneRollouts(ctx context.Context, model string) ([]rollout.State, error) {
	list, err := all(ctx, v.q, scanJSON[rollout.State], selectDone, model)
	if err != nil {
		return nil, fmt.Errorf("done rollouts of %.80q: %w", model, err)
	}
	return list, nil
}

const selectDone = `SELECT state FROM rollouts WHERE model = $1 AND phase = 'done' ORDER BY number DESC`

func (v View) lastDone(ctx context.Context, model string, site wire.SiteID) (rollout.State, error) {
	rows, err := v.q.QueryContext(ctx, selectDone, model)
	if err != nil {
		return rollout.State{}, err
	}
	defer rows.Close()
	for rows.Next() {
		s, err := scanJSON[rollout.State](rows.Scan)
		if err != nil || s.Includes(site) {
			return s, err
		}
	}
	return rollout.State{}, cmp.Or(rows.Err(), ErrNotFound)
}
