package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// accept takes an order that is newer than the newest, keeps it, and gives it
// to the machines. An order of keys that may order no longer is older than any:
// a thief of theirs could have given it the last number there is.
func (u *updater) accept(ctx context.Context, order ordered) {
	void := len(u.orderBy) > 0 && !order.mayOrder(u.orderBy)
	if order.Generation <= u.order.Generation && !void {
		if order.Generation < u.order.Generation {
			u.log.Info("leaves an order that is older than its own", "generation", order.Generation, "own", u.order.Generation)
		}
		return
	}
	err := checkOrder(order.Desired)
	valid := err == nil
	if valid {
		err = u.keepOrder(order)
	}
	u.mu.Lock()
	u.why = ""
	if err == nil {
		u.order, u.orderBy = order.Desired, order.by
	} else {
		u.why = fmt.Sprintf("Order %d was not taken: %v.", order.Generation, err)
	}
	u.mu.Unlock()
	u.signal()
	if err != nil {
		u.log.Error("take order", "generation", order.Generation, "error", err)
		if valid {
			u.later(ctx, order)
		}
		return
	}
	u.log.Info("takes order", "generation", order.Generation, "models", len(order.Models))
	u.give(ctx, order.Desired)
}

// later takes an order again that the disk did not let be kept.
func (u *updater) later(ctx context.Context, order ordered) {
	u.work.Go(func() {
		timer := time.NewTimer(persistRetry)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		order, err := u.authority.again(order)
		if err != nil {
			u.log.Warn("an order that the disk did not take counts no more", "error", err)
			return
		}
		select {
		case u.orders <- order:
		case <-ctx.Done():
		}
	})
}

// checkOrder refuses an order that no device could carry out.
func checkOrder(order wire.Desired) error {
	seen := map[string]bool{}
	for _, m := range order.Models {
		if err := bundle.ValidName(m.Name); err != nil {
			return fmt.Errorf("model %w", err)
		}
		switch {
		case seen[m.Name]:
			return fmt.Errorf("model %s is there twice", m.Name)
		case m.Digest.IsZero():
			return fmt.Errorf("model %s has no digest", m.Name)
		case m.Size <= 0 || m.Size > bundle.MaxEnvelopeSize:
			return fmt.Errorf("model %s has an envelope of %d bytes, want 1 to %d", m.Name, m.Size, bundle.MaxEnvelopeSize)
		}
		seen[m.Name] = true
	}
	return nil
}

const orderRecord = "order"

// keptOrder is an order on disk, and whose it is.
type keptOrder struct {
	wire.Desired
	By []trust.KeyID `json:"signed_by,omitempty"`
}

func (u *updater) keepOrder(order ordered) error {
	b, err := json.Marshal(keptOrder{order.Desired, order.by})
	if err != nil {
		return err
	}
	return u.store.SaveRecord(orderRecord, b)
}

// give tells each machine what the order says of its model. Repeating it
// changes nothing. Without any order (generation 0) nothing is withdrawn.
func (u *updater) give(ctx context.Context, order wire.Desired) {
	if order.Generation == 0 {
		return
	}
	for _, m := range order.Models {
		u.step(ctx, outcome{m.Name, u.wanted(m.Name)})
	}
	for _, name := range u.names() {
		if e := u.wanted(name); e == (update.Withdrawn{}) {
			u.step(ctx, outcome{name, e})
		}
	}
	u.noteGiven()
}

// noteGiven has the state name the order once no machine lags behind it: a
// controller takes what the device says that it wants for all of that order.
func (u *updater) noteGiven() {
	for _, m := range u.models {
		if len(m.untaken) > 0 {
			return
		}
	}
	u.mu.Lock()
	u.given = u.order.Generation
	u.mu.Unlock()
	u.signal()
}

// wanted is what the order says of one model.
func (u *updater) wanted(model string) update.Event {
	for _, m := range u.order.Models {
		if m.Name == model {
			return update.Ordered{Order: m}
		}
	}
	return update.Withdrawn{}
}

// readLastOrder takes up the order that was kept, or none.
func (u *updater) readLastOrder() error {
	b, err := u.store.Record(orderRecord)
	if err != nil || b == nil {
		return err
	}
	var kept keptOrder
	if err := json.Unmarshal(b, &kept); err != nil {
		return fmt.Errorf("read the order that was kept: %w", err)
	}
	u.order, u.orderBy, u.given = kept.Desired, kept.By, kept.Generation
	return nil
}

// maxOffered is how many orders may wait to be judged. The broker and the
// controller are asked for the order at once, so that the one that came last need
// not be the newest; more than a few say nothing that these do not.
const maxOffered = 8

// offer hands over an order as it came, in place of the one that has waited
// longest where too many do.
func (u *updater) offer(envelope []byte) {
	for {
		select {
		case u.envelopes <- envelope:
			return
		default:
		}
		select {
		case <-u.envelopes:
		default:
		}
	}
}

// judgeOrders gives run the orders that came and that somebody signed who may,
// until ctx ends. It may ask the network who may order, which run must not wait for.
func (u *updater) judgeOrders(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case envelope := <-u.envelopes:
			if _, err := u.judgeOrder(ctx, envelope); err != nil {
				u.refuseOrder(err)
			}
		}
	}
}

// judgeOrder hands an order over that somebody signed who may.
func (u *updater) judgeOrder(ctx context.Context, envelope []byte) (wire.Desired, error) {
	order, err := u.authority.order(ctx, envelope)
	if err != nil {
		return wire.Desired{}, err
	}
	select {
	case u.orders <- order:
		return order.Desired, nil
	case <-ctx.Done():
		return wire.Desired{}, ctx.Err()
	}
}

// refuseOrder tells the fleet that an order came which nobody here believes.
func (u *updater) refuseOrder(err error) {
	u.log.Warn("refuse order", "error", err)
	u.mu.Lock()
	u.why = fmt.Sprintf("An order was not taken: %v.", err)
	u.mu.Unlock()
	u.signal()
}
