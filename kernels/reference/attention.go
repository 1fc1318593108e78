package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func attentions(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Attention:
		return kernel{needs: 3, run: func(w *ir.Watch, in, out args) error { return attention(w, op, in, out) }}, true
	case ir.RotaryEmbedding:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return rotaryEmbedding(w, op, in, y) })
	}
	return kernel{}, false
}

// attention is softmax(cap(scale·Q·Kᵀ) + mask)·V for each head (ONNX Attention-24).
func attention(w *ir.Watch, op ir.Attention, in, out args) error {
	s, err := op.Fit(infos(in[:7]))
	if err != nil {
		return err
	}
	a := attending{
		op: op, AttentionShape: s, watch: w, scale: float64(op.Scale),
		q:   layout(s.Flat, s.Batch, s.Heads, s.Queries, s.Size, reals(in[0])),
		k:   withPast(s, in[4], in[1], s.Size),
		v:   withPast(s, in[5], in[2], s.ValueSize),
		y:   layout(s.Flat, s.Batch, s.Heads, s.Queries, s.ValueSize, make([]float64, out[0].Len())),
		row: make([]float64, s.Keys), weights: make([]float64, s.Keys),
	}
	if op.Scale == 0 {
		a.scale = 1 / math.Sqrt(float64(s.Size))
	}
	if err := a.masks(in[3], in[6]); err != nil {
		return err
	}
	if op.Scores != ir.NoScores {
		a.scores = make([]float64, out[3].Len())
	}
	for b := range s.Batch {
		for h := range s.Heads {
			for q := range s.Queries {
				if w.Over(s.Keys * (s.Size + s.ValueSize)) {
					return nil
				}
				a.query(b, h, q)
			}
		}
	}
	putReals(out[0], a.y.data)
	putReals(out[1], a.k.data)
	putReals(out[2], a.v.data)
	if op.Scores != ir.NoScores {
		putReals(out[3], a.scores)
	}
	return nil
}

// infos are what inference knows of tensors.
func infos(in args) []ir.Info {
	list := make([]ir.Info, len(in))
	for i, t := range in {
		if t != nil {
			list[i] = ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}
		}
	}
	return list
}

// attending is an attention under way.
type attending struct {
	ir.AttentionShape
	op         ir.Attention
	scale      float64
	watch      *ir.Watch
	q, k, v, y vectors
	mask       []float64 // added to scores; nil for none
	maskSteps  []int     // of the mask along batch, heads, queries and keys
	maskKeys   int       // keys that the mask is long enough for
	lengths    []int64   // of each batch without its padding; nil for the whole
	scores     []float64 // the output, if it is one
	row        []float64 // of the query under way
	weights    []float64
}

// masks reads the optional inputs.
func (a *attending) masks(mask, lengths *tensor.Tensor) error {
	a.maskKeys = a.Keys
	if mask != nil {
		a.mask = reals(mask)
		if mask.DType() == tensor.Bool {
			for i, v := range a.mask {
				if a.mask[i] = 0; v == 0 {
					a.mask[i] = math.Inf(-1)
				}
			}
		}
		s := mask.Shape()
		if n := len(s); a.op.PadMask && n > 0 && s[n-1] < a.Keys {
			a.maskKeys = s[n-1]
		}
		a.maskSteps = strides(s, tensor.Shape{a.Batch, a.Heads, a.Queries, a.Keys})
	}
	if lengths != nil {
		a.lengths = tensor.Data[int64](lengths)
		for b, n := range a.lengths {
			if n < 0 || n > int64(a.Keys) {
				return fmt.Errorf("input 6 (nonpad_kv_seqlen): element %d is %d, want 0 to %d keys", b, n, a.Keys)
			}
		}
	}
	return nil
}

// query computes one row of Y.
func (a *attending) query(b, h, q int) {
	kv := h / (a.Heads / a.KVHeads)
	var scores []float64
	if a.scores != nil {
		scores = a.scores[((b*a.Heads+h)*a.Queries+q)*a.Keys:][:a.Keys]
	}
	open := false // whether any key takes part
	for k := range a.row {
		score := 0.0
		for i := range a.Size {
			score += a.q.get(b, h, q, i) * a.k.get(b, kv, k, i)
		}
		score *= a.scale
		a.show(ir.RawScores, scores, k, score)
		if limit := float64(a.op.Softcap); limit != 0 {
			score = limit * math.Tanh(score/limit)
		}
		a.show(ir.CappedScores, scores, k, score)
		bias := a.bias(b, h, q, k)
		open = open || !math.IsInf(bias, -1)
		a.row[k] = score + bias
		a.show(ir.MaskedScores, scores, k, a.row[k])
	}
	if clear(a.weights); open {
		softmax(a.row, a.weights)
	}
	for k, weight := range a.weights {
		a.show(ir.SoftmaxScores, scores, k, weight)
	}
	for i := range a.ValueSize {
		sum := 0.0
		for k, weight := range a.weights {
			sum += weight * a.v.get(b, kv, k, i)
		}
		a.y.data[a.y.at(b, h, q, i)] = sum
	}
}

