package onnx

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// chance are the operators that draw numbers.
var chance = family{
	"Bernoulli": func(r *reading) ir.Operator {
		return ir.Bernoulli{DType: r.dtype("dtype"), Seed: r.seed(FloatAttribute)}
	},
	"Multinomial":       multinomial,
	"RandomNormal":      func(r *reading) ir.Operator { return r.shaped(r.normal()) },
	"RandomNormalLike":  func(r *reading) ir.Operator { return ir.RandomLike{Random: r.normal()} },
	"RandomUniform":     func(r *reading) ir.Operator { return r.shaped(r.uniform()) },
	"RandomUniformLike": func(r *reading) ir.Operator { return ir.RandomLike{Random: r.uniform()} },
}

func (r *reading) normal() ir.Random {
	return ir.Random{
		Normal: true, Low: r.float("mean", 0), High: r.float("scale", 1),
		DType: r.dtype("dtype"), Seed: r.seed(FloatAttribute),
	}
}

func (r *reading) uniform() ir.Random {
	return ir.Random{
		Low: r.float("low", 0), High: r.float("high", 1),
		DType: r.dtype("dtype"), Seed: r.seed(FloatAttribute),
	}
}

// shaped reads the shape of what is drawn, by default as float32.
func (r *reading) shaped(op ir.Random) ir.Operator {
	r.required("shape")
	for _, d := range r.list("shape") {
		op.Shape = append(op.Shape, d)
	}
	if op.DType == tensor.Invalid {
		op.DType = tensor.Float32
	}
	return op
}

func multinomial(r *reading) ir.Operator {
	op := ir.Multinomial{Samples: r.int("sample_size", 1), DType: r.dtype("dtype"), Seed: r.seed(FloatAttribute)}
	if op.DType == tensor.Invalid {
		op.DType = tensor.Int32
	}
	return op
}

// seed reads the attribute seed: whole numbers as they are, and others by their
// bits, so that they differ.
func (r *reading) seed(typ AttributeType) ir.Seed {
	a := r.attribute("seed", typ)
	switch {
	case a == nil:
		return ir.Seed{}
	case typ == IntAttribute:
		return ir.Seed{Given: true, Value: uint32(a.Int)}
	case float64(a.Float) == math.Trunc(float64(a.Float)) && math.Abs(float64(a.Float)) < 1<<32:
		return ir.Seed{Given: true, Value: uint32(int64(a.Float))}
	}
	return ir.Seed{Given: true, Value: math.Float32bits(a.Float)}
}
