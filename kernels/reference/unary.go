package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// unary finds the loop of a function of each element. X and Y have one shape.
func unary(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Unary:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return applyUnary(w, op, in[0], y) })
	case ir.Gelu:
		f := gelu
		if op.Tanh {
			f = geluTanh
		}
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return onReals(w, f, in[0], y) })
	case ir.IsInf:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return onTruths(w, func(x float64) bool {
				return op.Positive && math.IsInf(x, 1) || op.Negative && math.IsInf(x, -1)
			}, in[0], y)
		})
	case ir.Relu:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return relu(w, in[0], y) })
	case ir.Clip:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return clip(w, in[0], in[1], in[2], y) })
	}
	return kernel{}, false
}

func applyUnary(w *ir.Watch, op ir.Unary, x, y *tensor.Tensor) error {
	switch {
	case op.Func == "IsNaN":
		return onTruths(w, func(x float64) bool { return x != x }, x, y)
	case !x.DType().IsFloat() && (op.Func == "Shrink" || op.Func == "Erf"):
		at, put, f := realAt(x), wholeTo(y), onReal(op)
		return each(w, y, func(i int) { put(i, whole(f(at(i)), y.DType())) })
	case !x.DType().IsFloat():
		return onWholes(w, op, x, y)
	}
	f := onReal(op)
	if f == nil {
		return fmt.Errorf("there is no function %q of real numbers", op.Func)
	}
	return onReals(w, f, x, y)
}

func onReals(w *ir.Watch, f func(float64) float64, x, y *tensor.Tensor) error {
	at, put := realAt(x), realTo(y, false)
	return each(w, y, func(i int) { put(i, f(at(i))) })
}

func onTruths(w *ir.Watch, f func(float64) bool, x, y *tensor.Tensor) error {
	at, truths := realAt(x), tensor.Data[bool](y)
	return each(w, y, func(i int) { truths[i] = f(at(i)) })
}

// onWholes applies a function of integers or bools; what the type does not hold
// wraps, as −(−128) of int8 does.
func onWholes(w *ir.Watch, op ir.Unary, x, y *tensor.Tensor) error {
	at, put := wholeAt(x), wholeTo(y)
	signed := x.DType().IsSigned()
	var f func(int64) int64
	switch op.Func {
	case "Abs":
		f = func(x int64) int64 {
			if signed && x < 0 {
				return -x
			}
			return x
		}
	case "Neg":
		f = func(x int64) int64 { return -x }
	case "Sign":
		f = func(x int64) int64 {
			switch {
			case x == 0:
				return 0
			case signed && x < 0:
				return -1
			}
			return 1
		}
	case "BitwiseNot":
		f = func(x int64) int64 { return ^x }
	case "Not":
		f = func(x int64) int64 { return 1 - x }
	default:
		return fmt.Errorf("there is no function %q of integers", op.Func)
	}
	return each(w, y, func(i int) { put(i, f(at(i))) })
}

// onReal is the function of real numbers that ONNX defines under a name.
func onReal(op ir.Unary) func(x float64) float64 {
	alpha, beta := float64(op.Alpha), float64(op.Beta)
	switch op.Func {
	case "Celu":
		return func(x float64) float64 { return max(0, x) + min(0, alpha*math.Expm1(x/alpha)) }
	case "Elu":
		return func(x float64) float64 { return elu(x, alpha) }
	case "HardSigmoid":
		return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
	case "LeakyRelu":
		return func(x float64) float64 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	case "Selu":
		return func(x float64) float64 { return beta * elu(x, alpha) }
	case "Shrink":
		return func(x float64) float64 {
			switch {
			case x < -alpha:
				return x + beta
			case x > alpha:
				return x - beta
			}
			return 0
		}
	case "Swish":
		return func(x float64) float64 { return x * sigmoid(alpha*x) }
	case "ThresholdedRelu":
		return func(x float64) float64 {
			if x <= alpha {
				return 0
			}
			return x
		}
	}
	return plainReals[op.Func]
}

var plainReals = map[string]func(float64) float64{
	"Abs": math.Abs, "Acos": math.Acos, "Acosh": math.Acosh, "Asin": math.Asin, "Asinh": math.Asinh,
	"Atan": math.Atan, "Atanh": math.Atanh, "Ceil": math.Ceil, "Cos": math.Cos, "Cosh": math.Cosh,
	"Erf": math.Erf, "Exp": math.Exp, "Floor": math.Floor, "Log": math.Log, "Round": math.RoundToEven,
	"Sin": math.Sin, "Sinh": math.Sinh, "Sqrt": math.Sqrt, "Tan": math.Tan, "Tanh": math.Tanh,
	"Sigmoid": sigmoid, "Softplus": softplus,
	"HardSwish":  func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) },
	"Mish":       func(x float64) float64 { return x * math.Tanh(softplus(x)) },
	"Neg":        func(x float64) float64 { return -x },
	"Reciprocal": func(x float64) float64 { return 1 / x },
	"Sign": func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x // 0, or NaN
	},
	"Softsign": func(x float64) float64 { return x / (1 + math.Abs(x)) },
}

// elu is x, or alpha·(eˣ − 1) below 0.
func elu(x, alpha float64) float64 {
	if x < 0 {
		return alpha * math.Expm1(x)
	}
	return x
}

// sigmoid is 1/(1 + e⁻ˣ), written so that e never overflows.
func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// softplus is ln(eˣ + 1), written so that e never overflows.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// gelu is x·Φ(x) (ONNX Gelu-20).
func gelu(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }

// geluTanh is Gelu's approximation by tanh (ONNX Gelu-20).
func geluTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// relu is max(x, 0) for each element (ONNX Relu-14).
func relu(w *ir.Watch, x, y *tensor.Tensor) error {
	if x.DType().IsFloat() {
		return onReals(w, func(x float64) float64 { return max(x, 0) }, x, y)
	}
	at, put, signed := wholeAt(x), wholeTo(y), x.DType().IsSigned()
	return each(w, y, func(i int) {
		if v := at(i); !signed || v > 0 {
			put(i, v)
		}
	})
}

// clip limits each element to [lo, hi]; where lo > hi, hi wins (ONNX Clip-13).
// lo and hi are scalars or absent.
func clip(w *ir.Watch, x, lo, hi, y *tensor.Tensor) error {
	if x.DType().IsFloat() {
		low, high := math.Inf(-1), math.Inf(1)
		if lo != nil {
			low = realAt(lo)(0)
		}
		if hi != nil {
			high = realAt(hi)(0)
		}
		return onReals(w, func(x float64) float64 { return min(max(x, low), high) }, x, y)
	}
	at, put, less := wholeAt(x), wholeTo(y), lessWhole(x.DType())
	return each(w, y, func(i int) {
		v := at(i)
		if lo != nil && less(v, wholeAt(lo)(0)) {
			v = wholeAt(lo)(0)
		}
		if hi != nil && less(wholeAt(hi)(0), v) {
			v = wholeAt(hi)(0)
		}
		put(i, v)
	})
}

// lessWhole compares integers of a type as wholes holds them.
func lessWhole(d tensor.DType) func(a, b int64) bool {
	if d == tensor.Uint64 {
		return func(a, b int64) bool { return uint64(a) < uint64(b) }
	}
	return func(a, b int64) bool { return a < b }
}
