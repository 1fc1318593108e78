package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Grain is how many elements of a tensor share a scale and a zero point: all, if
// those have one element; those of one index along Axis, if they are vectors; and
// otherwise each Block along Axis.
type Grain struct {
	Axis  int
	Block int // 0 unless in blocks
}

// QuantizeLinear is saturate(round(x / scale) + zero point), ties to even; to a
// float type it only rounds. Inputs: x, y_scale, optional y_zero_point. (ONNX
// QuantizeLinear-24; com.microsoft QuantizeLinear.)
type QuantizeLinear struct {
	Grain
	To        tensor.DType // Invalid: that of the zero point, or uint8
	Precision tensor.DType // of the division; Invalid: that of the scale
	Saturate  bool         // of floats of 8 bits
}

// DequantizeLinear is (x − zero point) · scale. Inputs: x, x_scale, optional
// x_zero_point. (ONNX DequantizeLinear-24; com.microsoft DequantizeLinear.)
type DequantizeLinear struct {
	Grain
	To tensor.DType // Invalid: that of the scale
}

// DynamicQuantizeLinear quantizes x to uint8 by the range of its elements and 0.
// Outputs: y, y_scale, y_zero_point. (ONNX DynamicQuantizeLinear-11.)
type DynamicQuantizeLinear struct{}

// The classes of quantization.
var (
	quantized = class{"a type of at most 16 bits to quantize to", func(d tensor.DType) bool {
		switch d {
		case tensor.Float16, tensor.BFloat16, tensor.Float8E8M0:
			return false
		}
		return d.Bits() <= 16 && (d.IsFloat() || d.IsInteger())
	}}
	storedNumbers = class{"an integer type or a float type of at most 8 bits", func(d tensor.DType) bool {
		return d.IsInteger() || d.IsFloat() && d.Bits() <= 8 && d != tensor.Float8E8M0
	}}
	bytes = class{"int8 or uint8", func(d tensor.DType) bool { return d == tensor.Int8 || d == tensor.Uint8 }}
)

// Type is "QuantizeLinear".
func (QuantizeLinear) Type() string { return "QuantizeLinear" }

// Infer keeps the shape.
func (op QuantizeLinear) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "x", class: numbers},
		parameter{name: "y_scale", class: realNumbers},
		parameter{name: "y_zero_point", class: quantized, optional: true},
	); err != nil {
		return nil, err
	}
	to, zero := op.To, operands(in).at(2).DType
	switch {
	case zero == tensor.Invalid && to == tensor.Invalid:
		to = tensor.Uint8
	case to == tensor.Invalid:
		to = zero
	case zero != tensor.Invalid && zero != to:
		return nil, fmt.Errorf("attribute output_dtype is %v, and input 2 (y_zero_point) %v", to, zero)
	case !quantized.has(to):
		return nil, fmt.Errorf("attribute output_dtype is %v; supported is %s", to, quantized.name)
	}
	if op.Precision != tensor.Invalid && !realNumbers.has(op.Precision) {
		return nil, fmt.Errorf("attribute precision is %v; supported is %s", op.Precision, realNumbers.name)
	}
	if err := op.check(in, "y_scale", "y_zero_point"); err != nil {
		return nil, err
	}
	return result(to, in[0].Shape.Clone())
}

// Type is "DequantizeLinear".
func (DequantizeLinear) Type() string { return "DequantizeLinear" }

// Infer keeps the shape.
func (op DequantizeLinear) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "x", class: storedNumbers},
		parameter{name: "x_scale", class: realNumbers},
		parameter{name: "x_zero_point", class: storedNumbers, optional: true},
	); err != nil {
		return nil, err
	}
	if zero := operands(in).at(2).DType; zero != tensor.Invalid && zero != in[0].DType {
		return nil, fmt.Errorf("input 2 (x_zero_point) is %v, and input 0 (x) %v", zero, in[0].DType)
	}
	to := op.To
	if to == tensor.Invalid {
		to = in[1].DType
	}
	if !realNumbers.has(to) {
		return nil, fmt.Errorf("attribute output_dtype is %v; supported is %s", to, realNumbers.name)
	}
	if err := op.check(in, "x_scale", "x_zero_point"); err != nil {
		return nil, err
	}
	return result(to, in[0].Shape.Clone())
}

// check holds the shapes of scale and zero point, inputs 1 and 2, against that of
// the tensor.
func (g Grain) check(in []Info, scaleName, zeroName string) error {
	x, scale := in[0].Shape, in[1].Shape
	if zero := operands(in).at(2); zero.DType != tensor.Invalid && !zero.Shape.Equal(scale) && !(single(zero.Shape) && single(scale)) {
		return fmt.Errorf("input 2 (%s) has shape %v, and input 1 (%s) %v", zeroName, zero.Shape, scaleName, scale)
	}
	if g.Block < 0 {
		return fmt.Errorf("attribute block_size is %d, want at least 0", g.Block)
	}
	if single(scale) && g.Block == 0 {
		return nil
	}
	axis, err := Axis(g.Axis, len(x))
	if err != nil {
		return fmt.Errorf("attribute axis: %w", err)
	}
	if g.Block == 0 {
		if !scale.Equal(tensor.Shape{x[axis]}) {
			return fmt.Errorf("input 1 (%s) has shape %v, want a scalar or %v", scaleName, scale, tensor.Shape{x[axis]})
		}
		return nil
	}
	want := x.Clone()
	want[axis] = (x[axis]-1)/g.Block + 1
	if x[axis] == 0 {
		want[axis] = 0
	}
	if !scale.Equal(want) {
		return fmt.Errorf("input 1 (%s) has shape %v, want %v for blocks of %d", scaleName, scale, want, g.Block)
	}
	return nil
}

// Type is "DynamicQuantizeLinear".
func (DynamicQuantizeLinear) Type() string { return "DynamicQuantizeLinear" }

// Infer keeps the shape.
func (DynamicQuantizeLinear) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "x", dtype: tensor.Float32}); err != nil {
		return nil, err
	}
	return []Info{
		{DType: tensor.Uint8, Shape: in[0].Shape.Clone()},
		{DType: tensor.Float32, Shape: tensor.Shape{}},
		{DType: tensor.Uint8, Shape: tensor.Shape{}},
	}, nil
}
