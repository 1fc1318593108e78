package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func to(d tensor.DType) ir.Cast { return ir.Cast{To: d, Casting: ir.Casting{Saturate: true}} }

func TestCastBetweenNumbers(t *testing.T) {
	x := vector(2.9, -2.9, 0.5, -0.5)
	examples(t, []example{
		{"floats are truncated", to(tensor.Int32), list(x), "int32[4] [2 -2 0 0]"},
		{"to int64", to(tensor.Int64), list(x), "int64[4] [2 -2 0 0]"},
		{"to bool", to(tensor.Bool), list(vector(0, math.Copysign(0, -1), 0.1, nan)), "bool[4] [false false true true]"},
		{"from bool", to(tensor.Float16), list(vector(true, false)), "float16[2] [1 0]"},
		{"36 to bool", to(tensor.Bool), list(vector[int32](36, 0, 256)), "bool[3] [true false true]"},
		{"integers lose their high bits", to(tensor.Int8), list(vector[int16](200, -200, 127)), "int8[3] [-56 56 127]"},
		{"to uint64", to(tensor.Uint64), list(vector[int8](-1)), "uint64[1] [18446744073709551615]"},
		{"to uint4", to(tensor.Uint4), list(vector[int32](17, -1, 9)), "uint4[3] [1 15 9]"},
		{"to int4", to(tensor.Int4), list(vector[int32](8, -9, 7)), "int4[3] [-8 7 7]"},
		{"from int4", to(tensor.Float32), list(vector[tensor.I4](-8, 7)), "float32[2] [-8 7]"},
		{"from uint4", to(tensor.Uint8), list(vector[tensor.U4](15, 0)), "uint8[2] [15 0]"},
		{"int64 to float32 is rounded once", to(tensor.Float32), list(vector[int64](1<<60 + 1<<36 + 1)), "float32[1] [1.1529e+18]"},
		{"float64 to float16", to(tensor.Float16), list(vector(65519.0, 65520, 1e-8, -inf)), "float16[4] [65504 +Inf 0 -Inf]"},
		// The tie 1 + 2^-8 goes to even, and what is above it up.
		{"float32 to bfloat16", to(tensor.BFloat16), list(of([]int{3}, 1.00390625, 1.00390637, 1.01171875)), "bfloat16[3] [1 1.0078 1.0156]"},
		{"the same type", to(tensor.Complex64), list(vector[complex64](1)), "complex64[1]"},
		{"like another", ir.CastLike{}, list(x, vector[int8]()), "int8[4] [2 -2 0 0]"},
		{"of nothing", to(tensor.Int8), list(of([]int{0})), "int8[0] []"},
	})
	refusals(t, []refusal{
		{"complex numbers", to(tensor.Float32), list(vector[complex64](1)), "complex64 is not cast to float32"},
		{"to complex numbers", to(tensor.Complex64), list(count(1)), "float32 is not cast to complex64"},
	})
	// The nearest float32 to the integer is above that to the nearest float64.
	sticky := vector[int64](1<<60 + 1<<36 + 1)
	out, err := reference.Eval(to(tensor.Float32), list(sticky))
	if got := tensor.Data[float32](out[0])[0]; err != nil || got != float32(1<<60)+float32(1<<37) {
		t.Errorf("got %v, %v; it was rounded to float64 first", got, err)
	}
}

// What a type does not hold is undefined in ONNX. Here it is the same on every
// machine: what numpy gives on an x86.
func TestCastOfWhatATypeDoesNotHold(t *testing.T) {
	x := vector(300, -1, 3e9, 1e30, nan, -inf)
	examples(t, []example{
		{"uint8", to(tensor.Uint8), list(x), "uint8[6] [44 255 0 0 0 0]"},
		{"int8", to(tensor.Int8), list(x), "int8[6] [44 -1 0 0 0 0]"},
		{"int32", to(tensor.Int32), list(x), "int32[6] [300 -1 -2147483648 -2147483648 -2147483648 -2147483648]"},
		{"uint32", to(tensor.Uint32), list(x), "uint32[6] [300 4294967295 3000000000 0 0 0]"},
		{"int64", to(tensor.Int64), list(x), "int64[6] [300 -1 3000000000 -9223372036854775808 -9223372036854775808 -9223372036854775808]"},
		{"uint64", to(tensor.Uint64), list(vector(1e19, -1)), "uint64[2] [10000000000000000000 18446744073709551615]"},
		{"int4", to(tensor.Int4), list(vector(-9.0, 7, 8, 15)), "int4[4] [7 7 -8 -1]"},
		{"uint4", to(tensor.Uint4), list(vector(-9.0, 15, 16)), "uint4[3] [7 15 0]"},
	})
}

