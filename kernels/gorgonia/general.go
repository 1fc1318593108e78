package gorgonia

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	gtensor "gorgonia.org/tensor"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// general is the gorgonia.Op of a node for which this engine has no kernel: it
// has the reference's loops compute it, on values of every kind.
type general struct {
	index  int
	label  string
	op     ir.Operator
	bodies []ir.BodyProgram // of a control operator
	shared *workspace

	operands []source  // one for each input of the node
	arity    int       // of the operands that are there
	outs     []result  // one for each output of the node
	types    []hm.Type // of each operand's node, and of the result
	ends     []*box    // what nothing needs after this
}

var _ gorgonia.Op = (*general)(nil)

// source is how a general step reads an input of its node.
type source struct {
	at    int            // among the values that Do is given; -1 for an absent input
	known *tensor.Tensor // over the value's storage, unless it comes in a box
	// kept says that the operator may make its output of the operand itself,
	// whose storage others will use again.
	kept bool
}

// result is where a general step puts an output of its node.
type result struct {
	known *tensor.Tensor // over the value's storage; nil if only the run tells its shape
	box   *box           // nil if known is float32
	dense *gtensor.Dense // nil if known is not
}

// general adds a step that the reference computes.
func (l *lowering) general(index int, n ir.Node) error {
	g := &general{index: index, label: l.plan.Graph.Label(n), op: n.Op, shared: &l.shared}
	if control, ok := n.Op.(ir.Control); ok {
		var err error
		if g.bodies, err = ir.CompileBodies(control, Engine{}.Fusions(), compileInside); err != nil {
			return err
		}
		l.bodies = append(l.bodies, g.bodies...)
	} else if err := reference.Supports(n.Op); err != nil {
		return fmt.Errorf("%s: %w", g.label, err)
	}
	for _, id := range n.Outputs {
		g.outs = append(g.outs, l.result(id))
	}
	open := slices.ContainsFunc(g.outs, func(r result) bool { return r.known == nil })
	var ids []ir.ValueID
	for _, id := range n.Inputs {
		o := source{at: -1}
		if id != ir.NoValue {
			v := l.plan.Graph.Values[id]
			o = source{at: len(ids), known: l.tensors[id], kept: open && v.Const == nil}
			ids = append(ids, id)
		}
		g.operands = append(g.operands, o)
	}
	g.ends = l.ends[index]
	children := l.children(ids)
	if len(children) == 0 { // Gorgonia takes the graph from them
		children = []*gorgonia.Node{l.boxed("nothing "+g.label, &box{})}
	}
	g.arity = len(children)
	for _, c := range children {
		g.types = append(g.types, c.Type())
	}
	g.types = append(g.types, g.outs[0].gorgoniaType())
	node, err := gorgonia.ApplyOp(g, children...)
	if err != nil {
		return fmt.Errorf("add %s to the graph: %w", g.label, err)
	}
	for i, id := range n.Outputs {
		switch {
		case id == ir.NoValue:
		case i == 0:
			l.nodes[id] = node
		default:
			if l.nodes[id], err = gorgonia.ApplyOp(&pick{g, i}, node); err != nil {
				return fmt.Errorf("add output %d of %s to the graph: %w", i, g.label, err)
			}
		}
	}
	return nil
}

// result is where a value is put; one that nobody reads goes to a box of its own.
func (l *lowering) result(id ir.ValueID) result {
	if id == ir.NoValue {
		return result{box: &box{}}
	}
	r := result{known: l.tensors[id], box: l.boxes[id]}
	if r.box == nil {
		r.dense = l.dense(id)
	}
	return r
}

func (r result) value() gorgonia.Value {
	if r.dense != nil {
		return r.dense
	}
	return r.box
}

func (r result) gorgoniaType() hm.Type {
	if r.dense != nil {
		return typeOf(r.dense.Dims())
	}
	return boxType
}

func (r result) shape() gtensor.Shape {
	if r.dense != nil {
		return r.dense.Shape()
	}
	return gtensor.ScalarShape()
}

// Arity counts the operands.
func (g *general) Arity() int { return g.arity }

// Type is a function from the operands' types to the output's.
func (g *general) Type() hm.Type { return hm.NewFnType(g.types...) }

// InferShape gives the shape that the plan inferred, or a box's.
func (g *general) InferShape(...gorgonia.DimSizer) (gtensor.Shape, error) {
	return g.outs[0].shape(), nil
}

// Do computes all outputs and gives the first.
func (g *general) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if err := g.compute(in); err != nil {
		return nil, fmt.Errorf("run %s: %w", g.label, err)
	}
	return g.outs[0].value(), nil
}

