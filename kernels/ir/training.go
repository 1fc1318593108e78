package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Optimizer makes one step of a training. Inputs: a rate R and a count of steps T,
// int64, both of one element; tensors X; their gradients G; and, for each of the
// optimizer's States, one more of each. Outputs: the new X, and the new states.
// (ONNX ai.onnx.preview.training Adagrad-1, Adam-1, Momentum-1.)
type Optimizer struct {
	Rule        OptimizerRule
	Alpha, Beta float32 // of Adam and Momentum
	Epsilon     float32 // of Adagrad and Adam
	Decay       float32 // of Adagrad
	Norm        float32 // regularises G by Norm·X
	NormPost    float32 // of Adam: X shrinks by it afterwards
	Nesterov    bool    // of Momentum
}

// OptimizerRule is the ONNX name of an Optimizer.
type OptimizerRule string

// The rules.
const (
	Adagrad  OptimizerRule = "Adagrad"
	Adam     OptimizerRule = "Adam"
	Momentum OptimizerRule = "Momentum"
)

// States is how many tensors a rule keeps for each X.
func (r OptimizerRule) States() int {
	if r == Adam {
		return 2
	}
	return 1
}

// Type is the rule's name.
func (op Optimizer) Type() string { return string(op.Rule) }

// Infer keeps the shapes.
func (op Optimizer) Infer(in []Info) ([]Info, error) {
	of := 2 + op.Rule.States() // X, G and the states
	n := (len(in) - 2) / of
	if len(in) < 2+of || (len(in)-2)%of != 0 {
		return nil, fmt.Errorf("%d inputs, want 2 and %d for each tensor", len(in), of)
	}
	real := class{"float32 or float64", func(d tensor.DType) bool { return d == tensor.Float32 || d == tensor.Float64 }}
	want := []parameter{{name: "R", class: real}, {name: "T", dtype: tensor.Int64}}
	for i := range of * n {
		if i < n {
			want = append(want, parameter{name: "X", class: real})
			continue
		}
		want = append(want, parameter{name: "inputs", dtype: in[2+i%n].DType})
	}
	if err := operands(in).match(want...); err != nil {
		return nil, err
	}
	for i := range 2 {
		if k, err := in[i].Shape.Elements(); err != nil || k != 1 {
			return nil, fmt.Errorf("input %d (%s) has shape %v, want one element", i, want[i].name, in[i].Shape)
		}
	}
	var out []Info
	for i := range of * n {
		x := in[2+i%n]
		if err := operands(in).is(2+i, "inputs", x.Shape); err != nil {
			return nil, err
		}
		if i < n || i >= 2*n {
			out = append(out, Info{DType: x.DType, Shape: x.Shape.Clone()})
		}
	}
	return out, nil
}
