package gorgonia

import (
	"context"
	"errors"
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// program is a compiled plan: a Gorgonia graph whose values lie in its own
// memory, and the machine that runs it.
type program struct {
	lowering *lowering
	machine  *machine
}

func compile(plan *ir.Plan) (*program, error) {
	construction.Lock()
	defer construction.Unlock()
	return build(plan)
}

// compileInside compiles a body while its graph is under construction.
func compileInside(plan *ir.Plan) (ir.Program, error) { return build(plan) }

// build compiles a plan. The caller holds construction.
func build(plan *ir.Plan) (*program, error) {
	l, err := lower(plan)
	if err != nil {
		return nil, err
	}
	m, err := newMachine(l.graph, l.leaves)
	if err != nil {
		return nil, err
	}
	if err := inOrder(m.instructions); err != nil {
		return nil, err
	}
	return &program{l, m}, nil
}

// inOrder checks that the steps run in the plan's order. The plan's arena holds
// a value only as long as that order needs it, while Gorgonia's sort promises
// no more than that a node stands after its operands (and gives the order in
// which the nodes were added).
func inOrder(instructions []instruction) error {
	last := -1
	for _, inst := range instructions {
		index := -1
		switch op := inst.op.(type) {
		case *step:
			index = op.index
		case *general:
			index = op.index
		case *pick:
			continue // it computes nothing
		}
		if index <= last {
			return fmt.Errorf("order the graph: %v is sorted out of the plan's order", inst.op)
		}
		last = index
	}
	return nil
}

// Run copies the inputs in, runs the machine and copies the outputs out. It
// allocates nothing. The machine's steps learn of ctx from their workspace, since
// Gorgonia's interfaces take none.
func (p *program) Run(ctx context.Context, inputs, outputs []tensor.Value) error {
	l := p.lowering
	g := l.plan.Graph
	if err := p.fit(g.Inputs, inputs, false); err != nil {
		return fmt.Errorf("run %q: inputs: %w", g.Name, err)
	}
	if err := p.fit(g.Outputs, outputs, true); err != nil {
		return fmt.Errorf("run %q: outputs: %w", g.Name, err)
	}
	l.shared.Begin(ctx)
	l.shared.budget.Begin()
	defer p.end()
	for i, id := range g.Inputs {
		if l.tensors[id] == nil {
			l.boxes[id].value = inputs[i]
			continue
		}
		if err := refill(l.tensors[id], inputs[i]); err != nil {
			return err
		}
	}
	if err := p.machine.RunAll(); err != nil {
		return err
	}
	for i, id := range g.Outputs {
		if l.tensors[id] == nil {
			outputs[i] = tensor.Clone(l.boxes[id].value) // it may be a part of an input or a constant
			continue
		}
		if err := refill(outputs[i], l.tensors[id]); err != nil {
			return err
		}
	}
	return nil
}

// end forgets the run.
func (p *program) end() {
	p.lowering.shared.End()
	p.machine.Reset()
	for id, b := range p.lowering.boxes {
		if b != nil && p.lowering.tensors[id] == nil {
			*b = box{}
		}
	}
}

// refill copies the elements of one tensor to another of its type and shape.
func refill(to, from tensor.Value) error {
	y, ok := to.(*tensor.Tensor)
	x, isTensor := from.(*tensor.Tensor)
	if !ok || !isTensor {
		return fmt.Errorf("%v and %v are not both tensors", to, from)
	}
	return tensor.Copy(y, 0, x, 0, y.Len())
}

// Close lets go of the arena and the weights.
func (p *program) Close() error {
	var errs []error
	for _, b := range p.lowering.bodies {
		errs = append(errs, b.Close())
	}
	*p = program{}
	return errors.Join(errs...)
}

// fit checks the caller's values against the plan's. An output that only the run
// tells may be nil.
func (p *program) fit(ids []ir.ValueID, given []tensor.Value, outputs bool) error {
	if len(given) != len(ids) {
		return fmt.Errorf("%d tensors were given; the plan has %d", len(given), len(ids))
	}
	for i, id := range ids {
		v := p.lowering.plan.Graph.Values[id]
		if outputs && given[i] == nil && p.lowering.tensors[id] == nil {
			continue
		}
		if err := v.Fits(given[i]); err != nil {
			return err
		}
	}
	return nil
}
