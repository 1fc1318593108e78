package reference_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestBatchNormalizationOfOtherTypes(t *testing.T) {
	op := ir.BatchNormalization{Epsilon: 1}
	examples(t, []example{
		// (x − 1)·2/√(3 + 1) + 5.
		{"float16", op, list(valued(tensor.Float16, []int{1, 1, 2}, 1, 3), halves(2), halves(5), halves(1), halves(3)), "float16[1×1×2] [5 7]"},
		{"float16 with float32 parameters", op, list(valued(tensor.Float16, []int{1, 1, 2}, 1, 3), of([]int{1}, 2), of([]int{1}, 5), of([]int{1}, 1), of([]int{1}, 3)), "float16[1×1×2] [5 7]"},
		{"double", op, list(must(tensor.Of([]float64{1, 3}, 2, 1)), vector(2.0), vector(5.0), vector(1.0), vector(3.0)), "float64[2×1] [5 7]"},
		{"a vector is of one channel", op, list(of([]int{2}, 1, 3), of([]int{1}, 2), of([]int{1}, 5), of([]int{1}, 1), of([]int{1}, 3)), "float32[2] [5 7]"},
	})
	refusals(t, []refusal{
		{"a scalar", op, list(scalar[float32](1), count(1), count(1), count(1), count(1)), "want at least N×C"},
		{"mean and variance of two types", op, list(count(1, 1), count(1), count(1), count(1), halves(1)), "input 4 (var) is float16, and input 3 (mean) float32"},
		{"integers", op, list(must(tensor.Of([]int32{1}, 1, 1)), count(1), count(1), count(1), count(1)), "input 0 (X) is int32"},
	})
}

func TestBatchNormalizationInTraining(t *testing.T) {
	op := ir.BatchTraining{Epsilon: 0, Momentum: 0.75}
	examples(t, []example{
		// Channel 0 is 1 3 5 7 of mean 4 and variance 5: −3, −1, 1 and 3 over √5.
		// Channel 1 is 2 4 4 2 of mean 3 and variance 1. The running mean and
		// variance of 0 and 1 go a quarter of the way.
		{"two channels", op, list(
			of([]int{2, 2, 2}, 1, 3, 2, 4, 5, 7, 4, 2),
			of([]int{2}, 1, 2), of([]int{2}, 0, 10), of([]int{2}, 0, 3), of([]int{2}, 1, 1)),
			"float32[2×2×2] [-1.3416 -0.44721 8 12 0.44721 1.3416 12 8], float32[2] [1 3], float32[2] [2 1], float32[2] [4 3], float32[2] [5 1]"},
		{"float16 with double statistics", op, list(valued(tensor.Float16, []int{2, 1}, 1, 3), halves(1), halves(0), vector(0.0), vector(0.0)),
			"float16[2×1] [-1 1], float64[1] [0.5], float64[1] [0.25], float64[1] [2], float64[1] [1]"},
	})
}
