package reference

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// casts finds the loops of Cast-24 and CastLike-24.
func casts(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Cast:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return cast(w, op.Casting, in[0], y) })
	case ir.CastLike:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return cast(w, op.Casting, in[0], y) })
	}
	return kernel{}, false
}

func cast(w *ir.Watch, op ir.Casting, xt, yt *tensor.Tensor) error {
	from, to := xt.DType(), yt.DType()
	switch {
	case from == to:
		return copyElements(xt, yt)
	case from == tensor.String:
		return parseAll(w, op, tensor.Data[string](xt), yt)
	case to == tensor.String:
		y, text := tensor.Data[string](yt), spelled(xt)
		return each(w, yt, func(i int) { y[i] = text(i) })
	case from.IsFloat():
		at, put := realAt(xt), castTo(op, yt)
		return each(w, yt, func(i int) { put(i, at(i)) })
	case to.IsFloat():
		return castWholes(w, op, xt, yt)
	}
	at, put := wholeAt(xt), wholeTo(yt)
	return each(w, yt, func(i int) { put(i, at(i)) })
}

// castTo writes a real number as any other type than a string.
func castTo(op ir.Casting, yt *tensor.Tensor) func(i int, v float64) {
	switch to := yt.DType(); {
	case to == tensor.Float8E8M0:
		y := tensor.Data[tensor.E8M0](yt)
		return func(i int, v float64) { y[i] = powerOfTwo(op, v) }
	case to == tensor.Bool:
		y := tensor.Data[bool](yt)
		return func(i int, v float64) { y[i] = v != 0 }
	case to.IsFloat():
		return realTo(yt, op.Saturate)
	default:
		put := wholeTo(yt)
		return func(i int, v float64) { put(i, whole(v, to)) }
	}
}

// castWholes writes integers and bools as floats, rounding once.
func castWholes(w *ir.Watch, op ir.Casting, xt, yt *tensor.Tensor) error {
	if y := tensor.Data[float32](yt); y != nil {
		switch xt.DType() {
		case tensor.Int64:
			x := tensor.Data[int64](xt)
			return each(w, yt, func(i int) { y[i] = float32(x[i]) })
		case tensor.Uint64:
			x := tensor.Data[uint64](xt)
			return each(w, yt, func(i int) { y[i] = float32(x[i]) })
		}
	}
	at, put := realAt(xt), castTo(op, yt)
	return each(w, yt, func(i int) { put(i, at(i)) })
}

// whole truncates a real number to an integer of a type. What the type does not
// hold is undefined in ONNX; it is here, on any machine, what numpy gives on an
// x86: types of up to 32 bits but uint32 take the low bits of an int32, the others
// of an int64, and the smallest of these stands for what lies outside them.
func whole(v float64, to tensor.DType) int64 {
	v = math.Trunc(v)
	switch to {
	case tensor.Bool:
		if v != 0 {
			return 1
		}
		return 0
	case tensor.Uint64:
		if v >= 1<<63 && v < 1<<64 {
			return int64(uint64(v))
		}
	case tensor.Int64, tensor.Uint32:
	default:
		if !(v >= math.MinInt32 && v <= math.MaxInt32) {
			return math.MinInt32
		}
	}
	if !(v >= math.MinInt64 && v < 1<<63) {
		return math.MinInt64
	}
	return int64(v)
}

// powerOfTwo is the float8e8m0 of a number's magnitude: its exponent, rounded as
// the cast says. Infinity has none and becomes NaN.
func powerOfTwo(op ir.Casting, v float64) tensor.E8M0 {
	const bias, largest, nan = 127, 254, 255
	if v = math.Abs(v); v != v || math.IsInf(v, 0) {
		return nan
	}
	if v <= math.Ldexp(1, -bias) {
		return 0
	}
	fraction, exponent := math.Frexp(v) // v is fraction·2^exponent, 0.5 ≤ fraction < 1
	if exponent--; op.Round == ir.RoundUp && fraction > 0.5 || op.Round == ir.RoundNearest && fraction >= 0.75 {
		exponent++
	}
	code := exponent + bias
	switch {
	case code <= largest:
		return tensor.E8M0(code)
	case op.Saturate:
		return largest
	}
	return nan
}

// spelled writes elements as numpy's astype(str) does: floats in the fewest digits
// that tell them from their neighbours.
func spelled(t *tensor.Tensor) func(i int) string {
	switch d := t.DType(); {
	case d == tensor.Bool:
		x := tensor.Data[bool](t)
		return func(i int) string {
			if x[i] {
				return "True"
			}
			return "False"
		}
	case d == tensor.Uint64:
		x := tensor.Data[uint64](t)
		return func(i int) string { return strconv.FormatUint(x[i], 10) }
	case !d.IsFloat():
		at := wholeAt(t)
		return func(i int) string { return strconv.FormatInt(at(i), 10) }
	default:
		at := realAt(t)
		return func(i int) string { return decimal(at(i), d) }
	}
}

// decimal writes a number of a float type.
func decimal(v float64, d tensor.DType) string {
	switch {
	case v != v:
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	format, digits := byte('f'), shortest(v, d)
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		format = 'e'
	}
	text := strconv.FormatFloat(digits, format, -1, 64)
	if format == 'f' && !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// shortest is the number of the fewest decimal digits that the float type rounds
// to v.
func shortest(v float64, d tensor.DType) float64 {
	f, small := tensor.FormatOf(d)
	for digits := range 9 {
		text := strconv.FormatFloat(v, 'e', digits, 64)
		near, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil:
		case d == tensor.Float32 && float32(near) == float32(v), small && f.Decode(f.Encode(near, false)) == v:
			return near
		}
	}
	return v
}

// parseAll reads numbers from strings.
func parseAll(w *ir.Watch, op ir.Casting, x []string, yt *tensor.Tensor) error {
	real := yt.DType().IsFloat()
	var putReal func(int, float64)
	var putWhole func(int, int64)
	if real {
		putReal = castTo(op, yt)
	} else {
		putWhole = wholeTo(yt)
	}
	for i, text := range x {
		if w.Over(len(text)) {
			return nil
		}
		if real {
			v, err := parseReal(text, yt.DType())
			if err != nil {
				return fmt.Errorf("input 0 (input): element %d is %.40q, which is not a number", i, text)
			}
			putReal(i, v)
			continue
		}
		v, err := parseWhole(text, yt.DType())
		if err != nil {
			return fmt.Errorf("input 0 (input): element %d is %.40q, which is not a %v", i, text, yt.DType())
		}
		putWhole(i, v)
	}
	return nil
}

// parseReal reads a decimal number, INF or NaN, in capitals or not. What a
// float64 does not hold is infinite.
func parseReal(text string, to tensor.DType) (float64, error) {
	bits := 64
	if to == tensor.Float32 {
		bits = 32 // so that it is rounded once
	}
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "_xXpP") { // Go's own forms
		return 0, strconv.ErrSyntax
	}
	v, err := strconv.ParseFloat(text, bits)
	if math.IsInf(v, 0) {
		return v, nil
	}
	return v, err
}

// parseWhole reads an integer, or a number that is truncated to one.
func parseWhole(text string, to tensor.DType) (int64, error) {
	text = strings.TrimSpace(text)
	if to == tensor.Bool {
		switch strings.ToLower(text) {
		case "true":
			return 1, nil
		case "false":
			return 0, nil
		}
	}
	if to == tensor.Uint64 {
		if v, err := strconv.ParseUint(text, 10, 64); err == nil {
			return int64(v), nil
		}
	}
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, nil
	}
	v, err := parseReal(text, tensor.Float64)
	return whole(v, to), err
}
