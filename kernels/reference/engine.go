package reference

import (
	"context"
	"errors"
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
func (e Engine) Compile(plan *ir.Plan) (ir.Program, error) {
	for _, n := range plan.Graph.Nodes {
		if _, ok := n.Op.(ir.Control); ok {
			continue
		}
		if _, err := kernelOf(n.Op); err != nil {
			return nil, fmt.Errorf("compile %s: %w", plan.Graph.Label(n), err)
		}
	}
	bodies := map[int][]ir.BodyProgram{}
	for i, n := range plan.Graph.Nodes {
		if control, ok := n.Op.(ir.Control); ok {
			var err error
			if bodies[i], err = ir.CompileBodies(control, e.Fusions(), e.Compile); err != nil {
				return nil, fmt.Errorf("compile %s: %w", plan.Graph.Label(n), err)
			}
		}
	}
	p := &program{bodies: bodies, graph: plan.Graph, values: make([]tensor.Value, len(plan.Graph.Values)), done: make([][]ir.ValueID, len(plan.Graph.Nodes))}
	for id, last := range plan.LastUse {
		if last >= 0 {
			p.done[last] = append(p.done[last], ir.ValueID(id))
		}
	}
	return p, nil
}

// program holds the values of the run that is under way, each as long as the
// plan's arena would: what the plan bounds, the run takes.
type program struct {
	graph  *ir.Graph
	bodies map[int][]ir.BodyProgram // of nodes that have some
	done   [][]ir.ValueID           // what nothing needs after a node
	values []tensor.Value
	watch  ir.Watch
	budget ir.Budget
}

// Run evaluates the nodes in order.
func (p *program) Run(ctx context.Context, inputs, outputs []tensor.Value) error {
	p.watch.Begin(ctx)
	defer p.watch.End()
	defer clear(p.values)
	p.budget.Begin()
	if err := p.bind(inputs, outputs); err != nil {
		return err
	}
	for i, n := range p.graph.Nodes {
		if err := p.step(i); err != nil {
			return fmt.Errorf("run %s: %w", p.graph.Label(n), err)
		}
	}
	for i, id := range p.graph.Outputs {
		if outputs[i] == nil { // it may be a part of an input or a constant
			outputs[i] = tensor.Clone(p.values[id])
		}
	}
	return nil
}

// Close has nothing to free but what bodies hold.
func (p *program) Close() error {
	var errs []error
	for _, bodies := range p.bodies {
		for _, b := range bodies {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}

// bind gives the graph's inputs, outputs and constants their values.
func (p *program) bind(inputs, outputs []tensor.Value) error {
	for i, v := range p.graph.Values {
		if v.Const != nil {
			p.values[i] = v.Const
		}
	}
	if err := p.take("inputs", p.graph.Inputs, inputs); err != nil {
		return err
	}
	return p.take("outputs", p.graph.Outputs, outputs)
}

// take gives the caller's values to those of the graph.
func (p *program) take(what string, ids []ir.ValueID, given []tensor.Value) error {
	if len(given) != len(ids) {
		return fmt.Errorf("run %q: %d %s given; the plan has %d", p.graph.Name, len(given), what, len(ids))
	}
	for i, id := range ids {
		if v := p.graph.Values[id]; given[i] == nil && what == "outputs" && !v.Known() {
			continue // the run gives it
		}
		if err := p.graph.Values[id].Fits(given[i]); err != nil {
			return fmt.Errorf("run %q: %s: %w", p.graph.Name, what, err)
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
	in := make([]tensor.Value, len(n.Inputs))
	for i, id := range n.Inputs {
		if id != ir.NoValue {
			in[i] = p.values[id]
		}
	}
	out, err := p.evaluate(i, in)
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
		p.budget.Free(tensor.Bytes(p.values[id]))
		p.values[id] = nil
	}
	return nil
}

// evaluate computes node i.
func (p *program) evaluate(i int, in []tensor.Value) ([]tensor.Value, error) {
	op := p.graph.Nodes[i].Op
	control, ok := op.(ir.Control)
	if !ok {
		return Evaluate(&p.watch, op, in)
	}
	return Drive(&p.watch, control, in, p.bodies[i])
}

// keep puts a node's results into their values: one of the graph's outputs has
// the caller's tensor already.
func (p *program) keep(ids []ir.ValueID, out []tensor.Value) error {
	for i, id := range ids {
		switch {
		case id == ir.NoValue:
		case i >= len(out) || out[i] == nil:
			return fmt.Errorf("it gave no output %d", i)
		case p.values[id] == nil:
			if err := p.budget.Take(tensor.Bytes(out[i])); err != nil {
				return err
			}
			p.values[id] = out[i]
		default:
			if err := refill(p.values[id], out[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// refill copies a result into the caller's tensor.
func refill(to, from tensor.Value) error {
	y, isTensor := to.(*tensor.Tensor)
	x, ok := from.(*tensor.Tensor)
	if !isTensor || !ok || !x.Shape().Equal(y.Shape()) {
		return fmt.Errorf("it gave %v, want %v", from, to)
	}
	return copyElements(x, y)
}
