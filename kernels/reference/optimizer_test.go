package reference_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestOptimizersByHand(t *testing.T) {
	rate, first, later := of(nil, 0.5), ints(nil, 0), ints(nil, 1)
	one := func(v float32) *tensor.Tensor { return of([]int{1}, v) }
	checkAll(t, []worked{
		// r = 0.5/(1+1·1), h = 5+4 = 9: 1 − 0.25·2/3.
		{"adagrad", ir.Optimizer{Rule: ir.Adagrad, Decay: 1}, []*tensor.Tensor{rate, later, one(1), one(2), one(5)}, []string{"float32[1] [0.83333]", "float32[1] [9]"}},
		// g = 1+3·1 = 4; v = 0.5·2+1·4 = 5; 1 − 0.5·5.
		{"momentum, first", ir.Optimizer{Rule: ir.Momentum, Alpha: 0.5, Beta: 0.25, Norm: 3}, []*tensor.Tensor{rate, first, one(1), one(1), one(2)}, []string{"float32[1] [-1.5]", "float32[1] [5]"}},
		// v = 0.5·2+0.25·4 = 2; 1 − 0.5·(4+0.5·2).
		{"momentum of Nesterov, later", ir.Optimizer{Rule: ir.Momentum, Alpha: 0.5, Beta: 0.25, Nesterov: true}, []*tensor.Tensor{rate, later, one(1), one(4), one(2)}, []string{"float32[1] [-1.5]", "float32[1] [2]"}},
		// v = 0.5·2+0.5·4 = 3, h = 0.75·4+0.25·16 = 7; rate·√0.25/0.5 = 0.5; (1 − 0.5·3/√7)·0.5.
		{"adam, later", ir.Optimizer{Rule: ir.Adam, Alpha: 0.5, Beta: 0.75, NormPost: 0.5}, []*tensor.Tensor{rate, later, one(1), one(4), one(2), one(4)},
			[]string{"float32[1] [0.21653]", "float32[1] [3]", "float32[1] [7]"}},
	})
}
