package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestRecurrentLayersByHand(t *testing.T) {
	back := straight(1)
	back.Reverse = true
	rnn := func(d ...ir.Direction) ir.Recurrent { return ir.Recurrent{Cell: ir.RNN, Hidden: 1, Directions: d} }
	one := func(v ...float32) *tensor.Tensor { return of([]int{1, len(v), 1}, v...) }
	x, w, r := of([]int{3, 1, 1}, 1, 2, 3), one(1), one(10) // h = x + 10·h
	clipped := rnn(straight(1))
	clipped.Clip = 5
	batchFirst := rnn(straight(1))
	batchFirst.BatchFirst = true
	gru := ir.Recurrent{Cell: ir.GRU, Hidden: 1, Directions: []ir.Direction{straight(2)}}
	late := gru
	late.LinearBeforeReset = true
	// z = 0, r = 0.5, h' = x + 2·…; the biases of R: 0, 0, 4.
	gruIn := []*tensor.Tensor{one(1), one(0, 0, 1), one(0, 0, 2), of([]int{1, 6}, 0, 0.5, 0, 0, 0, 4), nil, one(6)}
	lstm := ir.Recurrent{Cell: ir.LSTM, Hidden: 1, Directions: []ir.Direction{straight(3)}}
	coupled := lstm
	coupled.InputForget = true
	lstmIn := []*tensor.Tensor{one(1), one(2, 3, 5, 7), one(0, 0, 0, 0), nil, nil, nil, one(1)}
	cases := []worked{
		{"forward", rnn(straight(1)), []*tensor.Tensor{x, w, r}, []string{"float32[3×1×1×1] [1 12 123]", "float32[1×1×1] [123]"}},
		{"reverse", rnn(back), []*tensor.Tensor{x, w, r}, []string{"float32[3×1×1×1] [321 32 3]", "float32[1×1×1] [321]"}},
		{"both ways", rnn(straight(1), back), []*tensor.Tensor{x, of([]int{2, 1, 1}, 1, 2), of([]int{2, 1, 1}, 10, 10)},
			[]string{"float32[3×2×1×1] [1 642 12 64 123 6]", "float32[2×1×1] [123 642]"}},
		{"biases and a first state", rnn(straight(1)), []*tensor.Tensor{x, w, r, of([]int{1, 2}, 0.25, 0.5), nil, one(1)}, []string{"float32[3×1×1×1] [11.75 120.25 1206.2]"}},
		{"lengths", rnn(back), []*tensor.Tensor{of([]int{3, 2, 1}, 1, 4, 2, 5, 3, 6), w, r, nil, typed(i32, []int{2}, 3, 2)},
			[]string{"float32[3×1×2×1] [321 54 32 5 3 0]", "float32[1×2×1] [321 54]"}},
		{"a sequence of nothing", rnn(straight(1)), []*tensor.Tensor{x, w, r, nil, typed(i32, []int{1}, 0), one(7)}, []string{"float32[3×1×1×1] [0 0 0]", "float32[1×1×1] [7]"}},
		{"clipped", clipped, []*tensor.Tensor{x, w, r}, []string{"float32[3×1×1×1] [1 5 5]"}},
		{"batch first", batchFirst, []*tensor.Tensor{of([]int{2, 2, 1}, 1, 2, 3, 4), w, r}, []string{"float32[2×2×1×1] [1 12 3 34]", "float32[2×1×1] [12 34]"}},
		{"float16", rnn(straight(1)), []*tensor.Tensor{typed(f16, []int{1, 1, 1}, 2), typed(f16, []int{1, 1, 1}, 3), typed(f16, []int{1, 1, 1}, 0)}, []string{"float16[1×1×1×1] [6]"}},
		{"gru", gru, gruIn, []string{"float32[1×1×1×1] [11]"}},                  // 1 + 2·(0.5·6) + 4
		{"gru that resets late", late, gruIn, []string{"float32[1×1×1×1] [9]"}}, // 1 + 0.5·(2·6 + 4)
		// i 2, o 3, f 5, c 7: C = 5·1 + 2·7, H = 3·19.
		{"lstm", lstm, lstmIn, []string{"float32[1×1×1×1] [57]", "float32[1×1×1] [57]", "float32[1×1×1] [19]"}},
		{"lstm that forgets what it takes in", coupled, lstmIn, []string{"float32[1×1×1×1] [39]", "float32[1×1×1] [39]", "float32[1×1×1] [13]"}},
		// i 2+1, f 5+2, C = 7·1 + 3·7 = 28, o 3+28.
		{"lstm with peepholes", lstm, append(append([]*tensor.Tensor{}, lstmIn...), of([]int{1, 3}, 1, 1, 2)), []string{"float32[1×1×1×1] [868]"}},
	}
	for _, f := range []struct {
		name        string
		alpha, beta float32
		want        string // of −2 and 0.5
	}{
		{"Relu", 0, 0, "[0 0.5]"},
		{"Tanh", 0, 0, "[-0.96403 0.46212]"},
		{"Sigmoid", 0, 0, "[0.1192 0.62246]"},
		{"Affine", 1.8, 2.6, "[-1 3.5]"},
		{"LeakyRelu", 0.1, 0, "[-0.2 0.5]"},
		{"ThresholdedRelu", 0.4, 0, "[0 0.5]"},
		{"ScaledTanh", 2, 0.5, "[-1.5232 0.48984]"},
		{"HardSigmoid", 0.2, 0.5, "[0.1 0.6]"},
		{"Elu", 2, 0, "[-1.7293 0.5]"},
		{"Softsign", 0, 0, "[-0.66667 0.33333]"},
		{"Softplus", 0, 0, "[0.12693 0.97408]"},
	} {
		d := ir.Direction{Functions: []ir.CellFunction{{Name: f.name, Alpha: f.alpha, Beta: f.beta}}}
		cases = append(cases, worked{f.name, rnn(d), []*tensor.Tensor{of([]int{1, 2, 1}, -2, 0.5), w, one(0)}, []string{"float32[1×1×2×1] " + f.want}})
	}
	checkAll(t, cases)
	refused(t, []misuse{
		{rnn(straight(1)), []*tensor.Tensor{x, one(1, 1), r}, "input 1 (W)"},
		{rnn(straight(2)), []*tensor.Tensor{x, w, r}, "2 functions"},
		{rnn(straight(1)), []*tensor.Tensor{x, w, r, nil, typed(i32, []int{1}, 4)}, "input 4 (sequence_lens): element 0 is 4"},
		{rnn(ir.Direction{Functions: []ir.CellFunction{{Name: "Sine"}}}), []*tensor.Tensor{x, w, r}, `"Sine"`},
		{ir.Recurrent{Cell: ir.LSTM, Hidden: 0, Directions: []ir.Direction{straight(3)}}, []*tensor.Tensor{x, w, r}, "hidden_size is 0"},
		{ir.Recurrent{Cell: ir.LSTM, Hidden: math.MaxInt / 2, Directions: []ir.Direction{straight(3)}}, []*tensor.Tensor{x, w, r}, "hidden_size"},
	})
}

// cells whose functions change nothing: sums by hand.
func straight(n int) ir.Direction {
	d := ir.Direction{}
	for range n {
		d.Functions = append(d.Functions, ir.CellFunction{Name: "Affine", Alpha: 1})
	}
	return d
}
