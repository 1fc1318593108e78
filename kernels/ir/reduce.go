package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Reduce makes one element of those along axes. Inputs: X, optional int64 axes
// (absent or empty: all, or none if NoopWithEmptyAxes, where each element is reduced
// alone). Integers are exact, modulo their type; a mean, root or logarithm of them
// is truncated. (ONNX ReduceSum-13, ReduceMean-18 and their like, ReduceMax-20.)
type Reduce struct {
	By                Reduction
	KeepDims          bool
	NoopWithEmptyAxes bool
}

// Reduction is the ONNX name of what Reduce computes.
type Reduction string

// The reductions. Of no elements sums are 0, the product is 1, logarithms are -Inf
// and the extremes those of the type; there is no mean.
const (
	ReduceSum       Reduction = "ReduceSum"
	ReduceMean      Reduction = "ReduceMean"
	ReduceMax       Reduction = "ReduceMax"
	ReduceMin       Reduction = "ReduceMin"
	ReduceProd      Reduction = "ReduceProd"
	ReduceL1        Reduction = "ReduceL1"        // Σ|x|
	ReduceL2        Reduction = "ReduceL2"        // √Σx²
	ReduceLogSum    Reduction = "ReduceLogSum"    // ln Σx
	ReduceLogSumExp Reduction = "ReduceLogSumExp" // ln Σeˣ
	ReduceSumSquare Reduction = "ReduceSumSquare" // Σx²
)

// ordered are the types of which one element may be larger than another.
var ordered = class{"a type of numbers or bool", func(d tensor.DType) bool { return numbers.has(d) || d == tensor.Bool }}

// Type is the reduction's name.
func (op Reduce) Type() string { return string(op.By) }

// Infer removes the axes or makes them 1. Its shape is unknown while the axes
// are; a mean of no elements is refused.
func (op Reduce) Infer(in []Info) ([]Info, error) {
	data := parameter{name: "data", class: numbers}
	if op.By == ReduceMax || op.By == ReduceMin {
		data.class = ordered
	}
	if err := operands(in).match(data, parameter{name: "axes", dtype: tensor.Int64, optional: true}); err != nil {
		return nil, err
	}
	var axes []int64
	if operands(in).has(1) {
		var known bool
		var err error
		if axes, known, err = operands(in).axes(1); err != nil || !known {
			return []Info{{DType: in[0].DType}}, err
		}
	}
	reduced, err := op.Reduced(axes, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	out := tensor.Shape{}
	for i, d := range in[0].Shape {
		switch {
		case !reduced[i]:
			out = append(out, d)
		case d == 0 && op.By == ReduceMean:
			return nil, fmt.Errorf("input 0 (data) has shape %v: there is no mean of no elements", in[0].Shape)
		case op.KeepDims:
			out = append(out, 1)
		}
	}
	return result(in[0].DType, out)
}

// Reduced tells for each dimension whether it is reduced. No axes stand for all
// dimensions, or for none with NoopWithEmptyAxes.
func (op Reduce) Reduced(axes []int64, rank int) ([]bool, error) {
	list, err := Axes(axes, rank)
	if err != nil {
		return nil, err
	}
	reduced := make([]bool, rank)
	for i := range reduced {
		reduced[i] = len(list) == 0 && !op.NoopWithEmptyAxes
	}
	for _, axis := range list {
		reduced[axis] = true
	}
	return reduced, nil
}

// ArgExtreme is the index along Axis of the largest element, or the smallest; of
// equal ones the first, or the last. NaN is beyond all others. Input: X. Output:
// int64, the axis 1 or, without KeepDims, removed. (ONNX ArgMax-13, ArgMin-13.)
type ArgExtreme struct {
	Min        bool
	Axis       int
	KeepDims   bool
	SelectLast bool
}

// Type is "ArgMax" or "ArgMin".
func (op ArgExtreme) Type() string {
	if op.Min {
		return "ArgMin"
	}
	return "ArgMax"
}

// Infer removes the axis or makes it 1; there is no extreme of no elements.
func (op ArgExtreme) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data", class: numbers}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	axis, err := Axis(op.Axis, len(x))
	if err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	if x[axis] == 0 {
		return nil, fmt.Errorf("input 0 (data) has shape %v: there is no extreme of no elements", x)
	}
	out := x[:axis].Clone()
	if op.KeepDims {
		out = append(out, 1)
	}
	return result(tensor.Int64, append(out, x[axis+1:]...))
}

// TopK gives the K largest elements along Axis in falling order, or the smallest in
// rising order; of equal ones the first come first. NaN is larger than all others.
// Inputs: X, K, an int64 of one element. Outputs: their values, and their int64
// indices. (ONNX TopK-24; what need not be sorted is sorted too.)
type TopK struct {
	Axis     int
	Smallest bool
}

// Type is "TopK".
func (TopK) Type() string { return "TopK" }

// Infer makes the axis K.
func (op TopK) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: numbers}, parameter{name: "K", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	axis, err := Axis(op.Axis, len(x))
	if err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	k, known, err := operands(in).extent(1, "K")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}, {DType: tensor.Int64}}, err
	}
	if k > x[axis] {
		return nil, fmt.Errorf("input 1 (K) is %d, more than dimension %d of %v", k, axis, x)
	}
	out := x.Clone()
	out[axis] = k
	return []Info{{DType: in[0].DType, Shape: out}, {DType: tensor.Int64, Shape: out.Clone()}}, nil
}

// CumSum adds up the elements along an axis from the first, or in Reverse from the
// last, without the element itself if Exclusive. Inputs: X, axis, an int64 or int32
// scalar. (ONNX CumSum-14.)
type CumSum struct{ Exclusive, Reverse bool }

// Type is "CumSum".
func (CumSum) Type() string { return "CumSum" }

// Infer keeps the shape.
func (CumSum) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "x", class: numbers}, parameter{name: "axis", class: indices}); err != nil {
		return nil, err
	}
	axis, known, err := operands(in).integer(1, "axis")
	if err != nil {
		return nil, err
	}
	if known {
		if _, err := Axis(axis, len(in[0].Shape)); err != nil {
			return nil, fmt.Errorf("input 1 (axis): %w", err)
		}
	}
	return result(in[0].DType, in[0].Shape.Clone())
}