// show stores a score if it is of the stage that is an output.
func (a *attending) show(stage ir.AttentionScores, scores []float64, k int, v float64) {
	if a.op.Scores == stage {
		scores[k] = v
	}
}

// bias is what is added to a score: -Inf if the key takes no part. Queries follow
// the past; without one they are the last of the keys that are no padding.
func (a *attending) bias(b, h, q, k int) float64 {
	before := a.Past
	if a.lengths != nil {
		if int64(k) >= a.lengths[b] {
			return math.Inf(-1)
		}
		if a.Past == 0 {
			before = int(a.lengths[b]) - a.Queries
		}
	}
	if a.op.Causal && k > q+before || k >= a.maskKeys {
		return math.Inf(-1)
	}
	if a.mask == nil {
		return 0
	}
	s := a.maskSteps
	return a.mask[b*s[0]+h*s[1]+q*s[2]+k*s[3]]
}

// vectors are those of each position of each head of each batch.
type vectors struct {
	data                           []float64
	batchStep, headStep, placeStep int
}

func (v vectors) at(b, h, place, i int) int {
	return b*v.batchStep + h*v.headStep + place*v.placeStep + i
}

func (v vectors) get(b, h, place, i int) float64 { return v.data[v.at(b, h, place, i)] }

// layout is data [batch×heads×length×size], or flat [batch×length×heads·size].
func layout(flat bool, batch, heads, length, size int, data []float64) vectors {
	if flat {
		return vectors{data, length * heads * size, size, heads * size}
	}
	return vectors{data, heads * length * size, length * size, size}
}

// withPast is the keys or values [batch×heads×length×size] of past and present.
func withPast(s ir.AttentionShape, past, present *tensor.Tensor, size int) vectors {
	all := layout(false, s.Batch, s.KVHeads, s.Keys, size, make([]float64, s.Batch*s.KVHeads*s.Keys*size))
	before := layout(false, s.Batch, s.KVHeads, s.Past, size, realsOf(past))
	now := layout(s.Flat, s.Batch, s.KVHeads, s.Keys-s.Past, size, reals(present))
	for b := range s.Batch {
		for h := range s.KVHeads {
			for place := range s.Keys {
				from, at := now, place-s.Past
				if place < s.Past {
					from, at = before, place
				}
				copy(all.data[all.at(b, h, place, 0):][:size], from.data[from.at(b, h, at, 0):][:size])
			}
		}
	}
	return all
}

// rotaryEmbedding turns the pair (x₁, x₂) to (cos·x₁ − sin·x₂, sin·x₁ + cos·x₂)
// (ONNX RotaryEmbedding-23).
func rotaryEmbedding(w *ir.Watch, op ir.RotaryEmbedding, in args, yt *tensor.Tensor) error {
	s := in[0].Shape()
	bls, heads, dim, err := op.Fit(s)
	if err != nil {
		return err
	}
	batch, length, width := bls[0], bls[1], bls[2]
	cos, sin := reals(in[1]), reals(in[2])
	x := layout(len(s) == 3, batch, heads, length, width, reals(in[0]))
	for b := range batch {
		for place := range length {
			row := b*length + place
			if in[3] != nil {
				id := tensor.Data[int64](in[3])[row]
				if id < 0 || id >= int64(in[1].Shape()[0]) {
					return fmt.Errorf("input 3 (position_ids): element %d is %d, want one of %d positions", row, id, in[1].Shape()[0])
				}
				row = int(id)
			}
			if w.Over(heads * dim) {
				return nil
			}
			for h := range heads {
				for i := range dim / 2 {
					first, second := i, i+dim/2
					if op.Interleaved {
						first, second = 2*i, 2*i+1
					}
					c, s := cos[row*dim/2+i], sin[row*dim/2+i]
					p, q := &x.data[x.at(b, h, place, first)], &x.data[x.at(b, h, place, second)]
					*p, *q = c**p-s**q, s**p+c**q
				}
			}
		}
	}
	putReals(yt, x.data)
	return nil
}
