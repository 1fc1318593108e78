package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

var normalizations = family{
	"LayerNormalization":           layerNormalization,
	"RMSNormalization":             rmsNormalization,
	"SimplifiedLayerNormalization": rmsNormalization, // onnxruntime's, in ONNX's domain
	"GroupNormalization":           groupNormalization,
	"InstanceNormalization":        instanceNormalization,
	"LpNormalization":              lpNormalization,
	"LRN":                          lrn,
	"MeanVarianceNormalization":    meanVarianceNormalization,
}

var skipNormalizations = family{
	"SkipLayerNormalization":           skipNormalization(false),
	"SkipSimplifiedLayerNormalization": skipNormalization(true),
}

func layerNormalization(r *reading) ir.Operator {
	return ir.LayerNormalization{Axis: r.int("axis", -1), Epsilon: r.float("epsilon", 1e-5), Stash: r.stash()}
}

func rmsNormalization(r *reading) ir.Operator {
	return ir.RMSNormalization{Axis: r.int("axis", -1), Epsilon: r.float("epsilon", 1e-5), Stash: r.stash()}
}

// stash is the type that statistics are of.
func (r *reading) stash() tensor.DType {
	switch dtype := r.dtype("stash_type"); {
	case dtype == tensor.Invalid:
		return tensor.Float32
	case dtype.IsFloat():
		return dtype
	default:
		r.fail(fmt.Errorf("attribute %q is %v, want a float type", "stash_type", dtype))
		return tensor.Float32
	}
}

// groupNormalization: since 21 scale and bias are of channels, before of groups.
func groupNormalization(r *reading) ir.Operator {
	r.required("num_groups")
	if r.opset >= 21 {
		r.stash() // sums are in float64
	}
	return ir.GroupNormalization{
		Groups: r.int("num_groups", 1), Epsilon: r.float("epsilon", 1e-5), PerGroup: r.opset < 21,
	}
}

func instanceNormalization(r *reading) ir.Operator {
	return ir.InstanceNormalization{Epsilon: r.float("epsilon", 1e-5)}
}

func lpNormalization(r *reading) ir.Operator {
	return ir.LpNormalization{Axis: r.int("axis", -1), P: r.int("p", 2)}
}

func lrn(r *reading) ir.Operator {
	r.required("size")
	return ir.LRN{
		Alpha: r.float("alpha", 1e-4), Beta: r.float("beta", 0.75), Bias: r.float("bias", 1), Size: r.int("size", 1),
	}
}

func meanVarianceNormalization(r *reading) ir.Operator {
	axes, ok := r.ints("axes")
	if !ok {
		axes = []int64{0, 2, 3}
	}
	return ir.MeanVarianceNormalization{Axes: axes}
}

func skipNormalization(simplified bool) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		return ir.SkipNormalization{Epsilon: r.float("epsilon", 1e-12), Simplified: simplified}
	}
}
