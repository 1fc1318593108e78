package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// announce names the models on disk, so that whoever asks for one before it is
// loaded is told to wait, and not that the device has no such model.
func (u *updater) announce() ([]string, error) {
	names, err := u.store.Models()
	for _, name := range names {
		u.serving.Expect(name, "it is being loaded after a start")
	}
	return names, err
}

// boot makes the models on disk serve, without asking anybody, and returns what
// each machine shall be told of it. Reports that a crash kept from the outbox go
// there now.
func (u *updater) boot(names []string) (outcomes []outcome) {
	if err := u.store.Unswept(); err != nil {
		u.log.Error("remove what was half written", "error", err)
	}
	asked := u.endedAsAsked()
	if err := u.readLastOrder(); err != nil {
		// Without it the device serves what it has and asks for its order.
		u.log.Error("start", "error", err)
	}
	for _, name := range names {
		state, err := u.lastState(name)
		if err != nil {
			u.log.Error("start", "model", name, "error", err)
			state = u.outbox.begunAnew(name, err)
		}
		for _, r := range state.News {
			if err := u.outbox.report(r); err != nil {
				u.log.Error("keep event", "error", err)
			}
		}
		if err == nil && u.forgotten(name, state) {
			u.serving.Remove(name)
			continue
		}
		u.model(name).state = state
		outcomes = append(outcomes, outcome{name, update.Restarted{Serving: u.serveFound(name, state.Active), Asked: asked}})
	}
	if err := u.noteStart(); err != nil {
		u.log.Error("keep event", "error", err)
	}
	u.warnOfPin(later(time.Now(), u.config.Built))
	return outcomes
}

// endedRecord is there while no agent runs, if the last one ended as it was asked
// to.
const endedRecord = "ended"

// endedAsAsked reports that, once.
func (u *updater) endedAsAsked() bool {
	b, err := u.store.Record(endedRecord)
	if err != nil || b == nil {
		return false
	}
	return u.store.RemoveRecord(endedRecord) == nil
}

// noteEnd keeps that the agent ends as it was asked to.
func (u *updater) noteEnd() {
	if err := u.store.SaveRecord(endedRecord, []byte("{}")); err != nil {
		u.log.Error("note the end", "error", err)
	}
}

// forgotten reports whether a model was withdrawn and nothing of it is left to
// serve or to tell.
func (u *updater) forgotten(name string, s update.State) bool {
	active, err := u.store.Active(name)
	return err == nil && active.IsZero() && s.Step == update.StepIdle && s.Order.Digest.IsZero() && s.Next == nil
}

func (u *updater) lastState(name string) (update.State, error) {
	b, err := u.store.State(name)
	if err != nil || b == nil {
		return update.New(name), err
	}
	var s update.State
	if err := json.Unmarshal(b, &s); err != nil {
		return update.State{}, fmt.Errorf("read the update state that was kept: %w", err)
	}
	return s, nil
}

// serveFound serves the version that is whole on disk and that an engine takes:
// the active one, or else the one before it. Last is what the state says served.
func (u *updater) serveFound(name string, last update.Version) update.Version {
	found := u.store.Recover(name, pointer(last), readInstalled)
	v, err := u.serveVersion(found)
	if err != nil {
		found = u.store.FallBack(name, err, readInstalled)
		if v, err = u.serveVersion(found); err != nil {
			found.Why += fmt.Sprintf("; nor can %s: %v", found.Active.Version, err)
		}
	}
	switch {
	case v.IsZero() && found.Why == "":
		u.serving.Remove(name) // withdrawn: there is nothing to wait for
	case v.IsZero():
		u.serving.Expect(name, found.Why)
		u.log.Error("no version serves", "model", name, "why", found.Why)
	case found.Why != "":
		u.log.Error("fell back", "model", name, "version", v.Version, "why", found.Why)
	default:
		u.log.Info("serves", "model", name, "version", v.Version)
	}
	return v
}

func (u *updater) serveVersion(found slot.Found) (update.Version, error) {
	if found.Active.IsZero() {
		return update.Version{}, nil
	}
	v := update.Version{Version: found.Active.Version, Digest: found.Active.Envelope}
	l, err := u.loadManifest(v, found.Manifest)
	if err != nil {
		return update.Version{}, err
	}
	return v, u.serve(l)
}

// noteStart tells the fleet that the agent started, and what serves.
func (u *updater) noteStart() error {
	text := "The agent started; no model serves yet."
	if n := len(u.serving.Telemetry()); n > 0 {
		text = fmt.Sprintf("The agent started, and serves %d of its %d models from disk.", n, len(u.models))
	}
	return u.outbox.note(wire.Event{At: time.Now().UTC(), Kind: "started", Text: text})
}
