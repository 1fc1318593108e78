package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Attention weighs values by how queries match keys: softmax(cap(Scale·Q·Kᵀ) +
// mask)·V for each head, where Heads may be a multiple of KVHeads, of which each
// then serves as many queries' heads in turn.
//
// Inputs: Q, K, V, each [batch×heads×length×size] or [batch×length×heads·size];
// optional mask, broadcast to [batch×heads×queries×keys], bool (true takes part) or
// numbers (added); optional past K and V [batch×KVHeads×past×size], before
// K and V; optional int64 number of keys of each batch that are no padding.
// Outputs: Y in Q's layout; K and V with their past; what Scores says, [batch×heads×
// queries×keys]. A query that may see no key gives 0. (ONNX Attention-24.)
type Attention struct {
	Heads, KVHeads int     // of inputs of 3 dimensions
	Scale          float32 // 0 is 1/√size
	Softcap        float32 // cap(x) is Softcap·tanh(x/Softcap), unless 0
	Causal         bool    // no query sees keys after its own place
	PadMask        bool    // keys that the mask is too short for take no part
	Scores         AttentionScores
}

// AttentionScores is what Attention gives as its fourth output.
type AttentionScores uint8

// The outputs of ONNX's qk_matmul_output_mode, and none at all.
const (
	NoScores AttentionScores = iota
	RawScores
	CappedScores
	MaskedScores
	SoftmaxScores
)

// AttentionShape is the extents of an Attention.
type AttentionShape struct {
	Batch, Heads, KVHeads int
	Queries, Past, Keys   int  // Keys are with the past
	Size, ValueSize       int  // of a head
	Flat                  bool // Q, K, V and Y have 3 dimensions
}

// Type is "Attention".
func (Attention) Type() string { return "Attention" }

// Infer splits heads and adds the past.
func (op Attention) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "Q", class: realNumbers},
		parameter{name: "K", dtype: t},
		parameter{name: "V", class: realNumbers},
		parameter{name: "attn_mask", class: ordered, optional: true},
		parameter{name: "past_key", dtype: t, optional: true},
		parameter{name: "past_value", dtype: operands(in).dtypeOf(2), optional: true},
		parameter{name: "nonpad_kv_seqlen", dtype: tensor.Int64, optional: true},
	); err != nil {
		return nil, err
	}
	s, err := op.Fit(in)
	if err != nil {
		return nil, err
	}
	y := tensor.Shape{s.Batch, s.Heads, s.Queries, s.ValueSize}
	if s.Flat {
		y = tensor.Shape{s.Batch, s.Queries, s.Heads * s.ValueSize}
	}
	out := []Info{
		{DType: t, Shape: y},
		{DType: t, Shape: tensor.Shape{s.Batch, s.KVHeads, s.Keys, s.Size}},
		{DType: in[2].DType, Shape: tensor.Shape{s.Batch, s.KVHeads, s.Keys, s.ValueSize}},
	}
	if op.Scores != NoScores {
		out = append(out, Info{DType: t, Shape: tensor.Shape{s.Batch, s.Heads, s.Queries, s.Keys}})
	}
	return out, nil
}

// Fit checks the inputs' shapes against each other.
func (op Attention) Fit(in []Info) (s AttentionShape, err error) {
	q, qHeads, errQ := heads(in[0].Shape, op.Heads, "Q", "q_num_heads")
	k, kHeads, errK := heads(in[1].Shape, op.KVHeads, "K", "kv_num_heads")
	v, vHeads, errV := heads(in[2].Shape, op.KVHeads, "V", "kv_num_heads")
	for _, err := range []error{errQ, errK, errV} {
		if err != nil {
			return s, err
		}
	}
	s = AttentionShape{
		Batch: q[0], Heads: qHeads, KVHeads: kHeads,
		Queries: q[1], Keys: k[1], Size: q[2], ValueSize: v[2],
		Flat: len(in[0].Shape) == 3,
	}
	if len(in[1].Shape) != len(in[0].Shape) || len(in[2].Shape) != len(in[0].Shape) ||
		k[0] != s.Batch || v[0] != s.Batch || vHeads != kHeads || v[1] != k[1] || k[2] != s.Size {
		return s, fmt.Errorf("inputs Q %v, K %v and V %v do not fit each other", in[0].Shape, in[1].Shape, in[2].Shape)
	}
	if s.Size == 0 || s.ValueSize == 0 {
		return s, fmt.Errorf("inputs Q %v and V %v have heads of no elements", in[0].Shape, in[2].Shape)
	}
	if kHeads < 1 || qHeads%kHeads != 0 {
		return s, fmt.Errorf("%d heads of Q are no multiple of %d heads of K and V", qHeads, kHeads)
	}
	return s, op.fitRest(in, &s)
}

