package gorgonia

import (
	"context"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// A kernel that is told to stop must do so, not only say so at its end.
func TestAKernelLeavesItsOutputWhenTheRunHasEnded(t *testing.T) {
	over := ir.Window{Kernel: []int{40, 40}}
	for name, c := range map[string]struct {
		op ir.Operator
		in []tensor.Shape
	}{
		"dense":       {ir.Conv{Group: 1}, []tensor.Shape{{1, 16, 40, 40}, {16, 16, 5, 5}}},
		"groups":      {ir.Conv{Group: 16}, []tensor.Shape{{1, 32, 64, 64}, {32, 2, 7, 7}}},
		"depthwise":   {ir.Conv{Group: 1}, []tensor.Shape{{1, 1, 96, 96}, {1, 1, 40, 40}}},
		"pool":        {ir.MaxPool{Window: over}, []tensor.Shape{{1, 1, 96, 96}}},
		"gemm":        {ir.Gemm{Alpha: 1}, []tensor.Shape{{256, 256}, {256, 256}}},
		"matmul":      {ir.MatMul{}, []tensor.Shape{{64, 16, 64}, {64, 64, 64}}},
		"softmax":     {ir.Softmax{Axis: -1}, []tensor.Shape{{1 << 12, 1 << 10}}},
		"sum of rows": {ir.Add{}, []tensor.Shape{{1 << 12, 1 << 10}, {1 << 12, 1}}},
		"concat":      {ir.Concat{Axis: 1}, []tensor.Shape{{1 << 12, 1 << 9}, {1 << 12, 1 << 9}}},
	} {
		w := new(workspace)
		k, operands, out := fitted(t, w, c.op, c.in...)
		ended, end := context.WithCancel(t.Context())
		end()
		w.Begin(ended)
		out[len(out)-1] = 7
		k(w, operands, out)
		if out[len(out)-1] != 7 {
			t.Errorf("%s: it went on to the last element", name)
		}
		w.Begin(t.Context())
		k(w, operands, out)
		if out[len(out)-1] == 7 {
			t.Errorf("%s: it does not come to the last element at all", name)
		}
	}
}

// fitted is an operator's kernel with operands of ones.
func fitted(t *testing.T, w *workspace, op ir.Operator, in ...tensor.Shape) (k kernel, operands [][]float32, out []float32) {
	t.Helper()
	for _, shape := range in {
		ones := make([]float32, size(shape))
		for i := range ones {
			ones[i] = 1
		}
		operands = append(operands, ones)
	}
	g, err := ir.Specialise(one(op, in...), nil)
	if err != nil {
		t.Fatal(err)
	}
	if k, err = fit(site{g, g.Nodes[0], w}); err != nil {
		t.Fatal(err)
	}
	return k, operands, make([]float32, size(g.Values[g.Outputs[0]].Shape))
}
