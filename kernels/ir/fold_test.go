package ir_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Each of these nodes gives one element of a constant that is in the file once.
func TestFoldingEndsAtItsBoundHoweverManyNodesReadOneConstant(t *testing.T) {
	const nodes, large = 4000, 1 << 20
	for name, op := range map[string]ir.Operator{
		"means":    ir.Reduce{By: ir.ReduceMean, KeepDims: true},
		"averages": ir.GlobalAveragePool{},
	} {
		b := build(t)
		constant := b.weights("w", 1, 1, large)
		parts := []ir.ValueID{b.input("x", f(1, 1, 1))}
		for range nodes {
			parts = append(parts, b.node(op, "part", constant))
		}
		b.output(b.node(ir.Concat{}, "y", parts...))
		g, err := ir.Specialise(b.g, nil)
		if err != nil {
			t.Fatal(err)
		}
		touched := 0
		g, err = ir.Fold(g, func(op ir.Operator, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
			for _, x := range in {
				touched += x.Len()
			}
			return reference.Eval(op, in)
		})
		if err != nil {
			t.Fatal(err)
		}
		if touched > ir.MaxFoldedElements || touched < ir.MaxFoldedElements/4 {
			t.Errorf("%s: folding read %d elements, its bound is %d", name, touched, ir.MaxFoldedElements)
		}
		if plan, err := ir.NewPlan(g); err != nil || len(plan.Graph.Nodes) < nodes/2 {
			t.Errorf("%s: what was not folded is not planned: %v", name, err)
		}
	}
}