// The tables of the ONNX documentation, "Float stored in 8 bits", but that what is
// infinite saturates in every type, as in the suite's own cases.
func TestCastToFloatsOf8Bits(t *testing.T) {
	x := of([]int{7}, 0.47892547, 1e6, -1e6, float32(inf), float32(-inf), float32(nan), 1e-7)
	free := func(d tensor.DType) ir.Cast { return ir.Cast{To: d} }
	for _, c := range []struct {
		d               tensor.DType
		saturated, free string
	}{
		{tensor.Float8E4M3FN, "[0.46875 448 -448 448 -448 NaN 0]", "[0.46875 NaN NaN NaN NaN NaN 0]"},
		{tensor.Float8E4M3FNUZ, "[0.46875 240 -240 240 -240 NaN 0]", "[0.46875 NaN NaN NaN NaN NaN 0]"},
		{tensor.Float8E5M2, "[0.5 57344 -57344 57344 -57344 NaN 0]", "[0.5 +Inf -Inf +Inf -Inf NaN 0]"},
		{tensor.Float8E5M2FNUZ, "[0.5 57344 -57344 57344 -57344 NaN 0]", "[0.5 NaN NaN NaN NaN NaN 0]"},
	} {
		examples(t, []example{
			{"saturated " + c.d.String(), to(c.d), list(x), c.d.String() + "[7] " + c.saturated},
			{"free " + c.d.String(), free(c.d), list(x), c.d.String() + "[7] " + c.free},
		})
	}
	examples(t, []example{
		{"from float8", to(tensor.Float16), list(valued(tensor.Float8E4M3FN, []int{3}, 448, -0.001953125, nan)), "float16[3] [448 -0.0019531 NaN]"},
		{"between them", to(tensor.Float8E5M2), list(valued(tensor.Float8E4M3FN, []int{2}, 1.125, 448)), "float8e5m2[2] [1 448]"},
		{"like one", ir.CastLike{}, list(of([]int{1}, 1e6), valued(tensor.Float8E5M2, nil, 1)), "float8e5m2[1] [+Inf]"},
		{"to float4", to(tensor.Float4E2M1), list(vector(0.48, 0.25, 1.05, -3.5, -8, 9, inf, 0.75, 5)), "float4e2m1[9] [0.5 0 1 -4 -6 6 6 1 4]"},
		{"from float4", to(tensor.Float32), list(valued(tensor.Float4E2M1, []int{4}, 0.5, -6, 3, 1.5)), "float32[4] [0.5 -6 3 1.5]"},
	})
}

func TestCastToPowersOfTwo(t *testing.T) {
	e8m0 := func(saturate bool, r ir.Rounding) ir.Cast {
		return ir.Cast{To: tensor.Float8E8M0, Casting: ir.Casting{Saturate: saturate, Round: r}}
	}
	x := of([]int{7}, 0.25, 1.1, 1.5, 1.9, 0, -4, 3e38)
	examples(t, []example{
		{"up", e8m0(true, ir.RoundUp), list(x), "float8e8m0[7] [0.25 2 2 2 5.8775e-39 4 1.7014e+38]"},
		{"down", e8m0(true, ir.RoundDown), list(x), "float8e8m0[7] [0.25 1 1 1 5.8775e-39 4 1.7014e+38]"},
		{"nearest", e8m0(true, ir.RoundNearest), list(x), "float8e8m0[7] [0.25 1 2 2 5.8775e-39 4 1.7014e+38]"},
		{"not saturated", e8m0(false, ir.RoundUp), list(of([]int{3}, 3e38, float32(inf), float32(nan))), "float8e8m0[3] [NaN NaN NaN]"},
		{"back", to(tensor.Float32), list(valued(tensor.Float8E8M0, []int{3}, 0.125, 1, 4)), "float32[3] [0.125 1 4]"},
	})
}