func (g *general) compute(in []gorgonia.Value) error {
	if len(in) != g.arity {
		return fmt.Errorf("%d values given for %d", len(in), g.arity)
	}
	if err := g.shared.Cause(); err != nil {
		return err
	}
	values, err := g.inputs(in)
	if err != nil {
		return err
	}
	out, err := g.evaluate(values)
	if err != nil {
		return err
	}
	if err := g.shared.Cause(); err != nil { // out may be unfinished
		return err
	}
	for i := range g.outs {
		if err := g.put(i, out); err != nil {
			return err
		}
	}
	for _, b := range g.ends {
		g.shared.budget.Free(b.bytes)
		*b = box{}
	}
	return nil
}

func (g *general) evaluate(in []tensor.Value) ([]tensor.Value, error) {
	if control, ok := g.op.(ir.Control); ok {
		return reference.Drive(&g.shared.Watch, control, in, g.bodies)
	}
	return reference.Evaluate(&g.shared.Watch, g.op, in)
}

// inputs are the node's inputs, as the reference takes them.
func (g *general) inputs(in []gorgonia.Value) ([]tensor.Value, error) {
	values := make([]tensor.Value, len(g.operands))
	for i, o := range g.operands {
		if o.at < 0 {
			continue
		}
		switch {
		case o.known == nil:
			b, ok := in[o.at].(*box)
			if !ok || b.value == nil {
				return nil, fmt.Errorf("nothing gave its input %d", i)
			}
			values[i] = b.value
		case o.kept:
			values[i] = o.known.Clone()
		default:
			values[i] = o.known
		}
	}
	return values, nil
}

// put stores output i.
func (g *general) put(i int, out []tensor.Value) error {
	r := g.outs[i]
	if i >= len(out) || out[i] == nil {
		return fmt.Errorf("it gave no output %d", i)
	}
	if r.known == nil {
		bytes := tensor.Bytes(out[i])
		if err := g.shared.budget.Take(bytes); err != nil {
			return err
		}
		*r.box = box{out[i], bytes}
		return nil
	}
	t, ok := out[i].(*tensor.Tensor)
	if !ok || !t.Shape().Equal(r.known.Shape()) {
		return fmt.Errorf("it gave %v, want %v", out[i], r.known)
	}
	return tensor.Copy(r.known, 0, t, 0, t.Len())
}

// ReturnsPtr is true: Do returns the output that the step owns.
func (g *general) ReturnsPtr() bool { return true }

// CallsExtern is false: the tape machine would allocate for it.
func (g *general) CallsExtern() bool { return false }

// OverwritesInput is -1, none.
func (g *general) OverwritesInput() int { return -1 }

// WriteHash writes what tells this step from the others of its graph.
func (g *general) WriteHash(h hash.Hash) { fmt.Fprintf(h, "step %d", g.index) }

// Hashcode is unique in the graph.
func (g *general) Hashcode() uint32 { return uint32(g.index) }

func (g *general) String() string { return g.label }

// pick is the gorgonia.Op of another output of a general step than the first.
type pick struct {
	from *general
	i    int
}

var _ gorgonia.Op = (*pick)(nil)

// Arity is 1: the step.
func (*pick) Arity() int { return 1 }

// Type is a function from the step's type to the output's.
func (p *pick) Type() hm.Type {
	return hm.NewFnType(p.from.outs[0].gorgoniaType(), p.from.outs[p.i].gorgoniaType())
}

// InferShape gives the shape that the plan inferred, or a box's.
func (p *pick) InferShape(...gorgonia.DimSizer) (gtensor.Shape, error) {
	return p.from.outs[p.i].shape(), nil
}

// Do gives the output, which the step has computed.
func (p *pick) Do(...gorgonia.Value) (gorgonia.Value, error) { return p.from.outs[p.i].value(), nil }

// ReturnsPtr is true.
func (*pick) ReturnsPtr() bool { return true }

// CallsExtern is false.
func (*pick) CallsExtern() bool { return false }

// OverwritesInput is -1, none.
func (*pick) OverwritesInput() int { return -1 }

// WriteHash writes what tells this from the other operators of its graph.
func (p *pick) WriteHash(h hash.Hash) { fmt.Fprintf(h, "output %d of step %d", p.i, p.from.index) }

// Hashcode is that of the step, with the output above it: steps are fewer than
// 2^20.
func (p *pick) Hashcode() uint32 { return uint32(p.i)<<20 ^ uint32(p.from.index) }

func (p *pick) String() string { return fmt.Sprintf("output %d of %s", p.i, p.from.label) }
