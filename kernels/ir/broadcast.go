package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Broadcast is the shape of an elementwise operation on a and b: aligned at
// the last dimension, where extents are equal or one of them is 1. (ONNX,
// multidirectional broadcasting.)
func Broadcast(a, b tensor.Shape) (tensor.Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	skip := len(a) - len(b)
	for i, d := range b {
		switch have := out[skip+i]; {
		case have == 1:
			out[skip+i] = d
		case d != 1 && d != have:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
	}
	return out, nil
}

// Axes turns ONNX axes, which may be negative, into distinct dimensions of a
// tensor of the rank.
func Axes(axes []int64, rank int) ([]int, error) {
	out := make([]int, len(axes))
	seen := make([]bool, rank)
	for i, a := range axes {
		d, err := Axis(int(a), rank)
		if err != nil {
			return nil, err
		}
		if seen[d] {
			return nil, fmt.Errorf("axes %v name dimension %d twice", axes, d)
		}
		seen[d] = true
		out[i] = d
	}
	return out, nil
}

// Axis turns one ONNX axis, which may be negative, into a dimension of a
// tensor of the rank.
func Axis(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d is outside a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}
