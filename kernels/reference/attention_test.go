package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// A query of zeros gives all keys the same weight, so that Y is the mean of the
// values that take part.
func TestAttentionByHand(t *testing.T) {
	nothing := func(queries int) *tensor.Tensor { return of([]int{1, 1, queries, 1}, make([]float32, queries)...) }
	keys, values := nothing(4), of([]int{1, 1, 4, 1}, 1, 2, 4, 8)
	plain := ir.Attention{Scores: ir.NoScores}
	causal := ir.Attention{Causal: true}
	yes := func(shape []int, v ...float64) *tensor.Tensor { return typed(tensor.Bool, shape, v...) }
	// Q·K·scale = 3·1·2.
	scores := func(s ir.AttentionScores) worked {
		return worked{"scores", ir.Attention{Scale: 2, Softcap: 3, Scores: s},
			[]*tensor.Tensor{of([]int{1, 1, 1, 1}, 3), of([]int{1, 1, 1, 1}, 1), of([]int{1, 1, 1, 1}, 9), of([]int{1, 1}, 1)}, nil}
	}
	raw, capped, masked, soft := scores(ir.RawScores), scores(ir.CappedScores), scores(ir.MaskedScores), scores(ir.SoftmaxScores)
	for c, want := range map[*worked]string{&raw: "6", &capped: "2.8921", &masked: "3.8921", &soft: "1"} {
		c.want = []string{"float32[1×1×1×1] [9]", "float32[1×1×1×1] [1]", "float32[1×1×1×1] [9]", "float32[1×1×1×1] [" + want + "]"}
	}
	checkAll(t, []worked{
		{"all keys", plain, []*tensor.Tensor{nothing(1), keys, values}, []string{"float32[1×1×1×1] [3.75]"}},
		// Keys ln 3 and 0 weigh 3 to 1.
		{"scaled by 1/√size", plain, []*tensor.Tensor{of([]int{1, 1, 1, 4}, 2, 0, 0, 0), of([]int{1, 1, 2, 4}, float32(math.Log(3)), 0, 0, 0, 0, 0, 0, 0), of([]int{1, 1, 2, 1}, 4, 8)},
			[]string{"float32[1×1×1×1] [5]"}},
		{"a mask of bools", plain, []*tensor.Tensor{nothing(1), keys, values, yes([]int{1, 4}, 1, 0, 0, 1)}, []string{"float32[1×1×1×1] [4.5]"}},
		{"a mask that is added", plain, []*tensor.Tensor{nothing(1), keys, values, of([]int{1, 4}, 0, float32(math.Log(2)), float32(math.Inf(-1)), float32(math.Inf(-1)))}, []string{"float32[1×1×1×1] [1.6667]"}},
		{"a short mask", ir.Attention{PadMask: true}, []*tensor.Tensor{nothing(1), keys, values, yes([]int{1, 2}, 1, 1)}, []string{"float32[1×1×1×1] [1.5]"}},
		{"a mask of one key is short", ir.Attention{PadMask: true}, []*tensor.Tensor{nothing(1), keys, values, yes([]int{1, 1}, 1)}, []string{"float32[1×1×1×1] [1]"}},
		{"before operator set 24 it is broadcast", plain, []*tensor.Tensor{nothing(1), keys, values, yes([]int{1, 1}, 1)}, []string{"float32[1×1×1×1] [3.75]"}},
		{"all masked", plain, []*tensor.Tensor{nothing(1), keys, values, yes([]int{1, 4}, 0, 0, 0, 0)}, []string{"float32[1×1×1×1] [0]"}},
		{"causal", causal, []*tensor.Tensor{nothing(2), keys, values}, []string{"float32[1×1×2×1] [1 1.5]"}},
		{"causal, after a past", causal, []*tensor.Tensor{nothing(2), nothing(2), of([]int{1, 1, 2, 1}, 1, 2), nil, nothing(1), of([]int{1, 1, 1, 1}, 6)},
			[]string{"float32[1×1×2×1] [3.5 3]", "float32[1×1×3×1] [0 0 0]", "float32[1×1×3×1] [6 1 2]"}},
		{"causal with a mask of bools", causal, []*tensor.Tensor{nothing(2), keys, values, yes([]int{2, 4}, 1, 1, 1, 1, 0, 1, 1, 1)}, []string{"float32[1×1×2×1] [1 2]"}},
		{"padded keys", plain, []*tensor.Tensor{nothing(1), keys, values, nil, nil, nil, ints([]int{1}, 3)}, []string{"float32[1×1×1×1] [2.3333]"}},
		{"causal before padding", causal, []*tensor.Tensor{nothing(2), keys, values, nil, nil, nil, ints([]int{1}, 3)}, []string{"float32[1×1×2×1] [1.5 2.3333]"}},
		{"groups of queries' heads", plain, []*tensor.Tensor{count(1, 4, 1, 1), count(1, 2, 1, 1), of([]int{1, 2, 1, 1}, 5, 6)}, []string{"float32[1×4×1×1] [5 5 6 6]"}},
		{"three dimensions", ir.Attention{Heads: 2, KVHeads: 1}, []*tensor.Tensor{count(1, 2, 2), count(1, 1, 1), of([]int{1, 1, 3}, 1, 2, 3)},
			[]string{"float32[1×2×6] [1 2 3 1 2 3 1 2 3 1 2 3]", "float32[1×1×1×1] [1]", "float32[1×1×1×3] [1 2 3]"}},
		{"heads of three dimensions lie side by side", ir.Attention{Heads: 2, KVHeads: 2}, []*tensor.Tensor{count(1, 1, 2), of([]int{1, 2, 2}, 0, 0, 0, 0), of([]int{1, 2, 2}, 1, 10, 3, 30)},
			[]string{"float32[1×1×2] [2 20]"}},
		{"float16", plain, []*tensor.Tensor{typed(f16, []int{1, 1, 1, 1}, 0), typed(f16, []int{1, 1, 2, 1}, 1, 1), typed(f16, []int{1, 1, 2, 1}, 1, 2)}, []string{"float16[1×1×1×1] [1.5]"}},
		{"no keys", plain, []*tensor.Tensor{nothing(1), nothing(0), nothing(0)}, []string{"float32[1×1×1×1] [0]"}},
		raw, capped, masked, soft,
	})
	refused(t, []misuse{
		{plain, []*tensor.Tensor{nothing(1), nothing(2), nothing(3)}, "do not fit each other"},
		{plain, []*tensor.Tensor{count(1, 3, 1, 1), count(1, 2, 1, 1), count(1, 2, 1, 1)}, "no multiple"},
		{plain, []*tensor.Tensor{count(1, 1, 2), count(1, 1, 2), count(1, 1, 2)}, "q_num_heads is 0"},
		{plain, []*tensor.Tensor{count(1, 2), count(1, 2), count(1, 2)}, "3 or 4 dimensions"},
		{plain, []*tensor.Tensor{nothing(1), keys, values, yes([]int{2, 4})}, "input 3 (attn_mask)"},
		{plain, []*tensor.Tensor{nothing(1), keys, values, nil, nothing(1)}, "go together"},
		{plain, []*tensor.Tensor{nothing(1), keys, values, nil, nil, nil, ints([]int{1}, 5)}, "element 0 is 5"},
	})
}

