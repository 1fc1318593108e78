package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// MaxSequence is the most values that a sequence may hold, which each take memory
// even when they are empty. A detector gives a few hundred.
const MaxSequence = 1 << 20

// SequenceConstruct makes a sequence of its inputs, all of one type. (ONNX
// SequenceConstruct-11.)
type SequenceConstruct struct{}

// Type is "SequenceConstruct".
func (SequenceConstruct) Type() string { return "SequenceConstruct" }

// Infer compares the types.
func (SequenceConstruct) Infer(in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("it has no inputs")
	}
	for i, v := range in {
		if v.DType == tensor.Invalid || v.DType != in[0].DType {
			return nil, fmt.Errorf("input %d is %v and input 0 %v", i, v.DType, in[0].DType)
		}
	}
	return compound(tensor.SequenceOf(in[0].Type())), nil
}

func compound(t tensor.Type) []Info { return []Info{{Compound: &t}} }

// SequenceEmpty is a sequence of no tensors of a type. (ONNX SequenceEmpty-11.)
type SequenceEmpty struct{ DType tensor.DType }

// Type is "SequenceEmpty".
func (SequenceEmpty) Type() string { return "SequenceEmpty" }

// Infer knows the type.
func (op SequenceEmpty) Infer([]Info) ([]Info, error) {
	return compound(tensor.SequenceOf(tensor.Type{DType: op.DType})), nil
}

// SequenceAt is the element of a sequence at a position, which may be negative.
// Inputs: the sequence, position (int64 or int32). (ONNX SequenceAt-11.)
type SequenceAt struct{ ofSequence }

// Type is "SequenceAt".
func (SequenceAt) Type() string { return "SequenceAt" }

// SequenceInsert is a sequence with one more element. Inputs: the sequence, the
// element, optional position (absent: at the end). (ONNX SequenceInsert-11.)
type SequenceInsert struct{ ofSequence }

// Type is "SequenceInsert".
func (SequenceInsert) Type() string { return "SequenceInsert" }

// SequenceErase is a sequence without one element. Inputs: the sequence, optional
// position (absent: the last). (ONNX SequenceErase-11.)
type SequenceErase struct{ ofSequence }

// Type is "SequenceErase".
func (SequenceErase) Type() string { return "SequenceErase" }

// SequenceLength is the number of a sequence's elements, an int64 scalar. (ONNX
// SequenceLength-11.)
type SequenceLength struct{ ofSequence }

// Type is "SequenceLength".
func (SequenceLength) Type() string { return "SequenceLength" }

// ConcatFromSequence joins the tensors of a sequence along Axis, which NewAxis
// inserts. (ONNX ConcatFromSequence-11.)
type ConcatFromSequence struct {
	ofSequence
	Axis    int
	NewAxis bool
}

// Type is "ConcatFromSequence".
func (ConcatFromSequence) Type() string { return "ConcatFromSequence" }

// ofSequence is the inference of what takes a sequence, of which nothing is known
// before the run.
type ofSequence struct{}

// Infer refuses a tensor in the sequence's place.
func (ofSequence) Infer(in []Info) ([]Info, error) {
	if len(in) > 0 && in[0].Compound == nil && in[0].DType != tensor.Invalid {
		return nil, fmt.Errorf("input 0 is a tensor of %v, not a sequence", in[0].DType)
	}
	return make([]Info, 1), nil
}

// SplitToSequence cuts X along Axis into a sequence. Inputs: X, optional split of
// int64 or int32: a scalar, the size of all parts but the last, which may be
// smaller, or a vector of their sizes. Without it each part has extent 1, which is
// dropped unless KeepDims. (ONNX SplitToSequence-24.)
type SplitToSequence struct {
	Axis     int
	KeepDims bool
}

// Type is "SplitToSequence".
func (SplitToSequence) Type() string { return "SplitToSequence" }

// Infer checks the types.
func (op SplitToSequence) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "split", class: indices, optional: true}); err != nil {
		return nil, err
	}
	if _, err := axisAttribute(op.Axis, len(in[0].Shape)); err != nil {
		return nil, err
	}
	if s := operands(in).at(1).Shape; len(s) > 1 {
		return nil, fmt.Errorf("input 1 (split) has shape %v, want a scalar or a vector", s)
	}
	return compound(tensor.SequenceOf(in[0].Type())), nil
}

// Optional is an optional value: of its input, or without one none of the type
// Elem. (ONNX Optional-15.)
type Optional struct{ Elem tensor.Type }

// Type is "Optional".
func (Optional) Type() string { return "Optional" }

// Infer knows the type.
func (op Optional) Infer(in []Info) ([]Info, error) {
	if operands(in).has(0) {
		return compound(tensor.OptionalOf(in[0].Type())), nil
	}
	return compound(tensor.OptionalOf(op.Elem)), nil
}

// OptionalHasElement tells, as a bool scalar, whether its input is there and, if
// it is an optional, has a value. (ONNX OptionalHasElement-18.)
type OptionalHasElement struct{}

// Type is "OptionalHasElement".
func (OptionalHasElement) Type() string { return "OptionalHasElement" }

// Infer knows the output.
func (OptionalHasElement) Infer([]Info) ([]Info, error) { return result(tensor.Bool, tensor.Shape{}) }

// OptionalGetElement is the value of an optional; any other value passes. (ONNX
// OptionalGetElement-18.)
type OptionalGetElement struct{}

// Type is "OptionalGetElement".
func (OptionalGetElement) Type() string { return "OptionalGetElement" }

// Infer passes a tensor on.
func (OptionalGetElement) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return nil, err
	}
	return []Info{{DType: in[0].DType, Shape: in[0].Shape}}, nil
}
