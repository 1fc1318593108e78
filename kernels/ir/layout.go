package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "Concat".
func (Concat) Type() string { return "Concat" }

// Infer adds up the extents along the axis.
func (op Concat) Infer(in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("it has no inputs")
	}
	first := in[0].Shape
	axis, err := Axis(op.Axis, len(first))
	if err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	out := first.Clone()
	for i, v := range in[1:] {
		if v.DType != in[0].DType {
			return nil, fmt.Errorf("input %d is %v and input 0 is %v", i+1, v.DType, in[0].DType)
		}
		if !joins(first, v.Shape, axis) {
			return nil, fmt.Errorf("input %d has shape %v, which does not join %v along axis %d", i+1, v.Shape, first, axis)
		}
		out[axis] += v.Shape[axis]
		if out[axis] > MaxValueBytes {
			return nil, fmt.Errorf("the inputs add up to more than %d along axis %d", MaxValueBytes, axis)
		}
	}
	return result(in[0].DType, out)
}

// joins reports whether a and b differ at most along the axis.
func joins(a, b tensor.Shape, axis int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if i != axis && a[i] != b[i] {
			return false
		}
	}
	return true
}

// Type is "Flatten".
func (Flatten) Type() string { return "Flatten" }

// Infer multiplies the dimensions before the axis, and from it.
func (op Flatten) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return nil, err
	}
	x, axis := in[0].Shape, op.Axis
	if axis != len(x) {
		var err error
		if axis, err = Axis(axis, len(x)); err != nil {
			return nil, fmt.Errorf("attribute axis: %w", err)
		}
	}
	rows, err := x[:axis].Elements()
	if err != nil {
		return nil, err
	}
	columns, err := x[axis:].Elements()
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, tensor.Shape{rows, columns})
}

// Type is "Reshape".
func (Reshape) Type() string { return "Reshape" }

// Infer resolves 0 and -1 in the wanted shape; the result's shape is unknown
// while that input's elements are.
func (op Reshape) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "shape", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	want, known, err := operands(in).vector(1, "shape")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	out, err := op.resolve(in[0].Shape, want)
	if err != nil {
		return nil, fmt.Errorf("input 1 (shape) is %v for data %v: %w", want, in[0].Shape, err)
	}
	return result(in[0].DType, out)
}

func (op Reshape) resolve(x tensor.Shape, want []int64) (tensor.Shape, error) {
	total, err := x.Elements()
	if err != nil {
		return nil, err
	}
	out, free := make(tensor.Shape, len(want)), -1
	for i, d := range want {
		switch {
		case d == -1 && free >= 0:
			return nil, fmt.Errorf("two dimensions are -1")
		case d == -1:
			out[i], free = 1, i
		case d == 0 && !op.AllowZero:
			if i >= len(x) {
				return nil, fmt.Errorf("dimension %d is to be kept, but data has none", i)
			}
			out[i] = x[i]
		case d < 0 || d > MaxValueBytes:
			return nil, fmt.Errorf("dimension %d is %d", i, d)
		default:
			out[i] = int(d)
		}
	}
	have, err := out.Elements()
	if err != nil {
		return nil, err
	}
	if free >= 0 && have > 0 && total%have == 0 {
		out[free] = total / have
		have = total
	}
	if have != total || free >= 0 && have == 0 {
		return nil, fmt.Errorf("%d elements do not fill %v", total, out)
	}
	return out, nil
}

// Type is "Squeeze".
func (Squeeze) Type() string { return "Squeeze" }

// Infer removes the axes, or all dimensions of extent 1.
func (Squeeze) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "axes", dtype: tensor.Int64, optional: true}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	remove := make([]bool, len(x))
	if operands(in).has(1) {
		list, known, err := operands(in).axes(1)
		if err != nil || !known {
			return []Info{{DType: in[0].DType}}, err
		}
		axes, err := Axes(list, len(x))
		if err != nil {
			return nil, err
		}
		for _, axis := range axes {
			if x[axis] != 1 {
				return nil, fmt.Errorf("input 1 (axes) names dimension %d of %v, which is not 1", axis, x)
			}
			remove[axis] = true
		}
	} else {
		for i, d := range x {
			remove[i] = d == 1
		}
	}
	out := tensor.Shape{}
	for i, d := range x {
		if !remove[i] {
			out = append(out, d)
		}
	}
	return result(in[0].DType, out)
}

// Type is "Unsqueeze".
func (Unsqueeze) Type() string { return "Unsqueeze" }

// Infer inserts 1 at each of the axes, which count in the result.
func (Unsqueeze) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "axes", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	list, known, err := operands(in).axes(1)
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	rank := len(in[0].Shape) + len(list)
	axes, err := Axes(list, rank)
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, rank)
	for _, axis := range axes {
		out[axis] = 1
	}
	rest := in[0].Shape
	for i := range out {
		if out[i] == 0 {
			out[i], rest = rest[0], rest[1:]
		}
	}
	return result(in[0].DType, out)
}

// Type is "Shape".
func (Shape) Type() string { return "Shape" }

// Infer gives the extents themselves as Const.
func (op Shape) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	start, end := bound(op.Start, len(x)), len(x)
	if op.HasEnd {
		end = bound(op.End, len(x))
	}
	extents := []int64{}
	for i := start; i < end; i++ {
		extents = append(extents, int64(x[i]))
	}
	value, err := tensor.Of(extents, len(extents))
	if err != nil {
		return nil, err
	}
	return []Info{{DType: tensor.Int64, Shape: value.Shape(), Const: value}}, nil
}

// bound counts a negative index from the end and clamps it to [0, rank].
func bound(i, rank int) int {
	if i < 0 {
		i += rank
	}
	return min(max(i, 0), rank)
}

// Type is "Gather".
func (Gather) Type() string { return "Gather" }

// Infer puts the indices' shape in the axis's place, and checks the indices if
// they are known.
func (op Gather) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "indices", class: indices}); err != nil {
		return nil, err
	}
	x, indices := in[0].Shape, in[1]
	axis, err := Axis(op.Axis, len(x))
	if err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	if indices.Const != nil {
		for _, i := range indexElements(indices.Const) {
			if i < -int64(x[axis]) || i >= int64(x[axis]) {
				return nil, fmt.Errorf("input 1 (indices): %d is outside dimension %d of %v", i, axis, x)
			}
		}
	}
	out := append(x[:axis:axis].Clone(), indices.Shape...)
	return result(in[0].DType, append(out, x[axis+1:]...))
}
