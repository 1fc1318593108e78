package kernels

import (
	"errors"
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// Refusal says why a preferred engine did not take a model: it cannot run on
// this machine, or lacks something that the model needs.
type Refusal struct {
	Engine string
	Why    string
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
		c, err := offer(folded, e)
		if err == nil {
			c.refusals = refusals
			return c, nil
		}
		refusals = append(refusals, Refusal{Engine: e.Name(), Why: err.Error()})
	}
	return choice{}, fmt.Errorf("no engine takes it: %s", list(refusals))
}

// offer probes the machine before any work goes into a plan.
func offer(folded *ir.Graph, e Engine) (choice, error) {
	found, err := e.Probe()
	if err != nil {
		return choice{}, err
	}
	p, err := compile(folded, e)
	if err != nil {
		return choice{}, err
	}
	return choice{engine: e, found: found, program: p}, nil
}

// compile plans a folded graph as the engine likes it.
func compile(folded *ir.Graph, e Engine) (program, error) {
	plan, err := ir.NewPlan(ir.Fuse(folded, e.Fusions()))
	if err != nil {
		return program{}, err
	}
	ready, err := e.Compile(plan)
	if err != nil {
		return program{}, err
	}
	return program{signature: signatureOf(plan), plan: plan, Program: ready}, nil
}

// Engine is the name of the engine that runs the model.
func (s *Session) Engine() string { return s.engine.Name() }

// Why says in one sentence why that engine runs the model, and not one that
// was preferred.
func (s *Session) Why() string {
	if len(s.refusals) == 0 {
		return fmt.Sprintf("%s runs it (%s), which is the first choice", s.engine.Name(), s.found)
	}
	return fmt.Sprintf("%s runs it (%s), because %s", s.engine.Name(), s.found, list(s.refusals))
}

// Refusals are the preferred engines that did not take the model, in order.
func (s *Session) Refusals() []Refusal { return s.refusals }

// list writes the refusals as part of a sentence.
func list(refusals []Refusal) string {
	parts := make([]string, len(refusals))
	for i, r := range refusals {
		parts[i] = fmt.Sprintf("%s refused: %s", r.Engine, strings.TrimSuffix(r.Why, "."))
	}
	return strings.Join(parts, "; ")
}
