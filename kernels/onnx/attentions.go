package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
)

var attentions = family{
	"Attention":       attention,
	"RotaryEmbedding": rotaryEmbedding,
}

// attention: since 24 there are padded keys, and a mask may be too short.
func attention(r *reading) ir.Operator {
	op := ir.Attention{
		Heads: r.int("q_num_heads", 0), KVHeads: r.int("kv_num_heads", 0),
		Scale: r.float("scale", 0), Softcap: r.float("softcap", 0),
		Causal:  r.flag("is_causal", false),
		PadMask: r.opset >= 24,
	}
	r.dtype("softmax_precision") // sums are in float64
	mode := r.int("qk_matmul_output_mode", 0)
	if mode < 0 || mode > 3 {
		r.fail(fmt.Errorf("attribute %q is %d, want 0 to 3", "qk_matmul_output_mode", mode))
	} else if len(r.node.Outputs) > 3 {
		op.Scores = ir.RawScores + ir.AttentionScores(mode)
	}
	return op
}

func rotaryEmbedding(r *reading) ir.Operator {
	return ir.RotaryEmbedding{
		Heads: r.int("num_heads", 0), Dim: r.int("rotary_embedding_dim", 0), Interleaved: r.flag("interleaved", false),
	}
}
