package agent

import (
	"cmp"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// snapshot is the state as the fleet sees it.
func (u *updater) snapshot() wire.State {
	engines := map[bundle.Digest]serve.Status{}
	for _, s := range u.serving.Status() {
		engines[s.Digest] = s
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s := wire.State{Generation: u.given, Models: []wire.ModelState{}}
	for _, m := range u.models {
		message := m.state.Message()
		if e, ok := engines[m.state.Active.Digest]; ok {
			message.Engine, message.EngineWhy = e.Engine, e.EngineWhy
		}
		s.Models = append(s.Models, message)
	}
	slices.SortFunc(s.Models, func(a, b wire.ModelState) int { return cmp.Compare(a.Name, b.Name) })
	s.Why = u.sentence(&s)
	now := later(time.Now(), u.config.Built)
	for _, note := range append(u.config.notes(now), u.idlePin(now)...) {
		s.Why += " Note: " + note + "."
	}
	return s
}

// sentence is why the whole device is as it is: what is wrong with it, or else
// what its newest change was.
func (u *updater) sentence(s *wire.State) string {
	why := "Nothing was ordered yet."
	if s.Generation > 0 {
		why = "No model is ordered here."
	}
	for _, m := range s.Models {
		if !m.Since.Before(s.Since) {
			s.Since = m.Since
			if m.Why != "" {
				why = m.Why
			}
		}
	}
	if u.why != "" {
		why = u.why
	}
	return why
}

// encodeState fits the state into one message: sentences are cut shorter until
// it does, and at last models that are neither wanted nor running are left out.
func encodeState(s wire.State) ([]byte, error) {
	b, err := wire.Encode(s)
	for _, n := range []int{400, 200, 100, 0} {
		if err == nil {
			break
		}
		s.Why = shorten(s.Why, n)
		for i := range s.Models {
			s.Models[i].Why = shorten(s.Models[i].Why, n)
			s.Models[i].EngineWhy = shorten(s.Models[i].EngineWhy, n)
		}
		b, err = wire.Encode(s)
	}
	if err != nil {
		s.Models = slices.DeleteFunc(s.Models, func(m wire.ModelState) bool { return m.Phase == wire.PhaseIdle })
		b, err = wire.Encode(s)
	}
	return b, err
}

// shorten cuts a sentence to at most n bytes, at a character.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Status is the state of a device from its folder alone, beside the agent that
// may run on it or after its end: Running is what the active pointer names.
func Status(dir string) (state wire.State, err error) {
	store, err := slot.Look(dir)
	if err != nil {
		return state, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	u := &updater{store: store}
	if err := u.readLastOrder(); err != nil {
		return state, err
	}
	names, err := store.Models()
	if err != nil {
		return state, err
	}
	state.V = wire.Version // as in the message: it is printed without wire.Encode
	state.Generation, state.Models = u.order.Generation, []wire.ModelState{}
	for _, name := range names {
		s, err := u.lastState(name)
		if err != nil {
			return state, err
		}
		active, err := store.Active(name)
		if err != nil {
			return state, err
		}
		m := s.Message()
		m.Running, m.Digest = active.Version, active.Envelope
		state.Models = append(state.Models, m)
	}
	state.Why = u.sentence(&state)
	return state, nil
}
