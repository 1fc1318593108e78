package reference_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestNormalizationsByHand(t *testing.T) {
	x := of([]int{2, 2}, 1, 3, 10, 14)
	layer := ir.LayerNormalization{Axis: -1, Stash: tensor.Float32}
	checkAll(t, []worked{
		// Means 2 and 12, deviations 1 and 2.
		{"layers", layer, []*tensor.Tensor{x, of([]int{2}, 2, 3), of([]int{2}, 10, 20)},
			[]string{"float32[2×2] [8 23 8 23]", "float32[2×1] [2 12]", "float32[2×1] [1 0.5]"}},
		// All: mean 7, squares 36+16+9+49 = 110.
		{"layers from the first axis, without bias", ir.LayerNormalization{Axis: 0, Stash: tensor.Float32}, []*tensor.Tensor{x, of(nil, 1)},
			[]string{"float32[2×2] [-1.1442 -0.76277 0.57208 1.3348]", "float32[1×1] [7]", "float32[1×1] [0.19069]"}},
		{"layers of float16 stash float32", layer, []*tensor.Tensor{typed(f16, []int{1, 2}, 1, 3), typed(f16, []int{2}, 1, 1)},
			[]string{"float16[1×2] [-1 1]", "float32[1×1] [2]", "float32[1×1] [1]"}},
		{"layers of nothing", layer, []*tensor.Tensor{count(2, 0), count(0)},
			[]string{"float32[2×0] []", "float32[2×1] [NaN NaN]", "float32[2×1] [NaN NaN]"}},
		{"epsilon", ir.LayerNormalization{Axis: -1, Epsilon: 3, Stash: tensor.Float32}, []*tensor.Tensor{of([]int{2}, 1, 3), of(nil, 1)},
			[]string{"float32[2] [-0.5 0.5]"}},
		// (9 + 16)/2 = 12.5.
		{"root mean square", ir.RMSNormalization{Axis: -1, Stash: tensor.Float32}, []*tensor.Tensor{of([]int{1, 2}, 3, 4), typed(f64, []int{2}, 1, 10)},
			[]string{"float64[1×2] [0.84853 11.314]", "float32[1×1] [0.28284]"}},
		{"groups", ir.GroupNormalization{Groups: 1}, []*tensor.Tensor{of([]int{1, 2, 1}, 1, 3), of([]int{2}, 1, 2), of([]int{2}, 0, 5)},
			[]string{"float32[1×2×1] [-1 7]"}},
		{"groups, scaled by group", ir.GroupNormalization{Groups: 1, PerGroup: true}, []*tensor.Tensor{of([]int{1, 2, 1}, 1, 3), of([]int{1}, 2), of([]int{1}, 5)},
			[]string{"float32[1×2×1] [3 7]"}},
		{"instances", ir.InstanceNormalization{}, []*tensor.Tensor{of([]int{1, 2, 2}, 1, 3, 10, 14), of([]int{2}, 1, 2), of([]int{2}, 0, 1)},
			[]string{"float32[1×2×2] [-1 1 -1 3]"}},
		{"L2", ir.LpNormalization{Axis: -1, P: 2}, []*tensor.Tensor{of([]int{2, 2}, 3, -4, 0, 0)}, []string{"float32[2×2] [0.6 -0.8 0 0]"}},
		{"L1 of columns", ir.LpNormalization{Axis: 0, P: 1}, []*tensor.Tensor{of([]int{2, 2}, 3, -4, 1, 12)}, []string{"float32[2×2] [0.75 -0.25 0.25 0.75]"}},
		// Size 2 reaches one channel on: 1/(1+(1+4)/2), 2/(1+(4+9)/2), 3/(1+9/2).
		{"channels around", ir.LRN{Alpha: 1, Beta: 1, Bias: 1, Size: 2}, []*tensor.Tensor{count(1, 3)}, []string{"float32[1×3] [0.28571 0.26667 0.54545]"}},
		{"mean and variance over rows", ir.MeanVarianceNormalization{Axes: []int64{-1}}, []*tensor.Tensor{x}, []string{"float32[2×2] [-1 1 -1 1]"}},
		// 1+0+2, 1+2+2 = 3, 5.
		{"skip", ir.SkipNormalization{}, []*tensor.Tensor{of([]int{1, 2}, 1, 1), of([]int{2}, 0, 2), of([]int{2}, 1, 2), of([]int{2}, 0, 5), of([]int{2}, 2, 2)},
			[]string{"float32[1×2] [-1 7]", "float32[1×1] [4]", "float32[1×1] [1]", "float32[1×2] [3 5]"}},
		{"skip, simplified", ir.SkipNormalization{Simplified: true}, []*tensor.Tensor{of([]int{1, 2}, 3, 1), of([]int{1, 2}, 0, 1), of([]int{2}, 1, 1), of([]int{2}, 0, 2)},
			[]string{"float32[1×2] [0.84853 1.1314]", "float32[1×1] [0]", "float32[1×1] [0.28284]", "float32[1×2] [3 4]"}},
	})
}
