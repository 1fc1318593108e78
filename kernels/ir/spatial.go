package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "Conv".
func (Conv) Type() string { return "Conv" }

// Infer checks the channels against the weights and counts the windows.
func (op Conv) Infer(in []Info) ([]Info, error) {
	if err := operands(in).matchAlike(
		parameter{name: "X", class: realNumbers},
		parameter{name: "W", class: realNumbers},
		parameter{name: "B", class: realNumbers, optional: true},
	); err != nil {
		return nil, err
	}
	out, err := op.channels(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	if err := operands(in).shaped(2, "B", in[1].Shape[0]); err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// channels is the output's shape, once the groups fit.
func (op Conv) channels(x, w tensor.Shape) (tensor.Shape, error) {
	_, out, err := op.Fit(x, w)
	if err != nil {
		return nil, err
	}
	if op.Group < 1 || x[1]%op.Group != 0 || x[1]/op.Group != w[1] || w[0]%op.Group != 0 {
		return nil, fmt.Errorf("group %d does not divide X %v and W %v into equal parts", op.Group, x, w)
	}
	return out, nil
}

// Type is "MaxPool".
func (MaxPool) Type() string { return "MaxPool" }

// Infer counts the windows.
func (op MaxPool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: poolable}); err != nil {
		return nil, err
	}
	_, out, err := op.Fit(in[0].Shape)
	if err != nil {
		return nil, err
	}
	if !op.Indices {
		return result(in[0].DType, out)
	}
	return []Info{{DType: in[0].DType, Shape: out}, {DType: tensor.Int64, Shape: out.Clone()}}, nil
}

// Type is "AveragePool".
func (AveragePool) Type() string { return "AveragePool" }

// Infer counts the windows.
func (op AveragePool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: realNumbers}); err != nil {
		return nil, err
	}
	_, out, err := op.Fit(in[0].Shape)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// Type is "LpPool".
func (LpPool) Type() string { return "LpPool" }

// Infer counts the windows.
func (op LpPool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: realNumbers}); err != nil {
		return nil, err
	}
	if err := norm(op.P); err != nil {
		return nil, err
	}
	_, out, err := op.Fit(in[0].Shape)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// norm refuses an exponent that makes no norm.
func norm(p float64) error {
	if !(p > 0) {
		return fmt.Errorf("attribute p is %g, want more than 0", p)
	}
	return nil
}

// Type is "GlobalAveragePool".
func (GlobalAveragePool) Type() string { return "GlobalAveragePool" }

// Infer makes each spatial dimension 1; a mean of no elements is refused.
func (GlobalAveragePool) Infer(in []Info) ([]Info, error) { return global(in, "mean") }

// Type is "GlobalMaxPool".
func (GlobalMaxPool) Type() string { return "GlobalMaxPool" }

// Infer makes each spatial dimension 1; a maximum of no elements is refused.
func (GlobalMaxPool) Infer(in []Info) ([]Info, error) { return global(in, "maximum") }

// Type is "GlobalLpPool".
func (GlobalLpPool) Type() string { return "GlobalLpPool" }

// Infer makes each spatial dimension 1.
func (op GlobalLpPool) Infer(in []Info) ([]Info, error) {
	if err := norm(op.P); err != nil {
		return nil, err
	}
	return global(in, "norm")
}

// global is the output of a pool over all spatial dimensions.
func global(in []Info, what string) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: realNumbers}); err != nil {
		return nil, err
	}
	if err := operands(in).picture(0, "X"); err != nil {
		return nil, err
	}
	x := in[0].Shape
	out := x.Clone()
	for i := 2; i < len(out); i++ {
		if out[i] == 0 {
			return nil, fmt.Errorf("input 0 (X) has shape %v: there is no %s of no elements", x, what)
		}
		out[i] = 1
	}
	return result(in[0].DType, out)
}
