package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Seed starts the generator of an operator that draws numbers. The zero Seed
// leaves the choice to the run; with a given one, each run draws the same.
type Seed struct {
	Given bool
	Value uint32
}

// Random draws numbers: uniformly from [Low, High), or with Normal of the normal
// distribution of mean Low and deviation High. It has no inputs. (ONNX
// RandomNormal-22, RandomUniform-22.)
type Random struct {
	Normal    bool
	Low, High float32
	DType     tensor.DType
	Shape     tensor.Shape
	Seed      Seed
}

// Type is "RandomNormal" or "RandomUniform".
func (op Random) Type() string {
	if op.Normal {
		return "RandomNormal"
	}
	return "RandomUniform"
}

// Infer gives the shape asked for.
func (op Random) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(); err != nil {
		return nil, err
	}
	return drawn(op.DType, op.Shape)
}

// RandomLike is Random with the shape of its input, and its type unless DType
// says otherwise. (ONNX RandomNormalLike-22, RandomUniformLike-22.)
type RandomLike struct{ Random }

// Type is "RandomNormalLike" or "RandomUniformLike".
func (op RandomLike) Type() string { return op.Random.Type() + "Like" }

// Infer gives the input's shape.
func (op RandomLike) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return nil, err
	}
	if op.DType != tensor.Invalid {
		return drawn(op.DType, in[0].Shape)
	}
	return drawn(in[0].DType, in[0].Shape)
}

// drawn is the result of drawing real numbers.
func drawn(dtype tensor.DType, shape tensor.Shape) ([]Info, error) {
	if !dtype.IsFloat() {
		return nil, fmt.Errorf("attribute dtype: numbers are drawn as %v; supported is %s", dtype, realNumbers.name)
	}
	if _, err := shape.Elements(); err != nil {
		return nil, fmt.Errorf("attribute shape: %w", err)
	}
	return result(dtype, append(tensor.Shape{}, shape...))
}

// Bernoulli draws 1 with the probability that each element of the input is, and
// else 0, as DType or the input's type. (ONNX Bernoulli-22.)
type Bernoulli struct {
	DType tensor.DType
	Seed  Seed
}

// Type is "Bernoulli".
func (Bernoulli) Type() string { return "Bernoulli" }

// Infer keeps the shape.
func (op Bernoulli) Infer(in []Info) ([]Info, error) {
	if op.DType != tensor.Invalid && !numbers.has(op.DType) && op.DType != tensor.Bool {
		return nil, fmt.Errorf("attribute dtype is %v; supported are numbers and bool", op.DType)
	}
	return mapped(in, realNumbers, op.DType)
}

// Multinomial draws Samples classes a row, by the logarithms of their
// probabilities, which need not sum to 1. Inputs: X [batch × classes]; output:
// [batch × Samples] of DType, int32 or int64. (ONNX Multinomial-22.)
type Multinomial struct {
	Samples int
	DType   tensor.DType
	Seed    Seed
}

// Type is "Multinomial".
func (Multinomial) Type() string { return "Multinomial" }

// Infer keeps the batch.
func (op Multinomial) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input", class: realNumbers}); err != nil {
		return nil, err
	}
	switch x := in[0].Shape; {
	case len(x) != 2:
		return nil, fmt.Errorf("input 0 (input) has shape %v, want batch × classes", x)
	case x[1] == 0:
		return nil, fmt.Errorf("input 0 (input) has shape %v: there are no classes", x)
	case op.Samples < 1:
		return nil, fmt.Errorf("attribute sample_size is %d, want at least 1", op.Samples)
	case !indices.has(op.DType):
		return nil, fmt.Errorf("attribute dtype is %v; supported is %s", op.DType, indices.name)
	}
	return result(op.DType, tensor.Shape{in[0].Shape[0], op.Samples})
}

// Dropout in training mode sets each element to 0 with the probability ratio and
// divides the others by 1 − ratio; otherwise it passes its input on. Inputs: data,
// optional scalar ratio (0.5), optional scalar training_mode (bool, false).
// Outputs: output, and a mask of bools, true where an element is passed on, or
// with MaskOfData of data's type, as before operator set 10. (ONNX Dropout-22.)
type Dropout struct {
	Seed       Seed
	MaskOfData bool
}

// Type is "Dropout".
func (Dropout) Type() string { return "Dropout" }

// Infer keeps the shape.
func (op Dropout) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "data", class: realNumbers},
		parameter{name: "ratio", class: realNumbers, optional: true},
		parameter{name: "training_mode", dtype: tensor.Bool, optional: true},
	); err != nil {
		return nil, err
	}
	for i, name := range []string{"", "ratio", "training_mode"} {
		if s := operands(in).at(i).Shape; i > 0 && len(s) > 0 && !s.Equal(tensor.Shape{1}) {
			return nil, fmt.Errorf("input %d (%s) has shape %v, want a scalar", i, name, s)
		}
	}
	mask := Info{DType: tensor.Bool, Shape: in[0].Shape.Clone()}
	if op.MaskOfData {
		mask.DType = in[0].DType
	}
	return []Info{{DType: in[0].DType, Shape: in[0].Shape.Clone()}, mask}, nil
}
