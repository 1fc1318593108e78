package reference

import (
	"context"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Each of these takes more than the work between two looks at the context.
func TestSumsEndWithTheirRun(t *testing.T) {
	straight := func(n int) []ir.Direction {
		d := ir.Direction{}
		for range n {
			d.Functions = append(d.Functions, ir.CellFunction{Name: "Affine", Alpha: 1})
		}
		return []ir.Direction{d}
	}
	for name, c := range map[string]struct {
		op ir.Operator
		in []tensor.Shape
	}{
		"einsum":           {ir.Einsum{Equation: "ij,jk->ik"}, []tensor.Shape{{128, 128}, {128, 128}}},
		"determinant":      {ir.Det{}, []tensor.Shape{{1, 160, 160}}},
		"sum":              {ir.Reduce{By: ir.ReduceSum}, []tensor.Shape{{1 << 21}}},
		"root mean square": {ir.RMSNormalization{Axis: -1, Stash: tensor.Float32}, []tensor.Shape{{1 << 11, 1 << 10}, {1}}},
		"channels around":  {ir.LRN{Alpha: 1, Beta: 1, Bias: 1, Size: 64}, []tensor.Shape{{256, 64, 4}}},
		"attention":        {ir.Attention{}, []tensor.Shape{{1, 4, 96, 64}, {1, 4, 96, 64}, {1, 4, 96, 64}}},
		"rnn":              {ir.Recurrent{Cell: ir.RNN, Hidden: 64, Directions: straight(1)}, []tensor.Shape{{400, 1, 1}, {1, 64, 1}, {1, 64, 64}}},
		"lstm":             {ir.Recurrent{Cell: ir.LSTM, Hidden: 64, Directions: straight(3)}, []tensor.Shape{{400, 1, 1}, {1, 256, 1}, {1, 256, 64}}},
	} {
		in := make([]*tensor.Tensor, len(c.in))
		for i, shape := range c.in {
			ones := make([]float32, size(shape))
			fillOnes(ones)
			if name == "determinant" {
				clear(ones)
				for k := range shape[1] {
					for r := range k + 1 {
						ones[k*shape[1]+r] = 1
					}
				}
			}
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
