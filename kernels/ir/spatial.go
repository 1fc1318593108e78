package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "Conv".
func (Conv) Type() string { return "Conv" }

// Infer checks the channels against the weights and counts the windows.
func (op Conv) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "X", dtype: tensor.Float32},
		parameter{name: "W", dtype: tensor.Float32},
		parameter{name: "B", dtype: tensor.Float32, optional: true},
	); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	_, out, err := op.Fit(x, w)
	if err != nil {
		return nil, err
	}
	if op.Group < 1 || x[1]%op.Group != 0 || x[1]/op.Group != w[1] || w[0]%op.Group != 0 {
		return nil, fmt.Errorf("group %d does not divide X %v and W %v into equal parts", op.Group, x, w)
	}
	if b := operands(in); b.has(2) && !b[2].Shape.Equal(tensor.Shape{w[0]}) {
		return nil, fmt.Errorf("input 2 (B) has shape %v, want %v", b[2].Shape, tensor.Shape{w[0]})
	}
	return result(tensor.Float32, out)
}

// Type is "MaxPool".
func (MaxPool) Type() string { return "MaxPool" }

// Infer counts the windows.
func (op MaxPool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.Float32}); err != nil {
		return nil, err
	}
	_, out, err := op.Fit(in[0].Shape)
	if err != nil {
		return nil, err
	}
	return result(tensor.Float32, out)
}

// Type is "AveragePool".
func (AveragePool) Type() string { return "AveragePool" }

// Infer counts the windows.
func (op AveragePool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.Float32}); err != nil {
		return nil, err
	}
	_, out, err := op.Fit(in[0].Shape)
	if err != nil {
		return nil, err
	}
	return result(tensor.Float32, out)
}

// Type is "GlobalAveragePool".
func (GlobalAveragePool) Type() string { return "GlobalAveragePool" }

// Infer makes each spatial dimension 1; a mean of no elements is refused.
func (GlobalAveragePool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: tensor.Float32}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 3 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want N×C×spatial", x)
	}
	out := x.Clone()
	for i := 2; i < len(out); i++ {
		if out[i] == 0 {
			return nil, fmt.Errorf("input 0 (X) has shape %v: there is no mean of no elements", x)
		}
		out[i] = 1
	}
	return result(tensor.Float32, out)
}
