package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// quantization are the operators between numbers and their quantized form.
var quantization = family{
	"DequantizeLinear":      dequantizeLinear,
	"DynamicQuantizeLinear": plain(ir.DynamicQuantizeLinear{}),
	"MatMulInteger":         plain(ir.MatMulInteger{}),
	"QLinearMatMul":         plain(ir.QLinearMatMul{}),
	"QuantizeLinear":        quantizeLinear,
}

// microsoftQuantization are those of ONNX Runtime. Those that compute on what
// quantized numbers stand for are read as the operator between DequantizeLinear
// and QuantizeLinear, as ONNX Runtime defines them.
var microsoftQuantization = family{
	"DequantizeLinear": func(r *reading) ir.Operator { return ir.DequantizeLinear{Grain: r.microsoftGrain()} },
	"QuantizeLinear":   func(r *reading) ir.Operator { return ir.QuantizeLinear{Grain: r.microsoftGrain(), Saturate: true} },

	"DynamicQuantizeMatMul": dynamicQuantizeMatMul,
	"MatMulIntegerToFloat":  matMulIntegerToFloat,
	"QGemm":                 qGemm,

	"QLinearAdd":               qLinearBinary(ir.Add{}),
	"QLinearMul":               qLinearBinary(ir.Binary{Func: "Mul"}),
	"QLinearAveragePool":       qLinearUnary(qAveragePool),
	"QLinearConcat":            qLinearConcat,
	"QLinearGlobalAveragePool": qLinearUnary(qGlobalAveragePool),
	"QLinearLeakyRelu":         qLinearUnary(scaled("LeakyRelu", 0.01)),
	"QLinearSigmoid":           qLinearUnary(function("Sigmoid")),
	"QLinearSoftmax":           qLinearUnary(qSoftmax),
}

// quantizeLinear: since 13 there is an axis, since 19 saturate, since 21 blocks
// and a type of the output, since 23 a precision.
func quantizeLinear(r *reading) ir.Operator {
	op := ir.QuantizeLinear{Grain: r.grain(), Saturate: true}
	if r.opset >= 19 {
		op.Saturate = r.flag("saturate", true)
	}
	if r.opset >= 21 {
		op.To = r.chosenType("output_dtype")
	}
	if r.opset >= 23 {
		op.Precision = r.chosenType("precision")
	}
	return op
}

// dequantizeLinear: since 13 there is an axis, since 21 blocks, since 23 a type of
// the output.
func dequantizeLinear(r *reading) ir.Operator {
	op := ir.DequantizeLinear{Grain: r.grain()}
	if r.opset >= 23 {
		op.To = r.chosenType("output_dtype")
	}
	return op
}

func (r *reading) grain() ir.Grain {
	g := ir.Grain{Axis: 1}
	if r.opset >= 13 {
		g.Axis = r.int("axis", 1)
	}
	if r.opset >= 21 {
		g.Block = r.int("block_size", 0)
	}
	return g
}

func (r *reading) microsoftGrain() ir.Grain {
	return ir.Grain{Axis: r.int("axis", 1), Block: r.int("block_size", 0)}
}

// chosenType reads an element type, where 0 leaves the choice to the operator.
func (r *reading) chosenType(name string) tensor.DType {
	if r.int(name, 0) == 0 {
		return tensor.Invalid
	}
	return r.dtype(name)
}

// dequantized is what quantized numbers stand for.
func (r *reading) dequantized(x, scale, zero ir.ValueID) ir.ValueID {
	return r.before(ir.DequantizeLinear{Grain: ir.Grain{Axis: 1}}, x, scale, zero)
}

// quantize ends a node that gives y quantized; without a zero point, of the type
// of like.
func (r *reading) quantize(y, scale, zero, like ir.ValueID) ir.Operator {
	if zero == ir.NoValue {
		zero = r.before(ir.CastLike{}, r.constant("zero", []float32{0}), like)
	}
	r.inputs = []ir.ValueID{y, scale, zero}
	return ir.QuantizeLinear{Grain: ir.Grain{Axis: 1}, Saturate: true}
}

