package reference

import (
	"context"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// An operator that is told to stop must do so, not only say so at its end.
func TestAnOperatorLeavesItsOutputWhenTheRunHasEnded(t *testing.T) {
	over := ir.Window{Kernel: []int{40, 40}}
	for name, c := range map[string]struct {
		op ir.Operator
		in []tensor.Shape
	}{
		"conv":                {ir.Conv{Group: 1}, []tensor.Shape{{1, 16, 40, 40}, {16, 16, 5, 5}}},
		"pool":                {ir.MaxPool{Window: over}, []tensor.Shape{{1, 1, 96, 96}}},
		"conv of volumes":     {ir.Conv{Group: 1}, []tensor.Shape{{1, 4, 12, 12, 12}, {16, 4, 5, 5, 5}}},
		"conv transposed":     {ir.ConvTranspose{Group: 1}, []tensor.Shape{{1, 16, 20, 20}, {16, 16, 5, 5}}},
		"conv deformed":       {ir.DeformConv{Group: 1, OffsetGroup: 1}, []tensor.Shape{{1, 8, 24, 24}, {8, 8, 3, 3}, {1, 18, 22, 22}}},
		"norm pool":           {ir.LpPool{Window: over, P: 2}, []tensor.Shape{{1, 1, 96, 96}}},
		"grid":                {ir.GridSample{Mode: "cubic"}, []tensor.Shape{{1, 64, 8, 8}, {1, 64, 64, 2}}},
		"trees":               {deepTree(), []tensor.Shape{{1 << 11, 1}}},
		"gemm":                {ir.Gemm{Alpha: 1}, []tensor.Shape{{256, 256}, {256, 256}}},
		"matmul":              {ir.MatMul{}, []tensor.Shape{{64, 16, 64}, {64, 64, 64}}},
		"softmax":             {ir.Softmax{Axis: -1}, []tensor.Shape{{1 << 12, 1 << 10}}},
		"add":                 {ir.Add{}, []tensor.Shape{{1 << 11, 1 << 10}, {1 << 11, 1}}},
		"batch normalization": {ir.BatchNormalization{Epsilon: 1}, []tensor.Shape{{1 << 21, 1}, {1}, {1}, {1}, {1}}},
		"mean":                {ir.Reduce{By: ir.ReduceMean, KeepDims: true}, []tensor.Shape{{1 << 21}}},
	} {
		in := make([]*tensor.Tensor, len(c.in))
		for i, shape := range c.in {
			ones := make([]float32, size(shape))
			fillOnes(ones)
			x, err := tensor.Of(ones, shape...)
			if err != nil {
				t.Fatal(err)
			}
			in[i] = x
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if last(t, ended, c.op, in) == last(t, t.Context(), c.op, in) {
			t.Errorf("%s: it went on to the last element", name)
		}
	}
}

// deepTree asks a thousand times before its leaf.
func deepTree() ir.TreeEnsemble {
	f := ir.Forest{Roots: []int{0}, Leaves: [][]ir.Vote{{{Weight: 1}}}}
	for i := range 1000 {
		f.Nodes = append(f.Nodes, ir.Branch{Value: 2, True: i + 1, False: ^0})
	}
	f.Nodes[999].True = ^0
	return ir.TreeEnsemble{Forest: f, Targets: 1, Post: "NONE"}
}

// last is the last element of an operator's output.
func last(t *testing.T, ctx context.Context, op ir.Operator, in []*tensor.Tensor) float32 {
	t.Helper()
	w := new(ir.Watch)
	w.Begin(ctx)
	out, err := Evaluate(w, op, tensor.Values(in))
	if err != nil {
		t.Fatal(err)
	}
	y := out[0].(*tensor.Tensor)
	return tensor.Data[float32](y)[y.Len()-1]
}

func fillOnes(s []float32) {
	for i := range s {
		s[i] = 1
	}
}
