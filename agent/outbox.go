package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Bounds on the outbox. A device that reports to nobody for months forgets its
// oldest events; the next number that the controller sees tells it how many.
const (
	maxEvents    = 512
	maxEventText = 1024 // bytes
)

// outbox keeps numbered events on disk until the controller acknowledges them.
type outbox struct {
	store *slot.Store

	mu   sync.Mutex
	kept outboxRecord
}

// outboxRecord is the outbox on disk.
type outboxRecord struct {
	Last   int64        `json:"last_seq"` // number of the newest event ever
	Events []wire.Event `json:"events"`   // not acknowledged, in order
	// Reported is the newest report of each model that became an event.
	Reported map[string]int64 `json:"reported"`
}

const outboxName = "outbox"

// openOutbox reads what was kept. An outbox that cannot be read must not keep
// the device from serving: it begins anew, with numbers above all that were
// given before, and an event that says so. damaged is why, for the log.
func openOutbox(store *slot.Store, now time.Time) (o *outbox, damaged error) {
	o = &outbox{store: store}
	b, err := store.Record(outboxName)
	if err == nil && b != nil {
		err = json.Unmarshal(b, &o.kept)
	}
	if err != nil {
		o.kept = outboxRecord{Last: now.Unix()}
	}
	if o.kept.Reported == nil {
		o.kept.Reported = map[string]int64{}
	}
	for i, e := range o.kept.Events {
		o.kept.Events[i] = fitted(e)
	}
	if err != nil {
		damaged = fmt.Errorf("read the outbox: %w", err)
		text := fmt.Sprintf("The events that nobody had acknowledged are lost: %v.", damaged)
		damaged = errors.Join(damaged, o.note(wire.Event{At: now, Kind: "lost", Text: text}))
	}
	return o, damaged
}

// report makes an event of a machine's report, once however often it is told.
func (o *outbox) report(r update.Report) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Number <= o.kept.Reported[r.Model] {
		return nil
	}
	o.kept.Reported[r.Model] = r.Number
	return o.add(wire.Event{
		At: r.At, Kind: string(r.Phase), Model: r.Model, Version: r.Version, Digest: r.Digest,
		Rollout: r.Rollout, Attempt: r.Attempt, Text: r.Text,
	})
}

// begunAnew is the state of a model whose own the disk lost: its reports go on
// above those that became events, or they would be taken for repeated ones.
func (o *outbox) begunAnew(model string, why error) update.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := update.New(model)
	s.Reports = o.kept.Reported[model]
	s.Why = fmt.Sprintf("Begins anew: %v.", why)
	return s
}

// add numbers an event and keeps it. If the disk does not take it, it is kept
// in memory, and goes to disk with the next.
func (o *outbox) add(e wire.Event) error {
	o.kept.Last++
	e.Seq = o.kept.Last
	e = fitted(e)
	o.kept.Events = append(o.kept.Events, e)
	if n := len(o.kept.Events) - maxEvents; n > 0 {
		o.kept.Events = slices.Delete(o.kept.Events, 0, n)
	}
	return o.save()
}

// fitted cuts an event's sentence until it fits one message. JSON may write a
// byte as six.
func fitted(e wire.Event) wire.Event {
	for n := maxEventText; ; n /= 2 {
		e.Text = shorten(e.Text, n)
		if _, err := wire.Encode(e); err == nil || n == 0 {
			return e
		}
	}
}

// note adds an event that is no model's.
func (o *outbox) note(e wire.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.add(e)
}

// acknowledge forgets every event up to seq.
func (o *outbox) acknowledge(seq int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.kept.Events)
	o.kept.Events = slices.DeleteFunc(o.kept.Events, func(e wire.Event) bool { return e.Seq <= seq })
	if len(o.kept.Events) == n {
		return nil
	}
	return o.save()
}

// after lists the events above seq that are not acknowledged.
func (o *outbox) after(seq int64) []wire.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	var later []wire.Event
	for _, e := range o.kept.Events {
		if e.Seq > seq {
			later = append(later, e)
		}
	}
	return later
}

func (o *outbox) save() error {
	b, err := json.Marshal(o.kept)
	if err != nil {
		return err
	}
	return o.store.SaveRecord(outboxName, b)
}