// A quarter turn takes (x, y) to (−y, x).
func TestRotaryEmbeddingByHand(t *testing.T) {
	x := count(1, 1, 1, 4)
	cos, sin := of([]int{2, 2}, 1, 1, 0, 0), of([]int{2, 2}, 0, 0, 1, 1)
	second := ints([]int{1, 1}, 1)
	checkAll(t, []worked{
		{"halves", ir.RotaryEmbedding{}, []*tensor.Tensor{x, cos, sin, second}, []string{"float32[1×1×1×4] [-3 -4 1 2]"}},
		{"neighbours", ir.RotaryEmbedding{Interleaved: true}, []*tensor.Tensor{x, cos, sin, second}, []string{"float32[1×1×1×4] [-2 1 -4 3]"}},
		{"the first position", ir.RotaryEmbedding{}, []*tensor.Tensor{x, cos, sin, ints([]int{1, 1}, 0)}, []string{"float32[1×1×1×4] [1 2 3 4]"}},
		{"part of a head", ir.RotaryEmbedding{Dim: 2}, []*tensor.Tensor{x, of([]int{1, 1}, 0), of([]int{1, 1}, 1), ints([]int{1, 1}, 0)}, []string{"float32[1×1×1×4] [-2 1 3 4]"}},
		{"no ids", ir.RotaryEmbedding{Heads: 1}, []*tensor.Tensor{count(1, 2, 2), of([]int{1, 2, 1}, 1, 0), of([]int{1, 2, 1}, 0, 1)}, []string{"float32[1×2×2] [1 2 -4 3]"}},
		{"heads of three dimensions", ir.RotaryEmbedding{Heads: 2}, []*tensor.Tensor{count(1, 1, 4), of([]int{1, 1, 1}, 0), of([]int{1, 1, 1}, 1)}, []string{"float32[1×1×4] [-2 1 -4 3]"}},
	})
	refused(t, []misuse{
		{ir.RotaryEmbedding{}, []*tensor.Tensor{x, cos, sin, ints([]int{1, 1}, 2)}, "input 3 (position_ids): element 0 is 2"},
		{ir.RotaryEmbedding{}, []*tensor.Tensor{x, cos, sin, ints([]int{1, 1}, -1)}, "element 0 is -1"},
		{ir.RotaryEmbedding{Dim: 3}, []*tensor.Tensor{x, cos, sin, second}, "rotary_embedding_dim is 3"},
		{ir.RotaryEmbedding{}, []*tensor.Tensor{x, cos, sin}, "cos_cache"},
	})
}
