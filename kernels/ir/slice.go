package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Slice takes every step-th element from start to before end along some
// dimensions. Inputs: X, starts, ends, optional axes (absent: the first ones),
// optional steps (absent: 1), all vectors of int64 or int32. A negative bound
// counts from the end, and one beyond it is clamped. (ONNX Slice-13.)
type Slice struct{}

// Cut is what Slice takes of one dimension.
type Cut struct{ Start, Step, Count int }

// Type is "Slice".
func (Slice) Type() string { return "Slice" }

// Infer counts what is taken.
func (op Slice) Infer(in []Info) ([]Info, error) {
	want := []parameter{{name: "data"}, {name: "starts", class: indices}, {name: "ends", class: indices},
		{name: "axes", class: indices, optional: true}, {name: "steps", class: indices, optional: true}}
	if err := operands(in).match(want...); err != nil {
		return nil, err
	}
	lists := make([][]int64, len(want))
	for i := 1; i < len(want); i++ {
		if !operands(in).has(i) {
			continue
		}
		list, known, err := operands(in).list(i, want[i].name)
		if err != nil || !known {
			return []Info{{DType: in[0].DType}}, err
		}
		lists[i] = list
	}
	cuts, err := op.Cuts(in[0].Shape, lists[1], lists[2], lists[3], lists[4])
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(cuts))
	for i, c := range cuts {
		out[i] = c.Count
	}
	return result(in[0].DType, out)
}

// Cuts are what is taken of each dimension of a shape.
func (Slice) Cuts(x tensor.Shape, starts, ends, axes, steps []int64) ([]Cut, error) {
	if axes == nil {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("inputs starts, ends, axes and steps are %v, %v, %v and %v, of different lengths", starts, ends, axes, steps)
	}
	at, err := Axes(axes, len(x))
	if err != nil {
		return nil, fmt.Errorf("input 3 (axes): %w", err)
	}
	cuts := make([]Cut, len(x))
	for i, d := range x {
		cuts[i] = Cut{Step: 1, Count: d}
	}
	for i, axis := range at {
		step := int64(1)
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return nil, fmt.Errorf("input 4 (steps) is %v: a step is 0", steps)
		}
		cuts[axis] = cut(int64(x[axis]), starts[i], ends[i], step)
	}
	return cuts, nil
}

// cut clamps one dimension's bounds; a step longer than it takes one element, as
// any longer one does.
func cut(d, start, end, step int64) Cut {
	step = min(max(step, -MaxValueBytes), MaxValueBytes)
	low, high := int64(0), d // where a position may lie
	if step < 0 {
		low, high = -1, d-1
	}
	clamp := func(i int64) int64 {
		if i < 0 {
			i = max(i, -d-1) + d // the smallest int64 too
		}
		return min(max(i, low), high)
	}
	start, end = clamp(start), clamp(end)
	count := int64(0)
	switch {
	case step > 0 && end > start:
		count = (end - start + step - 1) / step
	case step < 0 && end < start:
		count = (start - end - step - 1) / -step
	}
	return Cut{Start: int(max(start, 0)), Step: int(step), Count: int(count)}
}

// Split cuts X along Axis into Parts outputs. Inputs: X, optional int64 sizes
// [Parts]; without them all are of one size, but that the last may be smaller.
// (ONNX Split-18.)
type Split struct{ Axis, Parts int }

// Type is "Split".
func (Split) Type() string { return "Split" }

// Infer gives each part its extent.
func (op Split) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "split", dtype: tensor.Int64, optional: true}); err != nil {
		return nil, err
	}
	axis, err := axisAttribute(op.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	var sizes []int64
	if operands(in).has(1) {
		if !in[1].Shape.Equal(tensor.Shape{op.Parts}) {
			return nil, fmt.Errorf("input 1 (split) has shape %v for %d outputs", in[1].Shape, op.Parts)
		}
		if in[1].Const == nil {
			return op.open(in[0].DType), nil
		}
		sizes = indexElements(in[1].Const)
	}
	parts, err := SplitSizes(in[0].Shape[axis], op.Parts, sizes)
	if err != nil {
		return nil, err
	}
	out := make([]Info, len(parts))
	for i, d := range parts {
		shape := in[0].Shape.Clone()
		shape[axis] = d
		out[i] = Info{DType: in[0].DType, Shape: shape}
	}
	return out, nil
}

func (op Split) open(dtype tensor.DType) []Info {
	out := make([]Info, op.Parts)
	for i := range out {
		out[i].DType = dtype
	}
	return out
}

// SplitSizes are the extents of the parts of a dimension: those asked for, or as
// alike as they can be with the last the smallest.
func SplitSizes(d, parts int, sizes []int64) ([]int, error) {
	if parts < 1 {
		return nil, fmt.Errorf("attribute num_outputs is %d", parts)
	}
	out, left := make([]int, parts), d
	each := (d + parts - 1) / parts
	for i := range out {
		out[i] = min(each, left)
		if sizes != nil {
			if sizes[i] < 0 || sizes[i] > int64(left) {
				return nil, fmt.Errorf("input 1 (split): the size %d of part %d does not fit into the %d that are left of %d", sizes[i], i, left, d)
			}
			out[i] = int(sizes[i])
		}
		left -= out[i]
	}
	if left != 0 {
		return nil, fmt.Errorf("input 1 (split): the sizes leave %d of %d", left, d)
	}
	return out, nil
}
