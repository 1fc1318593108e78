package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// binary finds the loop of a function of the elements of inputs that are broadcast
// to Y's shape: aligned at the last dimension, an extent of 1 is repeated.
func binary(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Add:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return add(w, op, in[0], in[1], y) })
	case ir.Binary:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return applyBinary(w, op.Func, in[0], in[1], y) })
	case ir.Mod:
		name := "Mod"
		if op.Fmod {
			name = "Fmod"
		}
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return applyBinary(w, name, in[0], in[1], y) })
	case ir.BitShift:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return bitShift(w, op, in[0], in[1], y) })
	case ir.Align:
		return one(2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return copyElements(in[1], y) })
	case ir.Variadic:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return variadic(w, op, in, y) })
	case ir.Where:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return where(w, in[0], in[1], in[2], y) })
	}
	return kernel{}, false
}

// add is act(A + B) (ONNX Add-14).
func add(w *ir.Watch, op ir.Add, at, bt, yt *tensor.Tensor) error {
	if !op.Act.Clip {
		return applyBinary(w, "Add", at, bt, yt)
	}
	a, b, y := tensor.Data[float32](at), tensor.Data[float32](bt), tensor.Data[float32](yt)
	ai, bi := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape())
	return each(w, yt, func(i int) { y[i] = activate(op.Act, a[ai(i)]+b[bi(i)]) })
}

func applyBinary(w *ir.Watch, name string, a, b, y *tensor.Tensor) error {
	switch {
	case name == "Pow":
		return pow(w, a, b, y)
	case a.DType() == tensor.String:
		return equalStrings(w, a, b, y)
	case y.DType() == tensor.Bool:
		return compare(w, name, a, b, y)
	case a.DType().IsFloat():
		return combineReals(w, name, a, b, y)
	}
	return combineWholes(w, name, a, b, y)
}

// combineReals computes in float64, whose result, rounded to a type of at most 32
// bits, is that type's own.
func combineReals(w *ir.Watch, name string, at, bt, yt *tensor.Tensor) error {
	var f func(a, b float64) float64
	switch name {
	case "Add":
		f = func(a, b float64) float64 { return a + b }
	case "Sub":
		f = func(a, b float64) float64 { return a - b }
	case "Mul":
		f = func(a, b float64) float64 { return a * b }
	case "Div":
		f = func(a, b float64) float64 { return a / b }
	case "Fmod":
		f = math.Mod
	case "PRelu":
		f = func(a, b float64) float64 {
			if a < 0 {
				return a * b
			}
			return a
		}
	default:
		return fmt.Errorf("there is no function %q of real numbers", name)
	}
	a, b, y := realAt(at), realAt(bt), realTo(yt, false)
	ai, bi := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape())
	return each(w, yt, func(i int) { y(i, f(a(ai(i)), b(bi(i)))) })
}

// combineWholes computes integers modulo their type. Division truncates (ONNX
// Div-14), and division by 0 is an error.
func combineWholes(w *ir.Watch, name string, at, bt, yt *tensor.Tensor) error {
	f := wholeFunction(name, at.DType() == tensor.Uint64)
	if f == nil {
		return fmt.Errorf("there is no function %q of integers", name)
	}
	divides := name == "Div" || name == "Mod" || name == "Fmod"
	a, b, y := wholeAt(at), wholeAt(bt), wholeTo(yt)
	ai, bi := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape())
	zero := -1
	err := each(w, yt, func(i int) {
		u, v := a(ai(i)), b(bi(i))
		if divides && v == 0 {
			zero = bi(i)
			return
		}
		y(i, f(u, v))
	})
	if zero >= 0 {
		return fmt.Errorf("input 1 (B) is 0 at element %d: integers are not divided by 0", zero)
	}
	return err
}

