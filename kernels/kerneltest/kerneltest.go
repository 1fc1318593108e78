// Package kerneltest is the one conformance suite that every engine joins.
//
// It owns the cases (each operator at odd shapes, and small graphs whose steps
// share memory, branch and fuse), runs that are given up, and the measure of
// agreement. It refuses to
// know any engine: the oracle is package reference, which has hand-computed
// tests of its own. Inputs are drawn from the case's name, so that a failure
// repeats.
//
// Vocabulary: a case is one operator with its inputs; an argument says how an
// input is drawn, and whether it is constant; the distance of two tensors is
// the largest difference against the largest magnitude.
//
//	func TestConformance(t *testing.T) {
//		kerneltest.Run(t, gorgonia.Engine{}, 1e-5)
//	}
package kerneltest

import (
	"fmt"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Run holds an engine to the reference on every case and graph. tolerance is
// the largest Distance that passes: 1e-5 is right for float32 sums of a few
// thousand products.
func Run(t *testing.T, engine kernels.Engine, tolerance float64) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			in := draw(c.name, c.args)
			want, err := reference.Eval(c.op, in)
			if err != nil {
				t.Fatalf("the reference refused the case: %v", err)
			}
			agree(t, engine, tolerance, c.graph(in), running(c.args, in), want)
		})
	}
	for _, c := range graphs() {
		t.Run(c.name, func(t *testing.T) {
			g, in := c.build(c.name)
			agree(t, engine, tolerance, g, in, interpret(t, g, in))
		})
	}
	for _, c := range longCases() {
		t.Run("long "+c.name+" given up", func(t *testing.T) { endsWithItsContext(t, engine, c) })
	}
}

// agree compiles g as a Session does and runs it twice, the second time over
// what the first left behind.
func agree(t *testing.T, engine kernels.Engine, tolerance float64, g *ir.Graph, in, want []*tensor.Tensor) {
	t.Helper()
	p, err := prepare(engine, g)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	before := clones(in)
	first := results(t, p, in, want)
	for i := range want {
		if d := Distance(first[i], want[i]); !(d <= tolerance) {
			t.Errorf("output %d lies %.3g from the reference, more than %g", i, d, tolerance)
		}
	}
	second := results(t, p, in, want)
	for i := range want {
		if !Identical(first[i], second[i]) {
			t.Errorf("output %d: a second run with the same inputs gave other bits", i)
		}
	}
	for i := range in {
		if !Identical(in[i], before[i]) {
			t.Errorf("input %d was written to", i)
		}
	}
}

// prepare takes a graph the way that a Session takes it, to a program.
func prepare(engine kernels.Engine, g *ir.Graph) (ir.Program, error) {
	g, err := ir.Specialise(g, nil)
	if err != nil {
		return nil, err
	}
	if g, err = ir.Fold(g, reference.Eval); err != nil {
		return nil, err
	}
	plan, err := ir.NewPlan(ir.Fuse(g, engine.Fusions()))
	if err != nil {
		return nil, err
	}
	return engine.Compile(plan)
}

// results runs p into fresh tensors, shaped like want, that hold nonsense.
func results(t *testing.T, p ir.Program, in, want []*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	out := clones(want)
	for _, o := range out {
		spoil(o)
	}
	if err := p.Run(t.Context(), tensor.Values(in), tensor.Values(out)); err != nil {
		t.Fatal(err)
	}
	return out
}

// interpret evaluates g node by node, as it was written.
func interpret(t *testing.T, g *ir.Graph, in []*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	values := make([]*tensor.Tensor, len(g.Values))
	for i, v := range g.Values {
		values[i] = v.Const
	}
	for i, id := range g.Inputs {
		values[id] = in[i]
	}
	for _, n := range g.Nodes {
		args := make([]*tensor.Tensor, len(n.Inputs))
		for i, id := range n.Inputs {
			if id != ir.NoValue {
				args[i] = values[id]
			}
		}
		out, err := reference.Eval(n.Op, args)
		if err != nil {
			t.Fatal(fmt.Errorf("interpret %s: %w", g.Label(n), err))
		}
		values[n.Outputs[0]] = out[0]
	}
	out := make([]*tensor.Tensor, len(g.Outputs))
	for i, id := range g.Outputs {
		out[i] = values[id]
	}
	return out
}

func clones(ts []*tensor.Tensor) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(ts))
	for i, t := range ts {
		out[i] = t.Clone()
	}
	return out
}

// spoil fills a tensor with a value that no case computes.
func spoil(t *tensor.Tensor) {
	for i := range tensor.Data[float32](t) {
		tensor.Data[float32](t)[i] = -1e30
	}
	for i := range tensor.Data[int64](t) {
		tensor.Data[int64](t)[i] = -1 << 60
	}
}
