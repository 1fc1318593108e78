package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// BatchTraining is BatchNormalization in training mode: it normalises with the
// statistics of X itself, and gives the running ones that they change. Inputs: as
// BatchNormalization, the mean and variance being the running ones. Outputs: Y,
// the new running mean and variance, and the mean and variance of X. (ONNX
// BatchNormalization-15 with training_mode; before 14, by its five outputs.)
type BatchTraining struct{ Epsilon, Momentum float32 }

// Type is "BatchNormalization".
func (BatchNormalization) Type() string { return "BatchNormalization" }

// Infer checks that the statistics have one element a channel.
func (BatchNormalization) Infer(in []Info) ([]Info, error) {
	if err := batchOperands(in); err != nil {
		return nil, err
	}
	return result(in[0].DType, in[0].Shape.Clone())
}

// Type is "BatchNormalization".
func (BatchTraining) Type() string { return "BatchNormalization" }

// Infer checks that the statistics have one element a channel.
func (BatchTraining) Infer(in []Info) ([]Info, error) {
	if err := batchOperands(in); err != nil {
		return nil, err
	}
	statistics := Info{DType: in[3].DType, Shape: in[3].Shape.Clone()}
	return []Info{{DType: in[0].DType, Shape: in[0].Shape.Clone()}, statistics, statistics, statistics, statistics}, nil
}

// batchOperands checks X, scale and B, mean and var, each pair of one type.
func batchOperands(in []Info) error {
	want := []parameter{{name: "X"}, {name: "scale"}, {name: "B"}, {name: "mean"}, {name: "var"}}
	for i := range want {
		want[i].class = realNumbers
	}
	if err := operands(in).match(want...); err != nil {
		return err
	}
	for _, i := range []int{2, 4} {
		if in[i].DType != in[i-1].DType {
			return fmt.Errorf("input %d (%s) is %v, and input %d (%s) %v", i, want[i].name, in[i].DType, i-1, want[i-1].name, in[i-1].DType)
		}
	}
	channels := 1
	switch x := in[0].Shape; len(x) {
	case 0:
		return fmt.Errorf("input 0 (X) has shape %v, want at least N×C", x)
	case 1:
	default:
		channels = x[1]
	}
	for i, p := range in[1:] {
		if !p.Shape.Equal(tensor.Shape{channels}) {
			return fmt.Errorf("input %d (%s) has shape %v, want %v", i+1, want[i+1].name, p.Shape, tensor.Shape{channels})
		}
	}
	return nil
}
