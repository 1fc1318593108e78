package ir

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// OneHot gives each index a vector of Depth elements along Axis of the output, of
// which that at the index is the second of values and all others the first.
// Inputs: indices and depth of any numbers, depth one element, values [2]. A
// negative index counts from the end unless PositiveOnly; one outside gives a
// vector without the second value. (ONNX OneHot-11, OneHot-9.)
type OneHot struct {
	Axis         int
	PositiveOnly bool
}

// Type is "OneHot".
func (OneHot) Type() string { return "OneHot" }

// Infer inserts the depth.
func (op OneHot) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "indices", class: numbers}, parameter{name: "depth", class: numbers}, parameter{name: "values"}); err != nil {
		return nil, err
	}
	if n, err := in[1].Shape.Elements(); err != nil || n != 1 || len(in[1].Shape) > 1 {
		return nil, fmt.Errorf("input 1 (depth) has shape %v, want one element", in[1].Shape)
	}
	if !in[2].Shape.Equal(tensor.Shape{2}) {
		return nil, fmt.Errorf("input 2 (values) has shape %v, want [2]", in[2].Shape)
	}
	axis, err := axisAttribute(op.Axis, len(in[0].Shape)+1)
	if err != nil {
		return nil, err
	}
	if in[1].Const == nil {
		return open(in[2].DType)
	}
	f := numberAt(in[1].Const)
	if !(f >= 0 && f <= MaxValueBytes) {
		return nil, fmt.Errorf("input 1 (depth) is %v", f)
	}
	out := append(in[0].Shape[:axis:axis].Clone(), int(f))
	return result(in[2].DType, append(out, in[0].Shape[axis:]...))
}

// numberAt is the first element of a tensor of numbers. That of 64 bits is rounded
// to a float64: it bounds an extent, which is far smaller.
func numberAt(t *tensor.Tensor) float64 {
	raw, err := t.Bytes()
	if err != nil {
		return math.NaN()
	}
	word := uint64(0)
	for i := range min(len(raw), t.DType().Size()) {
		word |= uint64(raw[i]) << (8 * i)
	}
	shift := 64 - t.DType().Bits()
	if f, ok := tensor.FormatOf(t.DType()); ok {
		return f.Decode(uint16(word << shift >> shift))
	}
	switch d := t.DType(); {
	case d == tensor.Float32:
		return float64(math.Float32frombits(uint32(word)))
	case d == tensor.Float64:
		return math.Float64frombits(word)
	case d.IsSigned():
		return float64(int64(word) << shift >> shift)
	}
	return float64(word << shift >> shift)
}

// Trilu keeps the Upper or lower triangle of each matrix in the last two
// dimensions of X; all else is 0. Inputs: X, optional int64 k, the diagonal that
// bounds it, above the main one if positive. (ONNX Trilu-14.)
type Trilu struct{ Upper bool }

// Type is "Trilu".
func (Trilu) Type() string { return "Trilu" }

// Infer keeps the shape.
func (Trilu) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "k", dtype: tensor.Int64, optional: true}); err != nil {
		return nil, err
	}
	if len(in[0].Shape) < 2 {
		return nil, fmt.Errorf("input 0 has shape %v, want two dimensions or more", in[0].Shape)
	}
	if operands(in).has(1) {
		if _, _, err := operands(in).scalar(1, "k"); err != nil {
			return nil, err
		}
	}
	return result(in[0].DType, in[0].Shape.Clone())
}

// EyeLike is a matrix of X's shape with ones on diagonal K and zeros elsewhere, of
// X's type unless DType says another. (ONNX EyeLike-22.)
type EyeLike struct {
	DType tensor.DType
	K     int
}

// Type is "EyeLike".
func (EyeLike) Type() string { return "EyeLike" }

// Infer keeps the shape.
func (op EyeLike) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return nil, err
	}
	if len(in[0].Shape) != 2 {
		return nil, fmt.Errorf("input 0 has shape %v, want a matrix", in[0].Shape)
	}
	dtype := op.DType
	if dtype == tensor.Invalid {
		dtype = in[0].DType
	}
	if !numbers.has(dtype) && dtype != tensor.Bool {
		return nil, fmt.Errorf("attribute dtype: there is no identity matrix of %v", dtype)
	}
	return result(dtype, in[0].Shape.Clone())
}

