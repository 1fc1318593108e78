package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Pad adds elements before and after X along each dimension, or where a pad is
// negative takes some off. Inputs: X, int64 pads [before each of the axes, then
// after each], optional value of one element, optional axes (absent: all). A value
// of another float type than X is rounded to X's. (ONNX Pad-24.)
type Pad struct{ Mode PadMode }

// PadMode says what is added.
type PadMode uint8

// The modes of Pad.
const (
	PadConstant PadMode = iota // the value
	PadReflect                 // X mirrored at its first and last element
	PadEdge                    // the first and last element
	PadWrap                    // X again
)

// Margin is what Pad makes of one dimension: Count elements of X from Start on,
// with others Before and After.
type Margin struct{ Start, Count, Before, After int }

// Type is "Pad".
func (Pad) Type() string { return "Pad" }

// Infer adds the pads.
func (op Pad) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "pads", dtype: tensor.Int64},
		parameter{name: "constant_value", optional: true}, parameter{name: "axes", class: indices, optional: true}); err != nil {
		return nil, err
	}
	if err := op.checkValue(in[0].DType, operands(in).at(2)); err != nil {
		return nil, err
	}
	if s := in[1].Shape; len(s) != 1 || s[0] > 2*MaxRank {
		return nil, fmt.Errorf("input 1 (pads) has shape %v, want a vector of two for each axis", s)
	}
	var axes []int64
	if operands(in).has(3) {
		var known bool
		var err error
		if axes, known, err = operands(in).list(3, "axes"); err != nil || !known {
			return []Info{{DType: in[0].DType}}, err
		}
	}
	if in[1].Const == nil {
		return open(in[0].DType)
	}
	margins, err := op.Margins(in[0].Shape, tensor.Data[int64](in[1].Const), axes)
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(margins))
	for i, m := range margins {
		out[i] = m.Before + m.Count + m.After
	}
	return result(in[0].DType, out)
}

func (op Pad) checkValue(data tensor.DType, value Info) error {
	if value.DType == tensor.Invalid {
		return nil
	}
	if n, err := value.Shape.Elements(); err != nil || n != 1 {
		return fmt.Errorf("input 2 (constant_value) has shape %v, want one element", value.Shape)
	}
	if value.DType != data && !(value.DType.IsFloat() && data.IsFloat()) {
		return fmt.Errorf("input 2 (constant_value) is %v and the data %v", value.DType, data)
	}
	return nil
}

// Margins are what becomes of each dimension of a shape; nil axes are all.
func (op Pad) Margins(x tensor.Shape, pads, axes []int64) ([]Margin, error) {
	if axes == nil {
		for i := range x {
			axes = append(axes, int64(i))
		}
	}
	at, err := Axes(axes, len(x))
	if err != nil {
		return nil, fmt.Errorf("input 3 (axes): %w", err)
	}
	if len(pads) != 2*len(at) {
		return nil, fmt.Errorf("input 1 (pads) has %d elements for %d axes", len(pads), len(at))
	}
	out := make([]Margin, len(x))
	for i, d := range x {
		out[i].Count = d
	}
	for i, axis := range at {
		before, after := pads[i], pads[len(at)+i]
		if max(before, after) > MaxValueBytes || min(before, after) < -MaxValueBytes {
			return nil, fmt.Errorf("input 1 (pads): %d and %d are past the limit of %d", before, after, MaxValueBytes)
		}
		m := Margin{Start: int(max(-before, 0)), Before: int(max(before, 0)), After: int(max(after, 0))}
		if m.Count = x[axis] - m.Start - int(max(-after, 0)); m.Count < 0 {
			return nil, fmt.Errorf("input 1 (pads): %d and %d take more than there is of dimension %d of %v", before, after, axis, x)
		}
		if m.Count == 0 && m.Before+m.After > 0 && op.Mode != PadConstant {
			return nil, fmt.Errorf("input 1 (pads): there is nothing to repeat in dimension %d of %v", axis, x)
		}
		out[axis] = m
	}
	return out, nil
}

// CenterCropPad cuts X to the wanted extents, or fills it up with zeros, the same
// on both sides; of an odd number the larger half is at the end. Inputs: X, shape
// of int64 or int32, one for each of Axes (nil: all). (ONNX CenterCropPad-18.)
type CenterCropPad struct{ Axes []int64 }

// Type is "CenterCropPad".
func (CenterCropPad) Type() string { return "CenterCropPad" }

// Infer sets the extents.
func (op CenterCropPad) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input_data"}, parameter{name: "shape", class: indices}); err != nil {
		return nil, err
	}
	want, known, err := operands(in).list(1, "shape")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	margins, err := op.Margins(in[0].Shape, want)
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(margins))
	for i, m := range margins {
		out[i] = m.Before + m.Count + m.After
	}
	return result(in[0].DType, out)
}

// Margins are what becomes of each dimension of a shape.
func (op CenterCropPad) Margins(x tensor.Shape, want []int64) ([]Margin, error) {
	axes := op.Axes
	if axes == nil {
		for i := range x {
			axes = append(axes, int64(i))
		}
	}
	at, err := Axes(axes, len(x))
	if err != nil {
		return nil, fmt.Errorf("attribute axes: %w", err)
	}
	if len(want) != len(at) {
		return nil, fmt.Errorf("input 1 (shape) is %v for %d axes", want, len(at))
	}
	out := make([]Margin, len(x))
	for i, d := range x {
		out[i].Count = d
	}
	for i, axis := range at {
		d, err := extent(want[i])
		if err != nil {
			return nil, fmt.Errorf("input 1 (shape): %w", err)
		}
		if x[axis] >= d {
			out[axis] = Margin{Start: (x[axis] - d) / 2, Count: d}
			continue
		}
		missing := d - x[axis]
		out[axis] = Margin{Count: x[axis], Before: missing / 2, After: missing - missing/2}
	}
	return out, nil
}
