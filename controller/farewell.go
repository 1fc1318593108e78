package controller

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// RemoveDevice implements api.Orders. What a device of that name says from then on
// is of one that was never heard of.
func (f *fleet) RemoveDevice(ctx context.Context, d wire.Device, who string) (row store.Device, err error) {
	err = f.turn(ctx, func(t *turn) error {
		row, err = t.removeDevice(d, who)
		return err
	})
	return row, err
}

func (t *turn) removeDevice(d wire.Device, who string) (store.Device, error) {
	row, err := t.tx.Device(t.ctx, d)
	if err != nil {
		return row, err
	}
	if row.Online {
		return row, api.Refuse(http.StatusConflict, "%s is online, and would be back at once: stop its agent first", d)
	}
	if err := t.notInRollout(d); err != nil {
		return row, err
	}
	if err := t.tx.RemoveDevice(t.ctx, d); err != nil {
		return row, err
	}
	t.gone = append(t.gone, d)
	what := fmt.Sprintf("removed device %s, last seen at %s", d, row.LastSeen.Format(time.RFC3339))
	return row, t.tx.Audit(t.ctx, t.now, who, what)
}

// notInRollout refuses while a rollout runs that counts the device: it would be
// ordered, or waited for. The database is asked, as for a rollout's start.
func (t *turn) notInRollout(d wire.Device) error {
	newest, err := t.tx.NewestRollouts(t.ctx)
	if err != nil {
		return err
	}
	for _, s := range newest {
		if s.Phase == rollout.Running && s.Has(d) {
			return api.Refuse(http.StatusConflict, "%s has a part in rollout %s, which runs: wait for it, or abort it", d, s.ID)
		}
	}
	return nil
}
