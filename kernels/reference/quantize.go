package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// quantization finds the loops of the operators between numbers and their
// quantized form.
func quantization(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.QuantizeLinear:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return quantizeLinear(w, op, in, y) })
	case ir.DequantizeLinear:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return dequantizeLinear(w, op, in, y) })
	case ir.DynamicQuantizeLinear:
		return kernel{needs: 1, run: func(w *ir.Watch, in, out args) error { return dynamicQuantizeLinear(w, in[0], out) }}, true
	case ir.MatMulInteger:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return matMulInteger(w, in, y) })
	case ir.QLinearMatMul:
		return one(8, func(w *ir.Watch, in args, y *tensor.Tensor) error { return qLinearMatMul(w, in, y) })
	case ir.QGemm:
		return one(6, func(w *ir.Watch, in args, y *tensor.Tensor) error { return qGemm(w, op, in, y) })
	}
	return kernel{}, false
}

// quantizeLinear is saturate(round(x / scale) + zero point) (ONNX
// QuantizeLinear-24). The quotient is rounded to the precision first, so that a tie
// is one where that says so.
func quantizeLinear(w *ir.Watch, op ir.QuantizeLinear, in args, yt *tensor.Tensor) error {
	x, scale, grain := realAt(in[0]), realAt(in[1]), grainOf(op.Grain, in[1].Shape(), yt.Shape())
	zero := func(int) float64 { return 0 }
	if in[2] != nil {
		zero = realAt(in[2])
	}
	precision := op.Precision
	if precision == tensor.Invalid {
		precision = in[1].DType()
	}
	round, put := rounding(precision), quantizeTo(yt, op.Saturate)
	return each(w, yt, func(i int) {
		g := grain(i)
		put(i, round(round(x(i))/round(scale(g))), zero(g))
	})
}

// quantizeTo writes a quotient and a zero point as a quantized type: an integer is
// rounded, ties to even, and is within its type's range. NaN becomes the smallest.
func quantizeTo(yt *tensor.Tensor, saturate bool) func(i int, v, zero float64) {
	if yt.DType().IsFloat() {
		put := realTo(yt, saturate)
		return func(i int, v, zero float64) { put(i, v+zero) }
	}
	bits := yt.DType().Bits()
	lo, hi := 0.0, math.Ldexp(1, bits)-1
	if yt.DType().IsSigned() {
		lo, hi = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)-1
	}
	put := wholeTo(yt)
	return func(i int, v, zero float64) {
		if v = math.RoundToEven(v) + zero; v != v {
			v = lo
		}
		put(i, int64(min(max(v, lo), hi)))
	}
}

// rounding rounds numbers to a float type. One of 8 bits, as which a scale may be
// stored, stands for float32.
func rounding(d tensor.DType) func(float64) float64 {
	f, small := tensor.FormatOf(d)
	switch {
	case d == tensor.Float64:
		return func(v float64) float64 { return v }
	case small && d.Bits() == 16:
		return func(v float64) float64 { return f.Decode(f.Encode(v, false)) }
	}
	return func(v float64) float64 { return float64(float32(v)) }
}

// dequantizeLinear is (x − zero point) · scale (ONNX DequantizeLinear-24).
func dequantizeLinear(w *ir.Watch, op ir.DequantizeLinear, in args, yt *tensor.Tensor) error {
	x, scale, grain := realAt(in[0]), realAt(in[1]), grainOf(op.Grain, in[1].Shape(), yt.Shape())
	zero := func(int) float64 { return 0 }
	if in[2] != nil {
		zero = realAt(in[2])
	}
	y := realTo(yt, false)
	return each(w, yt, func(i int) {
		g := grain(i)
		y(i, (x(i)-zero(g))*scale(g))
	})
}

// grainOf tells the element of the scale, and of the zero point, that belongs to
// the i-th element of a tensor of shape x.
func grainOf(g ir.Grain, scale, x tensor.Shape) func(i int) int {
	if size(scale) == 1 {
		return func(int) int { return 0 }
	}
	axis := axisOf(g.Axis, len(x))
	inner, extent := size(x[axis+1:]), x[axis]
	if g.Block == 0 {
		return func(i int) int { return i / inner % extent }
	}
	blocks := scale[axis]
	return func(i int) int {
		outer, block := i/inner/extent, i/inner%extent/g.Block
		return (outer*blocks+block)*inner + i%inner
	}
}

// dynamicQuantizeLinear quantizes to uint8 with the scale of the range of x and 0,
// in float32 (ONNX DynamicQuantizeLinear-11). Where all are 0 the scale is 1.
func dynamicQuantizeLinear(w *ir.Watch, xt *tensor.Tensor, out args) error {
	x := tensor.Data[float32](xt)
	var lo, hi float32
	if err := each(w, xt, func(i int) { lo, hi = min(lo, x[i]), max(hi, x[i]) }); err != nil {
		return err
	}
	scale := (hi - lo) / 255
	if scale == 0 {
		scale = 1
	}
	tensor.Data[float32](out[1])[0] = scale
	zero := math.RoundToEven(float64(min(max(-lo/scale, 0), 255)))
	quantizeTo(out[2], true)(0, zero, 0)
	put := quantizeTo(out[0], true)
	return each(w, xt, func(i int) { put(i, float64(x[i]/scale), zero) })
}