// Range counts from start by delta to before limit: the i-th element is
// start + i·delta. Inputs: start, limit, delta, each one number, all of one type.
// (ONNX Range-11.)
type Range struct{}

// Type is "Range".
func (Range) Type() string { return "Range" }

// Infer counts the elements.
func (Range) Infer(in []Info) ([]Info, error) {
	names := []string{"start", "limit", "delta"}
	if err := operands(in).match(parameter{name: names[0], class: numbers}, parameter{name: names[1], class: numbers}, parameter{name: names[2], class: numbers}); err != nil {
		return nil, err
	}
	known := true
	for i, v := range in {
		if n, err := v.Shape.Elements(); err != nil || n != 1 {
			return nil, fmt.Errorf("input %d (%s) has shape %v, want one element", i, names[i], v.Shape)
		}
		if v.DType != in[0].DType {
			return nil, fmt.Errorf("input %d (%s) is %v and input 0 %v", i, names[i], v.DType, in[0].DType)
		}
		known = known && v.Const != nil
	}
	if !known {
		return open(in[0].DType)
	}
	var n float64
	if indices.has(in[0].DType) {
		n = steps(indexElements(in[0].Const)[0], indexElements(in[1].Const)[0], indexElements(in[2].Const)[0])
	} else {
		n = math.Ceil((numberAt(in[1].Const) - numberAt(in[0].Const)) / numberAt(in[2].Const))
	}
	if n != n || n > MaxValueBytes || numberAt(in[2].Const) == 0 {
		return nil, fmt.Errorf("inputs start, limit and delta are %v, %v and %v: that is no number of elements, or more than the limit of %d",
			numberAt(in[0].Const), numberAt(in[1].Const), numberAt(in[2].Const), MaxValueBytes)
	}
	return result(in[0].DType, tensor.Shape{int(max(n, 0))})
}

// steps counts exactly what a float64 holds, and so what a value may hold.
func steps(start, limit, delta int64) float64 {
	switch {
	case delta > 0 && limit > start:
		return float64((uint64(limit)-uint64(start)-1)/uint64(delta)) + 1
	case delta < 0 && limit < start:
		return float64((uint64(start)-uint64(limit)-1)/(-uint64(delta))) + 1
	}
	return 0
}

// ConstantOfShape is Value, a tensor of one element, in every place of a tensor of
// the shape that its int64 input says. (ONNX ConstantOfShape-24.)
type ConstantOfShape struct{ Value *tensor.Tensor }

// Type is "ConstantOfShape".
func (ConstantOfShape) Type() string { return "ConstantOfShape" }

// Infer reads the shape.
func (op ConstantOfShape) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	if op.Value.Len() != 1 {
		return nil, fmt.Errorf("attribute value is %v, want one element", op.Value)
	}
	list, known, err := operands(in).list(0, "input")
	if err != nil || !known {
		return []Info{{DType: op.Value.DType()}}, err
	}
	out := make(tensor.Shape, len(list))
	for i, d := range list {
		if out[i], err = extent(d); err != nil {
			return nil, fmt.Errorf("input 0: %w", err)
		}
	}
	return result(op.Value.DType(), out)
}

// NonZero gives the places of X's elements that are not zero, false or empty, an
// int64 matrix with a row for each dimension. (ONNX NonZero-13.)
type NonZero struct{}

// Type is "NonZero".
func (NonZero) Type() string { return "NonZero" }

// Infer leaves the shape to the run.
func (NonZero) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X"}); err != nil {
		return nil, err
	}
	return open(tensor.Int64)
}

// Unique gives the distinct slices of X along Axis, or without HasAxis its
// distinct elements, Sorted or in the order in which they come first; and, each an
// int64 vector, where they come first, for each slice of X which one it is, and how
// often they come. (ONNX Unique-11.)
type Unique struct {
	Axis    int
	HasAxis bool
	Sorted  bool
}

// Type is "Unique".
func (Unique) Type() string { return "Unique" }

// Infer leaves the shapes to the run.
func (op Unique) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X"}); err != nil {
		return nil, err
	}
	if op.HasAxis {
		if _, err := axisAttribute(op.Axis, len(in[0].Shape)); err != nil {
			return nil, err
		}
	}
	return []Info{{DType: in[0].DType}, {DType: tensor.Int64}, {DType: tensor.Int64}, {DType: tensor.Int64}}, nil
}
