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
