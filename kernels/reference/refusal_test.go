package reference_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// stranger is an operator that no engine knows.
type stranger struct{ ir.Identity }

func (stranger) Type() string { return "Stranger" }

func TestEvalRefusesWhatDoesNotFit(t *testing.T) {
	x, row, list := count(1, 1, 3, 3), count(3), ints([]int{1}, 9)
	for _, c := range []struct {
		name  string
		op    ir.Operator
		in    []*tensor.Tensor
		wants string // a word of the error
	}{
		{"an unknown operator", stranger{}, []*tensor.Tensor{x}, "Stranger"},
		{"no inputs", ir.Relu{}, nil, "missing"},
		{"an absent input", ir.Add{}, []*tensor.Tensor{x, nil}, "missing"},
		{"integers where floats belong", ir.Softmax{}, []*tensor.Tensor{list}, "int64"},
		{"weights of integers", ir.Gemm{}, []*tensor.Tensor{count(1, 1), ints([]int{1, 1}, 1)}, "int64"},
		{"conv of a scalar", ir.Conv{Group: 1}, []*tensor.Tensor{count(), count(1, 1, 1)}, "Conv"},
		{"conv without windows", ir.Conv{Group: 1}, []*tensor.Tensor{count(1, 1), count(1, 1)}, "Conv"},
		{"conv of other channels", ir.Conv{Group: 1}, []*tensor.Tensor{x, count(1, 2, 1, 1)}, "Conv"},
		{"conv in no groups", ir.Conv{}, []*tensor.Tensor{x, count(1, 1, 1, 1)}, "group"},
		{"conv in uneven groups", ir.Conv{Group: 2}, []*tensor.Tensor{x, count(2, 1, 1, 1)}, "group"},
		{"conv past its input", ir.Conv{Group: 1}, []*tensor.Tensor{x, count(1, 1, 4, 4)}, "fit"},
		{"conv with a short bias", ir.Conv{Group: 1}, []*tensor.Tensor{x, count(2, 1, 1, 1), count(1)}, "B"},
		{"conv with a stride of zero", ir.Conv{Group: 1, Window: ir.Window{Strides: []int{0, 1}}}, []*tensor.Tensor{x, count(1, 1, 1, 1)}, "strides"},
		{"conv with too few pads", ir.Conv{Group: 1, Window: ir.Window{Pads: []int{1}}}, []*tensor.Tensor{x, count(1, 1, 1, 1)}, "pads"},
		{"conv of an empty picture", ir.Conv{Group: 1}, []*tensor.Tensor{count(1, 1, 0, 3), count(1, 1, 1, 1)}, "Conv"},
		{"pooling without a kernel", ir.MaxPool{}, []*tensor.Tensor{x}, "kernel"},
		{"pooling of a vector", ir.AveragePool{Window: ir.Window{Kernel: []int{1}}}, []*tensor.Tensor{row}, "AveragePool"},
		{"pooling of padding alone", ir.MaxPool{Window: ir.Window{Kernel: []int{1}, Pads: []int{1, 1}}}, []*tensor.Tensor{count(1, 1, 2)}, "padding"},
		{"a global pool of a vector", ir.GlobalAveragePool{}, []*tensor.Tensor{row}, "GlobalAveragePool"},
		{"normalization of a vector", ir.BatchNormalization{}, []*tensor.Tensor{row, row, row, row, row}, "BatchNormalization"},
		{"normalization with short statistics", ir.BatchNormalization{}, []*tensor.Tensor{x, row, row, row, row}, "BatchNormalization"},
		{"shapes that do not broadcast", ir.Add{}, []*tensor.Tensor{count(2), row}, "broadcast"},
		{"types that do not add", ir.Add{}, []*tensor.Tensor{row, list}, "Add"},
		{"an activation of integers", ir.Add{Act: ir.Activation{Clip: true}}, []*tensor.Tensor{list, list}, "int64"},
		{"gemm of vectors", ir.Gemm{}, []*tensor.Tensor{row, row}, "Gemm"},
		{"gemm of other extents", ir.Gemm{}, []*tensor.Tensor{count(2, 3), count(2, 3)}, "Gemm"},
		{"gemm with a C that is larger", ir.Gemm{}, []*tensor.Tensor{count(1, 1), count(1, 1), count(2, 1)}, "C"},
		{"matmul of a scalar", ir.MatMul{}, []*tensor.Tensor{count(), row}, "MatMul"},
		{"matmul of other batches", ir.MatMul{}, []*tensor.Tensor{count(2, 1, 1), count(3, 1, 1)}, "MatMul"},
		{"limits that are not scalars", ir.Clip{}, []*tensor.Tensor{row, count(2)}, "Clip"},
		{"limits of nothing", ir.Clip{}, []*tensor.Tensor{row, count(0)}, "Clip"},
		{"softmax of a scalar", ir.Softmax{Axis: -1}, []*tensor.Tensor{count()}, "axis"},
		{"softmax past the rank", ir.Softmax{Axis: 1}, []*tensor.Tensor{row}, "axis"},
		{"concat past the rank", ir.Concat{Axis: 1}, []*tensor.Tensor{row, row}, "axis"},
		{"concat of other extents", ir.Concat{Axis: 0}, []*tensor.Tensor{count(1, 2), count(1, 3)}, "Concat"},
		{"concat of other types", ir.Concat{Axis: 0}, []*tensor.Tensor{row, list}, "Concat"},
		{"concat with an absent input", ir.Concat{Axis: 0}, []*tensor.Tensor{row, nil}, "Concat"},
		{"flatten past the rank", ir.Flatten{Axis: 2}, []*tensor.Tensor{row}, "axis"},
		{"reshape to another size", ir.Reshape{}, []*tensor.Tensor{row, ints([]int{1}, 4)}, "Reshape"},
		{"reshape to two rests", ir.Reshape{}, []*tensor.Tensor{row, ints([]int{2}, -1, -1)}, "Reshape"},
		{"reshape to a float shape", ir.Reshape{}, []*tensor.Tensor{row, row}, "Reshape"},
		{"squeeze of an extent that is not 1", ir.Squeeze{}, []*tensor.Tensor{row, ints([]int{1}, 0)}, "Squeeze"},
		{"squeeze past the rank", ir.Squeeze{}, []*tensor.Tensor{row, list}, "axis"},
		{"unsqueeze past the rank", ir.Unsqueeze{}, []*tensor.Tensor{row, list}, "axis"},
		{"mean past the rank", ir.Reduce{By: ir.ReduceMean}, []*tensor.Tensor{row, list}, "axis"},
		{"mean of nothing", ir.Reduce{By: ir.ReduceMean}, []*tensor.Tensor{count(0)}, "mean"},
		{"gather past the end", ir.Gather{}, []*tensor.Tensor{row, ints([]int{1}, 3)}, "3 is outside"},
		{"gather before the start", ir.Gather{}, []*tensor.Tensor{row, ints([]int{1}, -4)}, "-4 is outside"},
		{"gather by floats", ir.Gather{}, []*tensor.Tensor{row, row}, "Gather"},
		{"gather of a scalar", ir.Gather{}, []*tensor.Tensor{count(), list}, "axis"},
		{"too many inputs", ir.Relu{}, []*tensor.Tensor{row, row}, "Relu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := reference.Eval(c.op, c.in)
			if err == nil {
				t.Fatalf("gave %v", out)
			}
			if !strings.Contains(err.Error(), c.wants) {
				t.Errorf("%q does not say %q", err, c.wants)
			}
		})
	}
}

// A loop over the outer extent of these would outlast the test.
func TestNothingIsComputedForAnEmptyResult(t *testing.T) {
	empty, err := tensor.New(tensor.Float32, 1<<59, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op ir.Operator
		in []*tensor.Tensor
	}{
		{ir.Concat{Axis: 1}, []*tensor.Tensor{empty, empty}},
		{ir.Gather{Axis: 1}, []*tensor.Tensor{empty, ints([]int{0})}},
	} {
		out, err := reference.Eval(c.op, c.in)
		if err != nil || !out[0].Shape().Equal(empty.Shape()) {
			t.Errorf("%s gave %v, %v", c.op.Type(), out, err)
		}
	}
}
