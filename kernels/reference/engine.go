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
	return &program{graph: plan.Graph, values: make([]*tensor.Tensor, len(plan.Graph.Values))}, nil
}

// program holds the values of the run that is under way.
type program struct {
	graph  *ir.Graph
	values []*tensor.Tensor
	watch  ir.Watch
}

// Run evaluates the nodes in order.
func (p *program) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	p.watch.Begin(ctx)
	defer p.watch.End()
	defer clear(p.values)
	if err := p.bind(inputs); err != nil {
		return err
	}
	for _, n := range p.graph.Nodes {
		if err := p.step(n); err != nil {
			return fmt.Errorf("run %s: %w", p.graph.Label(n), err)
		}
	}
	return p.deliver(outputs)
}

// Close has nothing to free.
func (p *program) Close() error { return nil }

// bind gives the graph's inputs and constants their tensors.
func (p *program) bind(inputs []*tensor.Tensor) error {
	if len(inputs) != len(p.graph.Inputs) {
		return fmt.Errorf("run %q: %d inputs given; the plan has %d", p.graph.Name, len(inputs), len(p.graph.Inputs))
	}
	for i, v := range p.graph.Values {
		p.values[i] = v.Const
	}
	for i, id := range p.graph.Inputs {
		if err := p.fits(id, inputs[i]); err != nil {
			return err
		}
		p.values[id] = inputs[i]
	}
	return nil
}

// step evaluates one node, unless the run has ended.
func (p *program) step(n ir.Node) error {
	if err := p.watch.Cause(); err != nil {
		return err
	}
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
	for i, id := range n.Outputs {
		if id != ir.NoValue {
			p.values[id] = out[i]
		}
	}
	return nil
}

// deliver copies the graph's outputs to the caller's tensors.
func (p *program) deliver(outputs []*tensor.Tensor) error {
	if len(outputs) != len(p.graph.Outputs) {
		return fmt.Errorf("run %q: %d outputs given; the plan has %d", p.graph.Name, len(outputs), len(p.graph.Outputs))
	}
	for i, id := range p.graph.Outputs {
		if err := p.fits(id, outputs[i]); err != nil {
			return err
		}
		if err := copyElements(p.values[id], outputs[i]); err != nil {
			return err
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
