package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestLossesByHand(t *testing.T) {
	x := of([]int{3, 2}, -1, -2, -3, -4, -5, -6)
	labels, weights := ints([]int{3}, 0, 1, -1), of([]int{2}, 1, 3)
	ignored := ir.Ignoring{Label: -1, Set: true}
	checkAll(t, []worked{
		{"each", ir.NegativeLogLikelihoodLoss{Averaging: ir.LossEach, Ignoring: ignored}, []*tensor.Tensor{x, labels, weights}, []string{"float32[3] [1 12 0]"}},
		{"sum", ir.NegativeLogLikelihoodLoss{Averaging: ir.LossSum, Ignoring: ignored}, []*tensor.Tensor{x, labels, weights}, []string{"float32[] [13]"}},
		{"mean by weight", ir.NegativeLogLikelihoodLoss{Ignoring: ignored}, []*tensor.Tensor{x, labels, weights}, []string{"float32[] [3.25]"}},
		{"mean of what is not ignored", ir.NegativeLogLikelihoodLoss{Ignoring: ignored}, []*tensor.Tensor{x, typed(i32, []int{3}, 0, 1, -1)}, []string{"float32[] [2.5]"}},
		{"pictures", ir.NegativeLogLikelihoodLoss{Averaging: ir.LossEach}, []*tensor.Tensor{typed(f16, []int{1, 2, 2}, -1, -2, -3, -4), ints([]int{1, 2}, 1, 0)}, []string{"float16[1×2] [3 2]"}},
		// ln(1/4) and ln(3/4).
		{"cross entropy", ir.SoftmaxCrossEntropyLoss{}, []*tensor.Tensor{of([]int{1, 2}, 0, float32(math.Log(3))), ints([]int{1}, 1)},
			[]string{"float32[] [0.28768]", "float32[1×2] [-1.3863 -0.28768]"}},
	})
}
