package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Binary applies the function Func, by its ONNX name, to the elements of A and B,
// which are broadcast to each other; the slope of PRelu is B and is broadcast to
// A. (ONNX And-7, BitwiseAnd-18, BitwiseOr-18, BitwiseXor-18, Div-14, Equal-19,
// Greater-13, GreaterOrEqual-16, Less-13, LessOrEqual-16, Mul-14, Or-7, Pow-15,
// PRelu-16, Sub-14, Xor-7.)
type Binary struct{ Func string }

// binaries are the types that each function of Binary takes.
var binaries = map[string]class{
	"Sub": numbers, "Mul": numbers, "Div": numbers, "Pow": numbers, "PRelu": numbers,
	"And": booleans, "Or": booleans, "Xor": booleans,
	"BitwiseAnd": integers, "BitwiseOr": integers, "BitwiseXor": integers,
	"Equal": equatable, "Greater": numbers, "GreaterOrEqual": numbers, "Less": numbers, "LessOrEqual": numbers,
}

var (
	equatable = class{"a type of numbers, bool or string", func(d tensor.DType) bool {
		return d.IsFloat() || d.IsInteger() || d == tensor.Bool || d == tensor.String
	}}
	unsigned = class{"an unsigned integer type", tensor.DType.IsUnsigned}
)

// Type is the function's name.
func (op Binary) Type() string { return op.Func }

// Infer broadcasts. A comparison gives bools; the exponent of Pow may be of
// another type than the base.
func (op Binary) Infer(in []Info) ([]Info, error) {
	takes, ok := binaries[op.Func]
	if !ok {
		return nil, fmt.Errorf("there is no function %q of two elements", op.Func)
	}
	out, err := paired(in, takes, op.Func == "Pow")
	if err != nil {
		return nil, err
	}
	switch op.Func {
	case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual":
		out[0].DType = tensor.Bool
	case "PRelu":
		if !out[0].Shape.Equal(in[0].Shape) {
			return nil, fmt.Errorf("input 1 (slope) has shape %v, which does not broadcast to %v", in[1].Shape, in[0].Shape)
		}
	}
	return out, nil
}

// paired is the result of a function of the elements of two inputs, of the
// first's type, which is the other's too unless they are mixed.
func paired(in []Info, takes class, mixed bool) ([]Info, error) {
	if err := operands(in).match(parameter{name: "A", class: takes}, parameter{name: "B", class: takes}); err != nil {
		return nil, err
	}
	if !mixed && in[0].DType != in[1].DType {
		return nil, fmt.Errorf("input 1 (B) is %v, and input 0 (A) %v", in[1].DType, in[0].DType)
	}
	out, err := Broadcast(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// Mod is the remainder of A by B: with the sign of B, or with Fmod that of A, as
// in C, which alone is for floats. (ONNX Mod-13.)
type Mod struct{ Fmod bool }

// Type is "Mod".
func (Mod) Type() string { return "Mod" }

// Infer broadcasts.
func (op Mod) Infer(in []Info) ([]Info, error) {
	if len(in) > 0 && in[0].DType.IsFloat() && !op.Fmod {
		return nil, fmt.Errorf("attribute fmod is 0, and input 0 (A) is %v: it must be 1 for floats", in[0].DType)
	}
	return paired(in, numbers, false)
}

// BitShift moves the bits of A by B, to the Left or the right; zeros come in.
// (ONNX BitShift-11.)
type BitShift struct{ Left bool }

// Type is "BitShift".
func (BitShift) Type() string { return "BitShift" }

// Infer broadcasts.
func (BitShift) Infer(in []Info) ([]Info, error) { return paired(in, unsigned, false) }

// Align gives B, whose dimensions are those of A from Axis on, the extents of 1
// that let it broadcast to A. Operators before operator set 7 broadcast so: the
// importer writes an Align before them. Inputs: A, B.
type Align struct{ Axis int }

// Type is "Align".
func (Align) Type() string { return "Align" }

// Infer appends to B's shape.
func (op Align) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "A"}, parameter{name: "B"}); err != nil {
		return nil, err
	}
	if single(in[1].Shape) {
		return result(in[1].DType, in[1].Shape.Clone())
	}
	rank, own := len(in[0].Shape), len(in[1].Shape)
	axis := op.Axis
	if axis < 0 {
		axis += rank
	}
	if axis < 0 || axis > rank || own > rank-axis {
		return nil, fmt.Errorf("input 1 (B) of shape %v does not fit into %v from axis %d on", in[1].Shape, in[0].Shape, op.Axis)
	}
	shape := in[1].Shape.Clone()
	for range rank - axis - own {
		shape = append(shape, 1)
	}
	return result(in[1].DType, shape)
}

// single reports whether a shape is that of a scalar or of one element in a
// vector.
func single(s tensor.Shape) bool { return len(s) == 0 || len(s) == 1 && s[0] == 1 }

// Variadic applies the function Func, by its ONNX name, to the elements of any
// number of inputs, which are broadcast to each other. (ONNX Max-13, Mean-13,
// Min-13, Sum-13.)
type Variadic struct{ Func string }

// Type is the function's name.
func (op Variadic) Type() string { return op.Func }

// Infer broadcasts.
func (op Variadic) Infer(in []Info) ([]Info, error) {
	takes := numbers
	if op.Func == "Mean" || op.Func == "Sum" {
		takes = realNumbers
	}
	if len(in) == 0 {
		return nil, fmt.Errorf("input 0 (data_0) is missing")
	}
	shape := in[0].Shape.Clone()
	for i, x := range in {
		switch {
		case x.DType == tensor.Invalid:
			return nil, fmt.Errorf("input %d (data_%d) is missing", i, i)
		case !takes.has(x.DType):
			return nil, fmt.Errorf("input %d (data_%d) is %v; supported is %s", i, i, x.DType, takes.name)
		case x.DType != in[0].DType:
			return nil, fmt.Errorf("input %d (data_%d) is %v, and input 0 %v", i, i, x.DType, in[0].DType)
		}
		var err error
		if shape, err = Broadcast(shape, x.Shape); err != nil {
			return nil, fmt.Errorf("input %d (data_%d): %w", i, i, err)
		}
	}
	return result(in[0].DType, shape)
}

// Where chooses the elements of X where the condition is true, and those of Y
// elsewhere. Inputs, broadcast to each other: condition (bool), X, Y of any type.
// (ONNX Where-16.)
type Where struct{}

// Type is "Where".
func (Where) Type() string { return "Where" }

// Infer broadcasts.
func (Where) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "condition", dtype: tensor.Bool}, parameter{name: "X"}, parameter{name: "Y"}); err != nil {
		return nil, err
	}
	if in[1].DType != in[2].DType {
		return nil, fmt.Errorf("input 2 (Y) is %v, and input 1 (X) %v", in[2].DType, in[1].DType)
	}
	shape, err := Broadcast(in[1].Shape, in[2].Shape)
	if err != nil {
		return nil, err
	}
	if shape, err = Broadcast(in[0].Shape, shape); err != nil {
		return nil, err
	}
	return result(in[1].DType, shape)
}