// wholeFunction is a function of two integers; unsigned are those of 64 bits, which
// the others exceed.
func wholeFunction(name string, unsigned bool) func(a, b int64) int64 {
	switch name {
	case "Add":
		return func(a, b int64) int64 { return a + b }
	case "Sub":
		return func(a, b int64) int64 { return a - b }
	case "Mul":
		return func(a, b int64) int64 { return a * b }
	case "Div":
		if unsigned {
			return func(a, b int64) int64 { return int64(uint64(a) / uint64(b)) }
		}
		return func(a, b int64) int64 { return a / b }
	case "Mod", "Fmod":
		if unsigned {
			return func(a, b int64) int64 { return int64(uint64(a) % uint64(b)) }
		}
		if name == "Fmod" {
			return func(a, b int64) int64 { return a % b }
		}
		return func(a, b int64) int64 {
			r := a % b
			if r != 0 && (r < 0) != (b < 0) {
				r += b
			}
			return r
		}
	case "BitwiseAnd":
		return func(a, b int64) int64 { return a & b }
	case "BitwiseOr":
		return func(a, b int64) int64 { return a | b }
	case "BitwiseXor":
		return func(a, b int64) int64 { return a ^ b }
	case "PRelu":
		return func(a, b int64) int64 {
			if a < 0 && !unsigned {
				return a * b
			}
			return a
		}
	}
	return nil
}

// compare gives bools: comparisons, and the functions of bools.
func compare(w *ir.Watch, name string, at, bt, yt *tensor.Tensor) error {
	ai, bi, y := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape()), tensor.Data[bool](yt)
	if at.DType().IsFloat() {
		a, b := realAt(at), realAt(bt)
		f, err := ordering(name, func(a, b float64) bool { return a < b })
		if err != nil {
			return err
		}
		return each(w, yt, func(i int) { y[i] = f(a(ai(i)), b(bi(i))) })
	}
	a, b := wholeAt(at), wholeAt(bt)
	f, err := ordering(name, lessWhole(at.DType()))
	if err != nil {
		return err
	}
	return each(w, yt, func(i int) { y[i] = f(a(ai(i)), b(bi(i))) })
}

// ordering is the comparison of a name, or the function of bools 0 and 1. NaN
// compares false.
func ordering[T float64 | int64](name string, less func(a, b T) bool) (func(a, b T) bool, error) {
	switch name {
	case "Equal":
		return func(a, b T) bool { return a == b }, nil
	case "Less":
		return less, nil
	case "LessOrEqual":
		return func(a, b T) bool { return less(a, b) || a == b }, nil
	case "Greater":
		return func(a, b T) bool { return less(b, a) }, nil
	case "GreaterOrEqual":
		return func(a, b T) bool { return less(b, a) || a == b }, nil
	case "And":
		return func(a, b T) bool { return a != 0 && b != 0 }, nil
	case "Or":
		return func(a, b T) bool { return a != 0 || b != 0 }, nil
	case "Xor":
		return func(a, b T) bool { return a != b }, nil
	}
	return nil, fmt.Errorf("there is no comparison %q", name)
}

// equalStrings is Equal of strings (ONNX Equal-19).
func equalStrings(w *ir.Watch, at, bt, yt *tensor.Tensor) error {
	a, b, y := tensor.Data[string](at), tensor.Data[string](bt), tensor.Data[bool](yt)
	ai, bi := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape())
	return each(w, yt, func(i int) { y[i] = a[ai(i)] == b[bi(i)] })
}

