package reference

import (
	"context"
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Engine runs plans one operator at a time with Eval. It needs nothing of the
// machine and asks for no fusion, so that it computes what the file says.
type Engine struct{}

// Name is "reference".
func (Engine) Name() string { return "reference" }

// Probe always succeeds.
func (Engine) Probe() (string, error) { return "plain loops in Go, one thread, any processor", nil }

// Fusions asks for none.
func (Engine) Fusions() ir.Fusions { return ir.Fusions{} }

// Compile checks that every operator of the plan is known.
func (Engine) Compile(plan *ir.Plan) (ir.Program, error) {
	for _, n := range plan.Graph.Nodes {
		if _, err := kernelOf(n.Op); err != nil {
			return nil, fmt.Errorf("compile %s: %w", plan.Graph.Label(n), err)
		}
	}
	p := &program{graph: plan.Graph, values: make([]*tensor.Tensor, len(plan.Graph.Values)), done: make([][]ir.ValueID, len(plan.Graph.Nodes))}
	for id, place := range plan.Place {
		if last := plan.LastUse[id]; place.InArena() {
			p.done[last] = append(p.done[last], ir.ValueID(id))
		}
	}
	return p, nil
}

// program holds the values of the run that is under way, each as long as the
// plan's arena would: what the plan bounds, the run takes.
type program struct {
	graph  *ir.Graph
	done   [][]ir.ValueID // what nothing needs after a node
	values []*tensor.Tensor
	watch  ir.Watch
}

// Run evaluates the nodes in order.
func (p *program) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	p.watch.Begin(ctx)
	defer p.watch.End()
	defer clear(p.values)
	if err := p.bind(inputs, outputs); err != nil {
		return err
	}
	for i, n := range p.graph.Nodes {
		if err := p.step(i); err != nil {
			return fmt.Errorf("run %s: %w", p.graph.Label(n), err)
		}
	}
	return nil
}

// Close has nothing to free.
func (p *program) Close() error { return nil }

// bind gives the graph's inputs, outputs and constants their tensors.
func (p *program) bind(inputs, outputs []*tensor.Tensor) error {
	for i, v := range p.graph.Values {
		p.values[i] = v.Const
	}
	if err := p.take("inputs", p.graph.Inputs, inputs); err != nil {
		return err
	}
	return p.take("outputs", p.graph.Outputs, outputs)
}

// take gives the caller's tensors to values.
func (p *program) take(what string, ids []ir.ValueID, given []*tensor.Tensor) error {
	if len(given) != len(ids) {
		return fmt.Errorf("run %q: %d %s given; the plan has %d", p.graph.Name, len(given), what, len(ids))
	}
	for i, id := range ids {
		if err := p.fits(id, given[i]); err != nil {
			return err
		}
		p.values[id] = given[i]
	}
	return nil
}

// step evaluates node i, unless the run has ended, and lets go of what it was the
// last to need.
func (p *program) step(i int) error {
	if err := p.watch.Cause(); err != nil {
		return err
	}
	n := p.graph.Nodes[i]
	in := make([]*tensor.Tensor, len(n.Inputs))
	for i, id := range n.Inputs {
		if id != ir.NoValue {
			in[i] = p.values[id]
		}
	}
	out, err := evaluate(&p.watch, n.Op, in)
	if err != nil {
		return err
	}
	if err := p.watch.Cause(); err != nil { // out may be unfinished
		return err
	}
	if err := p.keep(n.Outputs, out); err != nil {
		return err
	}
	for _, id := range p.done[i] {
		p.values[id] = nil
	}
	return nil
}

// keep puts a node's results into their values: one of the graph's outputs has
// the caller's tensor already.
func (p *program) keep(ids []ir.ValueID, out []*tensor.Tensor) error {
	for i, id := range ids {
		switch {
		case id == ir.NoValue:
		case p.values[id] == nil:
			p.values[id] = out[i]
		default:
			if err := copyElements(out[i], p.values[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// fits reports whether t has the type and shape that the plan gives value id.
func (p *program) fits(id ir.ValueID, t *tensor.Tensor) error {
	v := p.graph.Values[id]
	if t == nil {
		return fmt.Errorf("run %q: no tensor was given for %q", p.graph.Name, v.Name)
	}
	if t.DType() != v.DType || !t.Shape().Equal(v.Shape) {
		return fmt.Errorf("run %q: %v was given for %q, which is %v%v", p.graph.Name, t, v.Name, v.DType, v.Shape)
	}
	return nil
}