func TestCastOfStrings(t *testing.T) {
	examples(t, []example{
		{"to floats", to(tensor.Float32), list(vector("3.14", "1e-5", "1E8", "INF", "+inf", "-INF", "nAn")), "float32[7] [3.14 1e-05 1e+08 +Inf +Inf -Inf NaN]"},
		{"to float16", to(tensor.Float16), list(vector("0.1", "70000")), "float16[2] [0.099976 +Inf]"},
		{"to float8", to(tensor.Float8E4M3FN), list(vector("1000")), "float8e4m3fn[1] [448]"},
		{"to integers", to(tensor.Int64), list(vector("9007199254740993", "-7", "100.5")), "int64[3] [9007199254740993 -7 100]"},
		{"to uint64", to(tensor.Uint64), list(vector("18446744073709551615")), "uint64[1] [18446744073709551615]"},
		{"to bool", to(tensor.Bool), list(vector("True", "false", "0", "2")), "bool[4] [true false false true]"},
		{"from float32", to(tensor.String), list(of([]int{6}, 0.1, 1, -2.5, 1e-5, 1e20, 0.47892547)), `string[6] ["0.1" "1.0" "-2.5" "1e-05" "1e+20" "0.47892547"]`},
		{"from what is no number", to(tensor.String), list(vector(nan, inf, -inf)), `string[3] ["nan" "inf" "-inf"]`},
		{"from float64", to(tensor.String), list(vector(0.1, 314.15926)), `string[2] ["0.1" "314.15926"]`},
		{"from float16", to(tensor.String), list(halves(0.0999755859375, 65504)), `string[2] ["0.1" "65500.0"]`},
		{"from uint64", to(tensor.String), list(vector[uint64](math.MaxUint64)), `string[1] ["18446744073709551615"]`},
		{"from int8", to(tensor.String), list(vector[int8](-5)), `string[1] ["-5"]`},
		{"from bool", to(tensor.String), list(vector(true, false)), `string[2] ["True" "False"]`},
	})
	refusals(t, []refusal{
		{"words", to(tensor.Float32), list(vector("1", "Hello World!")), `Cast: input 0 (input): element 1 is "Hello World!", which is not a number`},
		{"words for an integer", to(tensor.Int8), list(vector("five")), `element 0 is "five", which is not a int8`},
		{"a number of Go's", to(tensor.Float64), list(vector("0x1p-2")), `"0x1p-2", which is not a number`},
	})
}

// Every pair of types but the complex ones casts 1 to 1.
func TestCastOfEveryPair(t *testing.T) {
	types := []tensor.DType{
		tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Float8E4M3FN, tensor.Float8E4M3FNUZ,
		tensor.Float8E5M2, tensor.Float8E5M2FNUZ, tensor.Float8E8M0, tensor.Float4E2M1, tensor.Int4, tensor.Uint4,
		tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64, tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64,
		tensor.Bool, tensor.String,
	}
	cast := func(d tensor.DType, x *tensor.Tensor) *tensor.Tensor {
		out, err := reference.Eval(to(d), list(x))
		if err != nil || out[0].DType() != d {
			t.Fatalf("%v to %v: %v, %v", x, d, out, err)
		}
		return out[0]
	}
	for _, from := range types {
		for _, through := range types {
			one := cast(from, vector[int64](1))
			if from == tensor.String && through == tensor.Bool {
				one = vector("1")
			}
			if from == tensor.Bool && through == tensor.String {
				continue // it is "True"
			}
			if got := printed(cast(tensor.Int64, cast(through, one))); got != "int64[1] [1]" {
				t.Errorf("%v to %v: %s", from, through, got)
			}
		}
	}
}
