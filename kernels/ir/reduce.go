package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "ReduceMean".
func (ReduceMean) Type() string { return "ReduceMean" }

// Infer removes the axes or makes them 1. Its shape is unknown while the axes
// are; a mean of no elements is refused.
func (op ReduceMean) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "data", dtype: tensor.Float32},
		parameter{name: "axes", dtype: tensor.Int64, optional: true},
	); err != nil {
		return nil, err
	}
	var axes []int64
	if operands(in).has(1) {
		var known bool
		var err error
		if axes, known, err = operands(in).vector(1, "axes"); err != nil || !known {
			return []Info{{DType: tensor.Float32}}, err
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
		case d == 0:
			return nil, fmt.Errorf("input 0 (data) has shape %v: there is no mean of no elements", in[0].Shape)
		case op.KeepDims:
			out = append(out, 1)
		}
	}
	return result(tensor.Float32, out)
}

// Reduced tells for each dimension whether the mean is over it. No axes stand
// for all dimensions, or for none with NoopWithEmptyAxes.
func (op ReduceMean) Reduced(axes []int64, rank int) ([]bool, error) {
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

// Type is "Softmax".
func (Softmax) Type() string { return "Softmax" }

// Infer keeps the shape.
func (op Softmax) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input", dtype: tensor.Float32}); err != nil {
		return nil, err
	}
	if _, err := Axis(op.Axis, len(in[0].Shape)); err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	return result(tensor.Float32, in[0].Shape.Clone())
}
