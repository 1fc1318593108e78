package kernels

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// Refusal says why a preferred engine did not take a model: it cannot run on
// this machine, or lacks something that the model needs.
type Refusal struct {
	Engine string
	Why    string // in full
	Short  string // in a few words; empty if the engine has none but Why
}

// Brief is an error of Probe or Compile that has a short form, for lines that
// name it among other things.
type Brief interface {
	error
	Short() string
}

func refuse(e Engine, err error) Refusal {
	r := Refusal{Engine: e.Name(), Why: err.Error()}
	var brief Brief
	if errors.As(err, &brief) {
		r.Short = brief.Short()
	}
	return r
}

// choice is the engine that took a model.
type choice struct {
	engine   Engine
	found    string // by its probe
	refusals []Refusal
	program  program
}

// choose offers a folded graph to the engines in order.
func choose(folded *ir.Graph, engines []Engine) (choice, error) {
	if len(engines) == 0 {
		return choice{}, errors.New("no engine is given")
	}
	var refusals []Refusal
	for _, e := range engines {
		found, err := e.Probe()
		if err != nil {
			refusals = append(refusals, refuse(e, err))
			continue
		}
		plan, err := ir.NewPlan(ir.Fuse(folded, e.Fusions()))
		if err != nil {
			return choice{}, err // no engine would do better
		}
		ready, err := e.Compile(plan)
		if err != nil {
			refusals = append(refusals, refuse(e, err))
			continue
		}
		p := program{signature: signatureOf(plan), plan: plan, Program: ready}
		return choice{engine: e, found: found, refusals: refusals, program: p}, nil
	}
	return choice{}, fmt.Errorf("no engine takes it: %s", list(refusals, func(r Refusal) string { return r.Why }))
}

// Engine is the name of the engine that runs the model.
func (s *Session) Engine() string { return s.engine.Name() }

// Why says in one short sentence why that engine runs the model, and not one
// that was preferred; Refusals has the reasons in full.
func (s *Session) Why() string {
	if len(s.refusals) == 0 {
		return fmt.Sprintf("%s runs it (%s), which is the first choice", s.engine.Name(), s.found)
	}
	return fmt.Sprintf("%s runs it (%s), because %s", s.engine.Name(), s.found, list(s.refusals, func(r Refusal) string { return cmp.Or(r.Short, r.Why) }))
}

// Refusals are the preferred engines that did not take the model, in order.
func (s *Session) Refusals() []Refusal { return s.refusals }

// list writes the refusals as part of a sentence.
func list(refusals []Refusal, reason func(Refusal) string) string {
	parts := make([]string, len(refusals))
	for i, r := range refusals {
		parts[i] = fmt.Sprintf("%s refused: %s", r.Engine, strings.TrimSuffix(reason(r), "."))
	}
	return strings.Join(parts, "; ")
}