// fitRest checks the optional inputs, and adds the past.
func (op Attention) fitRest(in operands, s *AttentionShape) error {
	if in.has(4) != in.has(5) {
		return fmt.Errorf("past_key and past_value go together")
	}
	if in.has(4) {
		past := in[4].Shape
		if len(past) != 4 {
			return fmt.Errorf("input 4 (past_key) has shape %v, want 4 dimensions", past)
		}
		s.Past = past[2]
		s.Keys += s.Past
		if err := in.is(4, "past_key", tensor.Shape{s.Batch, s.KVHeads, s.Past, s.Size}); err != nil {
			return err
		}
		if err := in.is(5, "past_value", tensor.Shape{s.Batch, s.KVHeads, s.Past, s.ValueSize}); err != nil {
			return err
		}
	}
	if err := in.is(6, "nonpad_kv_seqlen", tensor.Shape{s.Batch}); err != nil {
		return err
	}
	if in.has(3) {
		mask := in[3].Shape
		if op.PadMask && len(mask) > 0 && mask[len(mask)-1] < s.Keys {
			mask = append(mask[:len(mask)-1].Clone(), s.Keys)
		}
		to := tensor.Shape{s.Batch, s.Heads, s.Queries, s.Keys}
		if both, err := Broadcast(to, mask); err != nil || !both.Equal(to) {
			return fmt.Errorf("input 3 (attn_mask) has shape %v, which does not broadcast to %v", in[3].Shape, to)
		}
	}
	return nil
}

// heads reads an input as batch, length and size of a head.
func heads(s tensor.Shape, n int, name, attribute string) (batchLengthSize [3]int, heads int, err error) {
	switch {
	case len(s) == 4:
		return [3]int{s[0], s[2], s[3]}, s[1], nil
	case len(s) != 3:
		return batchLengthSize, 0, fmt.Errorf("input %s has shape %v, want 3 or 4 dimensions", name, s)
	case n < 1 || s[2]%n != 0:
		return batchLengthSize, 0, fmt.Errorf("attribute %s is %d, which does not divide %s %v", attribute, n, name, s)
	}
	return [3]int{s[0], s[1], s[2] / n}, n, nil
}

func (op Attention) multiplyAdds(in, _ []Info) int {
	s, err := op.Fit(in)
	if err != nil {
		return 0
	}
	return times(s.Batch, s.Heads, s.Queries, s.Keys, plus(s.Size, s.ValueSize))
}

// RotaryEmbedding turns pairs of elements of each head by an angle that follows from
// their position: the first Dim elements (0 is all), paired with those half of Dim
// after, or Interleaved with the next. Inputs: X [batch×heads×length×size] or
// [batch×length×Heads·size]; the angles' cos and sin, [positions×Dim/2], by optional
// int64 position ids [batch×length], or without them [batch×length×Dim/2].
// (ONNX RotaryEmbedding-23.)
type RotaryEmbedding struct {
	Heads, Dim  int
	Interleaved bool
}

// Type is "RotaryEmbedding".
func (RotaryEmbedding) Type() string { return "RotaryEmbedding" }

// Infer keeps the shape.
func (op RotaryEmbedding) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "X", class: realNumbers},
		parameter{name: "cos_cache", dtype: t},
		parameter{name: "sin_cache", dtype: t},
		parameter{name: "position_ids", dtype: tensor.Int64, optional: true},
	); err != nil {
		return nil, err
	}
	bls, _, dim, err := op.Fit(in[0].Shape)
	if err != nil {
		return nil, err
	}
	want := tensor.Shape{bls[0], bls[1], dim / 2}
	if operands(in).has(3) {
		if err := operands(in).is(3, "position_ids", tensor.Shape{bls[0], bls[1]}); err != nil {
			return nil, err
		}
		if cos := in[1].Shape; len(cos) == 2 {
			want = tensor.Shape{cos[0], dim / 2}
		} else {
			return nil, fmt.Errorf("input 1 (cos_cache) has shape %v, want 2 dimensions", cos)
		}
	}
	if err := operands(in).is(1, "cos_cache", want); err != nil {
		return nil, err
	}
	if err := operands(in).is(2, "sin_cache", want); err != nil {
		return nil, err
	}
	return result(t, in[0].Shape.Clone())
}

// Fit reads X's shape as batch, length and size, heads, and how many elements of
// each are turned.
func (op RotaryEmbedding) Fit(x tensor.Shape) (batchLengthSize [3]int, n, dim int, err error) {
	bls, n, err := heads(x, op.Heads, "X", "num_heads")
	if err != nil {
		return bls, 0, 0, err
	}
	if dim = op.Dim; dim == 0 {
		dim = bls[2]
	}
	if dim < 0 || dim > bls[2] || dim%2 != 0 {
		return bls, 0, 0, fmt.Errorf("attribute rotary_embedding_dim is %d of heads of %d elements", op.Dim, bls[2])
	}
	return bls, n, dim, nil
}