// pow is A to the power of B, as A's type (ONNX Pow-15): exact of integers that are
// not negative, and otherwise a real number that is cast.
func pow(w *ir.Watch, at, bt, yt *tensor.Tensor) error {
	ai, bi := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape())
	if at.DType().IsFloat() {
		a, b, y := realAt(at), realAt(bt), realTo(yt, false)
		return each(w, yt, func(i int) { y(i, math.Pow(a(ai(i)), b(bi(i)))) })
	}
	a, base, exponent, y := wholeAt(at), realAt(at), realAt(bt), wholeTo(yt)
	if bt.DType().IsFloat() {
		return each(w, yt, func(i int) {
			y(i, whole(math.Pow(base(ai(i)), exponent(bi(i))), yt.DType()))
		})
	}
	b, signed := wholeAt(bt), bt.DType().IsSigned()
	return each(w, yt, func(i int) {
		n := b(bi(i))
		if signed && n < 0 {
			y(i, whole(math.Pow(base(ai(i)), float64(n)), yt.DType()))
			return
		}
		y(i, wholePower(a(ai(i)), uint64(n)))
	})
}

// wholePower squares its way to aⁿ, modulo 2^64.
func wholePower(a int64, n uint64) int64 {
	y := int64(1)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			y *= a
		}
		a *= a
	}
	return y
}

// bitShift moves bits; those past the end are lost (ONNX BitShift-11).
func bitShift(w *ir.Watch, op ir.BitShift, at, bt, yt *tensor.Tensor) error {
	a, b, y := wholeAt(at), wholeAt(bt), wholeTo(yt)
	ai, bi := within(at.Shape(), yt.Shape()), within(bt.Shape(), yt.Shape())
	return each(w, yt, func(i int) {
		bits, by := uint64(a(ai(i))), uint64(b(bi(i)))
		if op.Left {
			y(i, int64(bits<<by))
		} else {
			y(i, int64(bits>>by))
		}
	})
}

// variadic is the largest, smallest, sum or mean of the elements at one place
// (ONNX Max-13, Min-13, Sum-13, Mean-13). NaN wins.
func variadic(w *ir.Watch, op ir.Variadic, in args, yt *tensor.Tensor) error {
	var list args
	var places []func(int) int
	for _, t := range in {
		if t != nil {
			list, places = append(list, t), append(places, within(t.Shape(), yt.Shape()))
		}
	}
	if !yt.DType().IsFloat() {
		return extremeWholes(w, op, list, places, yt)
	}
	read := make([]func(int) float64, len(list))
	for k, t := range list {
		read[k] = realAt(t)
	}
	y := realTo(yt, false)
	for i := range yt.Len() {
		if w.Over(len(list)) {
			return nil
		}
		v := read[0](places[0](i))
		for k := 1; k < len(list); k++ {
			switch x := read[k](places[k](i)); op.Func {
			case "Max":
				v = max(v, x)
			case "Min":
				v = min(v, x)
			default:
				v += x
			}
		}
		if op.Func == "Mean" {
			v /= float64(len(list))
		}
		y(i, v)
	}
	return nil
}

func extremeWholes(w *ir.Watch, op ir.Variadic, list args, places []func(int) int, yt *tensor.Tensor) error {
	read := make([]func(int) int64, len(list))
	for k, t := range list {
		read[k] = wholeAt(t)
	}
	less, y := lessWhole(yt.DType()), wholeTo(yt)
	for i := range yt.Len() {
		if w.Over(len(list)) {
			return nil
		}
		v := read[0](places[0](i))
		for k := 1; k < len(list); k++ {
			x := read[k](places[k](i))
			if op.Func == "Max" && less(v, x) || op.Func == "Min" && less(x, v) {
				v = x
			}
		}
		y(i, v)
	}
	return nil
}

// where takes each element from X or Y (ONNX Where-16).
func where(w *ir.Watch, ct, xt, yt, out *tensor.Tensor) error {
	condition := tensor.Data[bool](ct)
	ci, xi, yi := within(ct.Shape(), out.Shape()), within(xt.Shape(), out.Shape()), within(yt.Shape(), out.Shape())
	for i := range out.Len() {
		if w.Over(1) {
			return nil
		}
		from, at := yt, yi
		if condition[ci(i)] {
			from, at = xt, xi
		}
		if err := tensor.Copy(out, i, from, at(i), 1); err != nil {
			return err
		}
	}
	return nil
}