// qLinearUnary is an operator of X, with its scale and zero point; those of Y
// follow.
func qLinearUnary(decode func(*reading) ir.Operator) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		in := r.padded(5)
		y := r.before(decode(r), r.dequantized(in[0], in[1], in[2]))
		return r.quantize(y, in[3], in[4], in[0])
	}
}

// qLinearBinary is an operator of A and B, each with its scale and zero point;
// those of C follow.
func qLinearBinary(op ir.Operator) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		in := r.padded(8)
		y := r.before(op, r.dequantized(in[0], in[1], in[2]), r.dequantized(in[3], in[4], in[5]))
		return r.quantize(y, in[6], in[7], in[0])
	}
}

func qAveragePool(r *reading) ir.Operator {
	r.fixed("channels_last", 0)
	return averagePool(r)
}

func qGlobalAveragePool(r *reading) ir.Operator {
	r.fixed("channels_last", 0)
	return ir.GlobalAveragePool{}
}

// qSoftmax is Softmax of the operator set that the attribute opset names.
func qSoftmax(r *reading) ir.Operator {
	r.required("opset")
	if r.int("opset", 13) < 13 {
		return ir.Softmax{Axis: r.int("axis", 1), Flatten: true}
	}
	return ir.Softmax{Axis: r.int("axis", -1)}
}

// qLinearConcat has the output's scale and zero point first, and then each input
// with its own.
func qLinearConcat(r *reading) ir.Operator {
	in := r.padded(len(r.node.Inputs))
	if len(in) < 5 || len(in)%3 != 2 {
		r.fail(fmt.Errorf("%d inputs, want Y's scale and zero point and three for each tensor", len(in)))
		return ir.Concat{}
	}
	var parts []ir.ValueID
	for i := 2; i < len(in); i += 3 {
		parts = append(parts, r.dequantized(in[i], in[i+1], in[i+2]))
	}
	return r.quantize(r.before(concat(r), parts...), in[0], in[1], in[2])
}

// matMulIntegerToFloat has the inputs A, B, their scales, their zero points and a
// bias.
func matMulIntegerToFloat(r *reading) ir.Operator {
	in := r.padded(7)
	product := r.before(ir.MatMulInteger{}, in[0], in[1], in[4], in[5])
	return r.toFloat(product, in[2], in[3], in[6])
}

// dynamicQuantizeMatMul has the inputs A, which it quantizes itself, B, B's scale
// and zero point, and a bias.
func dynamicQuantizeMatMul(r *reading) ir.Operator {
	in := r.padded(5)
	a := r.beforeAll(3, ir.DynamicQuantizeLinear{}, in[0])
	product := r.before(ir.MatMulInteger{}, a[0], in[1], a[2], in[3])
	return r.toFloat(product, a[1], in[2], in[4])
}

// toFloat ends a node that gives a product of integers as what it stands for,
// with a bias.
func (r *reading) toFloat(product, scaleA, scaleB, bias ir.ValueID) ir.Operator {
	wide := r.before(ir.Cast{To: tensor.Float32}, product)
	scale := r.before(ir.Cast{To: tensor.Float32}, r.before(ir.Binary{Func: "Mul"}, scaleA, scaleB))
	if bias == ir.NoValue {
		y := r.before(ir.Binary{Func: "Mul"}, wide, scale)
		r.inputs = []ir.ValueID{y, scaleA}
		return ir.CastLike{}
	}
	y := r.before(ir.CastLike{}, r.before(ir.Binary{Func: "Mul"}, wide, scale), scaleA)
	r.inputs = []ir.ValueID{y, bias}
	return ir.Add{}
}

func qGemm(r *reading) ir.Operator {
	return ir.QGemm{Alpha: r.float("alpha", 1), TransA: r.flag("transA", false), TransB: r.flag("transB", false)}
}
