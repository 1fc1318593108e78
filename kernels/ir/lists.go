package ir

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// indexElements are the elements of a tensor of int64 or int32.
func indexElements(t *tensor.Tensor) []int64 {
	if t.DType() == tensor.Int64 {
		return tensor.Data[int64](t)
	}
	out := make([]int64, t.Len())
	for i, v := range tensor.Data[int32](t) {
		out[i] = int64(v)
	}
	return out
}

// list reads input i as one number for each of a few dimensions, if its elements
// are known.
func (in operands) list(i int, name string) (list []int64, known bool, err error) {
	v := in.at(i)
	if len(v.Shape) != 1 {
		return nil, false, fmt.Errorf("input %d (%s) has shape %v, want a vector", i, name, v.Shape)
	}
	if v.Shape[0] > MaxRank {
		return nil, false, fmt.Errorf("input %d (%s) has %d elements, more than the limit of %d dimensions", i, name, v.Shape[0], MaxRank)
	}
	if v.Const == nil {
		return nil, false, nil
	}
	return indexElements(v.Const), true, nil
}

// scalar reads input i as one number, if it is known: a tensor of one element,
// whatever its rank.
func (in operands) scalar(i int, name string) (value int64, known bool, err error) {
	v := in.at(i)
	if n, err := v.Shape.Elements(); err != nil || n != 1 {
		return 0, false, fmt.Errorf("input %d (%s) has shape %v, want one element", i, name, v.Shape)
	}
	if v.Const == nil {
		return 0, false, nil
	}
	return indexElements(v.Const)[0], true, nil
}

// open is the single output of an operator whose shape is not known yet.
func open(dtype tensor.DType) ([]Info, error) { return []Info{{DType: dtype}}, nil }

// extent checks a dimension that a file or an input asks for.
func extent(d int64) (int, error) {
	if d < 0 || d > MaxValueBytes {
		return 0, fmt.Errorf("an extent of %d is negative or more than the limit of %d", d, MaxValueBytes)
	}
	return int(d), nil
}

// multiply multiplies two extents, of which neither is negative.
func multiply(a, b int) (int, error) {
	if a > 0 && b > math.MaxInt/a {
		return 0, fmt.Errorf("an extent of %d times %d is more than the limit of %d", a, b, MaxValueBytes)
	}
	return extent(int64(a * b))
}

// axisAttribute is the dimension that an attribute names.
func axisAttribute(axis, rank int) (int, error) {
	d, err := Axis(axis, rank)
	if err != nil {
		return 0, fmt.Errorf("attribute axis: %w", err)
	}
	return d, nil
}
