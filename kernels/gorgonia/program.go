package gorgonia

import (
	"context"
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
	l, err := lower(plan)
	if err != nil {
		return nil, err
	}
	m, err := newMachine(l.graph)
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
		s, ok := inst.op.(*step)
		if !ok || s.index <= last {
			return fmt.Errorf("order the graph: %v is sorted out of the plan's order", inst.op)
		}
		last = s.index
	}
	return nil
}

// Run copies the inputs in, runs the machine and copies the outputs out. It
// allocates nothing. The machine's steps learn of ctx from their workspace, since
// Gorgonia's interfaces take none.
func (p *program) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	g := p.lowering.plan.Graph
	if err := p.fit(g.Inputs, inputs); err != nil {
		return fmt.Errorf("run %q: inputs: %w", g.Name, err)
	}
	if err := p.fit(g.Outputs, outputs); err != nil {
		return fmt.Errorf("run %q: outputs: %w", g.Name, err)
	}
	for i, id := range g.Inputs {
		copy(p.lowering.storage[id], tensor.Data[float32](inputs[i]))
	}
	p.lowering.shared.Begin(ctx)
	defer p.lowering.shared.End()
	defer p.machine.Reset()
	if err := p.machine.RunAll(); err != nil {
		return err
	}
	for i, id := range g.Outputs {
		if c := p.lowering.fixed[id]; c != nil {
			copy(tensor.Data[int64](outputs[i]), tensor.Data[int64](c))
		}
		copy(tensor.Data[float32](outputs[i]), p.lowering.storage[id])
	}
	return nil
}

// Close lets go of the arena and the weights.
func (p *program) Close() error {
	*p = program{}
	return nil
}

// fit checks the caller's tensors against the plan's values.
func (p *program) fit(ids []ir.ValueID, given []*tensor.Tensor) error {
	if len(given) != len(ids) {
		return fmt.Errorf("%d tensors were given; the plan has %d", len(given), len(ids))
	}
	for i, id := range ids {
		v := &p.lowering.plan.Graph.Values[id]
		switch t := given[i]; {
		case t == nil:
			return fmt.Errorf("no tensor was given for %q", v.Name)
		case t.DType() != v.DType || !t.Shape().Equal(v.Shape):
			return fmt.Errorf("%v was given for %q, which is %v%v", t, v.Name, v.DType, v.Shape)
		}
	}
	return nil
}
