package reference_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// A line of these would not fit in memory.
func TestLinesOfAnEmptyTensorAreNotComputed(t *testing.T) {
	empty := must(tensor.New(tensor.Float32, 0, 1<<59))
	if _, err := reference.Eval(ir.SoftmaxCrossEntropyLoss{}, []*tensor.Tensor{empty, ints([]int{0})}); err != nil {
		t.Error(err)
	}
	many := must(tensor.New(tensor.Float32, 1, 1, 1<<59, 0))
	refused(t, []misuse{{ir.Attention{}, []*tensor.Tensor{count(1, 1, 1, 0), many, many}, "no elements"}})
}

func TestWhatSumsRefuse(t *testing.T) {
	x, row := count(2, 2), count(2)
	refused(t, []misuse{
		{ir.Gemm{Act: ir.Activation{Clip: true}}, []*tensor.Tensor{typed(f64, []int{1, 1}), typed(f64, []int{1, 1})}, "activation"},
		{ir.MatMul{}, []*tensor.Tensor{x, typed(f64, []int{2, 2})}, "input 1 (B) is float64"},
		{ir.Einsum{Equation: "ij"}, []*tensor.Tensor{row}, "does not name its dimensions"},
		{ir.Einsum{Equation: "ij,jk"}, []*tensor.Tensor{x}, "2 terms for 1 inputs"},
		{ir.Einsum{Equation: "ij->k"}, []*tensor.Tensor{x}, `"k" is in no input`},
		{ir.Einsum{Equation: "ij->ii"}, []*tensor.Tensor{x}, "twice in the output"},
		{ir.Einsum{Equation: "i,i"}, []*tensor.Tensor{row, count(3)}, `"i" is 2`},
		{ir.Einsum{Equation: "i1"}, []*tensor.Tensor{x}, "not a letter"},
		{ir.Einsum{Equation: "i...j..."}, []*tensor.Tensor{x}, "does not name"},
		{ir.Det{}, []*tensor.Tensor{count(2, 3)}, "square"},
		{ir.ArgExtreme{Axis: 1}, []*tensor.Tensor{count(2, 0)}, "no extreme"},
		{ir.TopK{}, []*tensor.Tensor{row, ints([]int{1}, 3)}, "input 1 (K) is 3"},
		{ir.TopK{}, []*tensor.Tensor{row, ints([]int{1}, -1)}, "input 1 (K) is -1"},
		{ir.TopK{}, []*tensor.Tensor{row, ints([]int{2}, 1, 1)}, "want a scalar"},
		{ir.CumSum{}, []*tensor.Tensor{row, ints(nil, 1)}, "axis 1"},
		{ir.Reduce{By: ir.ReduceSum}, []*tensor.Tensor{typed(tensor.Bool, []int{1})}, "is bool"},
		{ir.LayerNormalization{Axis: 2, Stash: tensor.Float32}, []*tensor.Tensor{x, row}, "axis"},
		{ir.LayerNormalization{Axis: 1, Stash: tensor.Float32}, []*tensor.Tensor{x, count(3)}, "input 1 (Scale)"},
		{ir.GroupNormalization{}, []*tensor.Tensor{x, row, row}, "num_groups is 0"},
		{ir.LRN{}, []*tensor.Tensor{x}, "size is 0"},
		{ir.LpNormalization{P: 3}, []*tensor.Tensor{x}, "p is 3"},
		{ir.NegativeLogLikelihoodLoss{}, []*tensor.Tensor{x, ints([]int{2}, 0, 2)}, "input 1 (target): element 1 is 2, want one of 2 classes"},
		{ir.SoftmaxCrossEntropyLoss{}, []*tensor.Tensor{x, ints([]int{2}, -1, 0)}, "input 1 (labels): element 0 is -1"},
		{ir.Optimizer{Rule: ir.Adam}, []*tensor.Tensor{of(nil, 1), ints(nil, 0), row, row, row}, "5 inputs"},
	})
}
