package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "Relu".
func (Relu) Type() string { return "Relu" }

// Infer keeps the shape.
func (Relu) Infer(in []Info) ([]Info, error) { return mapped(in, numbers, tensor.Invalid) }

// Type is "Clip".
func (Clip) Type() string { return "Clip" }

// Infer keeps the shape; a bound is a single element.
func (Clip) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "input", class: numbers},
		parameter{name: "min", class: numbers, optional: true},
		parameter{name: "max", class: numbers, optional: true},
	); err != nil {
		return nil, err
	}
	x := in[0].DType
	for i, name := range []string{"", "min", "max"} {
		bound := operands(in).at(i)
		switch {
		case i == 0 || bound.DType == tensor.Invalid:
		case len(bound.Shape) > 0 && !bound.Shape.Equal(tensor.Shape{1}):
			return nil, fmt.Errorf("input %d (%s) has shape %v, want a scalar", i, name, bound.Shape)
		case bound.DType != x && (bound.DType != tensor.Float32 || !x.IsFloat()):
			return nil, fmt.Errorf("input %d (%s) is %v, and input 0 (input) %v", i, name, bound.DType, x)
		}
	}
	return result(x, in[0].Shape.Clone())
}

// Type is "Add".
func (Add) Type() string { return "Add" }

// Infer broadcasts.
func (op Add) Infer(in []Info) ([]Info, error) {
	if op.Act.Clip && len(in) > 0 && in[0].DType != tensor.Float32 {
		return nil, fmt.Errorf("input 0 (A) is %v; supported with a fused activation is float32", in[0].DType)
	}
	return paired(in, numbers, false)
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
