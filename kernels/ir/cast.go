package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Casting is how Cast and CastLike turn numbers into floats of 8 bits: what is too
// large becomes the largest with Saturate; Round is how float8e8m0 rounds.
type Casting struct {
	Saturate bool
	Round    Rounding
}

// Rounding says which power of two stands for a number between two.
type Rounding uint8

// The roundings of ONNX's round_mode.
const (
	RoundUp      Rounding = iota // to the larger
	RoundDown                    // to the smaller
	RoundNearest                 // to the nearer; up if both are near
)

// Cast turns elements into those of type To. (ONNX Cast-24.)
type Cast struct {
	To tensor.DType
	Casting
}

// Type is "Cast".
func (Cast) Type() string { return "Cast" }

// Infer keeps the shape.
func (op Cast) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return nil, err
	}
	return castTo(op.To, in)
}

// CastLike turns the elements of the first input into those of the second's type.
// (ONNX CastLike-24.)
type CastLike struct{ Casting }

// Type is "CastLike".
func (CastLike) Type() string { return "CastLike" }

// Infer keeps the shape.
func (CastLike) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "target_type"}); err != nil {
		return nil, err
	}
	return castTo(in[1].DType, in)
}

// castTo refuses complex numbers, which Cast does not know.
func castTo(to tensor.DType, in []Info) ([]Info, error) {
	if from := in[0].DType; from != to && !(equatable.has(from) && equatable.has(to)) {
		return nil, fmt.Errorf("%v is not cast to %v", from, to)
	}
	return result(to, in[0].Shape.Clone())
}
