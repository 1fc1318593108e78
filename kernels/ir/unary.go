package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Unary applies the function Func, by its ONNX name, to each element of X. Alpha
// and Beta are the function's parameters, in this order:
//
//	Celu, Elu, LeakyRelu, Swish, ThresholdedRelu   alpha
//	HardSigmoid                                    alpha, beta
//	Selu                                           alpha, gamma
//	Shrink                                         lambd, bias
//
// (ONNX Abs-13, Acos-22, Acosh-22, Asin-22, Asinh-22, Atan-22, Atanh-22,
// BitwiseNot-18, Ceil-13, Celu-12, Cos-22, Cosh-22, Elu-22, Erf-13, Exp-13,
// Floor-13, HardSigmoid-22, HardSwish-22, IsNaN-20, LeakyRelu-16, Log-13,
// Mish-22, Neg-13, Not-1, Reciprocal-13, Round-22, Selu-22, Shrink-9,
// Sigmoid-13, Sign-13, Sin-22, Sinh-22, Softplus-22, Softsign-22, Sqrt-13,
// Swish-24, Tan-22, Tanh-13, ThresholdedRelu-22.)
type Unary struct {
	Func        string
	Alpha, Beta float32
}

// unaries are the types that each function of Unary takes.
var unaries = map[string]class{
	"Abs": numbers, "Neg": signed, "Sign": numbers, "Shrink": numbers,
	"BitwiseNot": integers, "Not": booleans, "IsNaN": realNumbers,
	"Acos": realNumbers, "Acosh": realNumbers, "Asin": realNumbers, "Asinh": realNumbers,
	"Atan": realNumbers, "Atanh": realNumbers, "Ceil": realNumbers, "Celu": realNumbers,
	"Cos": realNumbers, "Cosh": realNumbers, "Elu": realNumbers, "Erf": numbers,
	"Exp": realNumbers, "Floor": realNumbers, "HardSigmoid": realNumbers, "HardSwish": realNumbers,
	"LeakyRelu": realNumbers, "Log": realNumbers, "Mish": realNumbers, "Reciprocal": realNumbers,
	"Round": realNumbers, "Selu": realNumbers, "Sigmoid": realNumbers, "Sin": realNumbers,
	"Sinh": realNumbers, "Softplus": realNumbers, "Softsign": realNumbers, "Sqrt": realNumbers,
	"Swish": realNumbers, "Tan": realNumbers, "Tanh": realNumbers, "ThresholdedRelu": realNumbers,
}

// More classes that parameters name.
var (
	booleans = class{"bool", func(d tensor.DType) bool { return d == tensor.Bool }}
	signed   = class{"a type of signed numbers", func(d tensor.DType) bool { return d.IsFloat() || d.IsSigned() }}
)

// Type is the function's name.
func (op Unary) Type() string { return op.Func }

// Infer keeps the shape, and the type but for IsNaN.
func (op Unary) Infer(in []Info) ([]Info, error) {
	takes, ok := unaries[op.Func]
	if !ok {
		return nil, fmt.Errorf("there is no function %q of one element", op.Func)
	}
	if op.Func == "IsNaN" {
		return mapped(in, takes, tensor.Bool)
	}
	return mapped(in, takes, tensor.Invalid)
}

// mapped is the result of a function of each element of one input: of the
// input's type, unless another is given.
func mapped(in []Info, takes class, gives tensor.DType) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: takes}); err != nil {
		return nil, err
	}
	if gives == tensor.Invalid {
		gives = in[0].DType
	}
	return result(gives, in[0].Shape.Clone())
}

// Gelu is x·Φ(x), where Φ is the normal distribution's function, or with Tanh its
// approximation by tanh. (ONNX Gelu-20; com.microsoft Gelu, FastGelu.)
type Gelu struct{ Tanh bool }

// Type is "Gelu".
func (Gelu) Type() string { return "Gelu" }

// Infer keeps the shape.
func (Gelu) Infer(in []Info) ([]Info, error) { return mapped(in, realNumbers, tensor.Invalid) }

// IsInf tells which elements are infinite, of the signs asked for. (ONNX
// IsInf-20.)
type IsInf struct{ Negative, Positive bool }

// Type is "IsInf".
func (IsInf) Type() string { return "IsInf" }

// Infer keeps the shape.
func (IsInf) Infer(in []Info) ([]Info, error) { return mapped(in, realNumbers, tensor.Bool) }
