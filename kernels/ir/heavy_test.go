package ir_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func straight(n int) []ir.Direction {
	d := ir.Direction{}
	for range n {
		d.Functions = append(d.Functions, ir.CellFunction{Name: "Tanh"})
	}
	return []ir.Direction{d}
}

func TestHeavyOperatorsAreCounted(t *testing.T) {
	lstm := ir.Recurrent{Cell: ir.LSTM, Hidden: 5, Directions: straight(3)}
	for name, c := range map[string]struct {
		op   ir.Operator
		in   []ir.Info
		want int
	}{
		"einsum":          {ir.Einsum{Equation: "ij,jk"}, []ir.Info{f(2, 3), f(3, 5)}, 2 * 2 * 3 * 5},
		"determinant":     {ir.Det{}, []ir.Info{f(4, 3, 3)}, 4 * 3 * 3 * 3},
		"channels around": {ir.LRN{Size: 3}, []ir.Info{f(2, 5, 7)}, 2 * 5 * 7 * 3},
		"attention":       {ir.Attention{}, []ir.Info{f(2, 4, 3, 8), f(2, 2, 5, 8), f(2, 2, 5, 6)}, 2 * 4 * 3 * 5 * (8 + 6)},
		"lstm":            {lstm, []ir.Info{f(7, 2, 3), f(1, 20, 3), f(1, 20, 5)}, 7 * 2 * 4 * 5 * (3 + 5)},
		"transform":       {ir.DFT{}, []ir.Info{f(2, 9, 1)}, 2 * 9 * 2 * 9},
		"extreme":         {ir.ArgExtreme{}, []ir.Info{f(9, 2)}, 18},
	} {
		plan, err := ir.NewPlan(single(t, c.op, c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if plan.MultiplyAdds != c.want {
			t.Errorf("%s: %d multiply-adds, want %d", name, plan.MultiplyAdds, c.want)
		}
	}
}

// What takes longer than its operands are large is not computed ahead of a run,
// where nothing could end it.
func TestHeavyOperatorsAreNotFolded(t *testing.T) {
	for _, c := range []struct {
		op ir.Operator
		in []tensor.Shape
	}{
		{ir.Einsum{Equation: "ij,jk"}, []tensor.Shape{{2, 2}, {2, 2}}},
		{ir.Det{}, []tensor.Shape{{2, 2}}},
		{ir.DFT{}, []tensor.Shape{{1, 2, 1}}},
		{ir.Attention{}, []tensor.Shape{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}}},
		{ir.Recurrent{Cell: ir.RNN, Hidden: 1, Directions: straight(1)}, []tensor.Shape{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
	} {
		b := build(t)
		var in []ir.ValueID
		for _, s := range c.in {
			in = append(in, b.weights("w", s...))
		}
		b.output(b.node(c.op, "y", in...))
		g, err := ir.Specialise(b.g, nil)
		if err != nil {
			t.Fatal(err)
		}
		if g, err = ir.Fold(g, reference.Eval); err != nil || len(g.Nodes) != 1 {
			t.Errorf("%s: it was folded, or not: %v", c.op.Type(), err)
		}
	}
}

// A product of letters that no int holds must not pass for a small one.
func TestAnEquationOfTooMuchWorkIsRefused(t *testing.T) {
	in := []ir.Info{f(1<<14, 1), f(1<<14, 1), f(1<<14, 1), f(1<<14, 1), f(1<<14, 1)}
	_, err := ir.NewPlan(single(t, ir.Einsum{Equation: "az,bz,cz,dz,ez->z"}, in))
	refused(t, err, "multiply-adds a run, more than the limit")
}

// An epilogue is computed in float32.
func TestAnActivationOfAnotherTypeIsNotFused(t *testing.T) {
	for dtype, want := range map[tensor.DType]int{tensor.Float32: 1, tensor.Float64: 2} {
		g := &ir.Graph{Inputs: []ir.ValueID{0}, Outputs: []ir.ValueID{2}}
		for _, name := range []string{"x", "y", "z"} {
			g.Values = append(g.Values, ir.Value{Name: name, Info: ir.Info{DType: dtype, Shape: tensor.Shape{1, 1}}})
		}
		g.Nodes = []ir.Node{
			{Op: ir.Gemm{}, Inputs: []ir.ValueID{0, 0}, Outputs: []ir.ValueID{1}},
			{Op: ir.Relu{}, Inputs: []ir.ValueID{1}, Outputs: []ir.ValueID{2}},
		}
		if got := len(ir.Fuse(g, ir.Fusions{Activation: true}).Nodes); got != want {
			t.Errorf("%v: %d nodes are left, want %d", dtype, got, want)
		}
	}
}
