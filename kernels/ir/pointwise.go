package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "Relu".
func (Relu) Type() string { return "Relu" }

// Infer keeps the shape.
func (Relu) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.Float32}); err != nil {
		return nil, err
	}
	return result(tensor.Float32, in[0].Shape.Clone())
}

// Type is "Clip".
func (Clip) Type() string { return "Clip" }

// Infer keeps the shape; a bound is a single element.
func (Clip) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "input", dtype: tensor.Float32},
		parameter{name: "min", dtype: tensor.Float32, optional: true},
		parameter{name: "max", dtype: tensor.Float32, optional: true},
	); err != nil {
		return nil, err
	}
	for i, name := range []string{"", "min", "max"} {
		if bound := operands(in).at(i); i > 0 && len(bound.Shape) > 0 && !bound.Shape.Equal(tensor.Shape{1}) {
			return nil, fmt.Errorf("input %d (%s) has shape %v, want a scalar", i, name, bound.Shape)
		}
	}
	return result(tensor.Float32, in[0].Shape.Clone())
}

// Type is "Add".
func (Add) Type() string { return "Add" }

// Infer broadcasts.
func (Add) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "A", dtype: tensor.Float32},
		parameter{name: "B", dtype: tensor.Float32},
	); err != nil {
		return nil, err
	}
	out, err := Broadcast(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	return result(tensor.Float32, out)
}

// Type is "Identity".
func (Identity) Type() string { return "Identity" }

// Infer passes everything on.
func (Identity) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return nil, err
	}
	return []Info{in[0]}, nil
}
