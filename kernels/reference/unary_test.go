package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestFunctionsOfEachElement(t *testing.T) {
	x := of([]int{4}, -2, -0.5, 0.25, 3)
	f := func(name string, parameters ...float32) ir.Unary {
		op := ir.Unary{Func: name}
		if len(parameters) > 0 {
			op.Alpha = parameters[0]
		}
		if len(parameters) > 1 {
			op.Beta = parameters[1]
		}
		return op
	}
	for _, c := range []struct {
		op   ir.Operator
		want string
	}{
		{f("Abs"), "[2 0.5 0.25 3]"},
		{f("Atan"), "[-1.1071 -0.46365 0.24498 1.249]"},
		{f("Asinh"), "[-1.4436 -0.48121 0.24747 1.8184]"},
		{f("Ceil"), "[-2 -0 1 3]"},
		{f("Cos"), "[-0.41615 0.87758 0.96891 -0.98999]"},
		{f("Cosh"), "[3.7622 1.1276 1.0314 10.068]"},
		{f("Erf"), "[-0.99532 -0.5205 0.27633 0.99998]"},
		{f("Exp"), "[0.13534 0.60653 1.284 20.086]"},
		{f("Floor"), "[-2 -1 0 3]"},
		{f("HardSwish"), "[-0.33333 -0.20833 0.13542 3]"},
		{f("Mish"), "[-0.2525 -0.22074 0.16957 2.9865]"},
		{f("Neg"), "[2 0.5 -0.25 -3]"},
		{f("Reciprocal"), "[-0.5 -2 4 0.33333]"},
		{f("Sigmoid"), "[0.1192 0.37754 0.56218 0.95257]"},
		{f("Sign"), "[-1 -1 1 1]"},
		{f("Sin"), "[-0.9093 -0.47943 0.2474 0.14112]"},
		{f("Sinh"), "[-3.6269 -0.5211 0.25261 10.018]"},
		{f("Softplus"), "[0.12693 0.47408 0.82594 3.0486]"},
		{f("Softsign"), "[-0.66667 -0.33333 0.2 0.75]"},
		{f("Tan"), "[2.185 -0.5463 0.25534 -0.14255]"},
		{f("Tanh"), "[-0.96403 -0.46212 0.24492 0.99505]"},
		{f("Celu", 2), "[-1.2642 -0.4424 0.25 3]"},
		{f("Elu", 2), "[-1.7293 -0.78694 0.25 3]"},
		{f("Selu", 1.6732632, 1.050701), "[-1.5202 -0.69176 0.26268 3.1521]"},
		{f("HardSigmoid", 0.2, 0.5), "[0.1 0.4 0.55 1]"},
		{f("LeakyRelu", 0.1), "[-0.2 -0.05 0.25 3]"},
		{f("Shrink", 0.4, 1), "[-1 0.5 0 2]"},
		{f("Swish", 2), "[-0.035972 -0.13447 0.15561 2.9926]"},
		{f("Swish", 1.702), "[-0.064341 -0.14961 0.1512 2.9819]"},
		{f("ThresholdedRelu", 0.25), "[0 0 0 3]"},
		{ir.Gelu{}, "[-0.0455 -0.15427 0.14968 2.996]"},
		{ir.Gelu{Tanh: true}, "[-0.045402 -0.15429 0.14968 2.9964]"},
	} {
		examples(t, []example{{c.op.Type(), c.op, list(x), "float32[4] " + c.want}})
	}
	examples(t, []example{
		{"Acos", f("Acos"), list(of([]int{3}, -1, 0.5, 2)), "float32[3] [3.1416 1.0472 NaN]"},
		{"Asin", f("Asin"), list(of([]int{2}, -1, 0.5)), "float32[2] [-1.5708 0.5236]"},
		{"Atanh", f("Atanh"), list(of([]int{3}, -0.5, 0.5, 1)), "float32[3] [-0.54931 0.54931 +Inf]"},
		{"Acosh", f("Acosh"), list(of([]int{2}, 1, 2)), "float32[2] [0 1.317]"},
		{"Log", f("Log"), list(of([]int{3}, 1, 0, -1)), "float32[3] [0 -Inf NaN]"},
		{"Sqrt", f("Sqrt"), list(of([]int{2}, 2, -1)), "float32[2] [1.4142 NaN]"},
		{"a tie is rounded to even", f("Round"), list(of([]int{6}, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5)), "float32[6] [0 2 2 -0 -2 -2]"},
		{"Not", f("Not"), list(vector(true, false)), "bool[2] [false true]"},
	})
}

// 1000 is past the exponent of a float32, and far past a float16's.
func TestFunctionsDoNotOverflowOnTheWay(t *testing.T) {
	large := of([]int{4}, -1000, 1000, float32(inf), float32(nan))
	examples(t, []example{
		{"sigmoid", ir.Unary{Func: "Sigmoid"}, list(large), "float32[4] [0 1 1 NaN]"},
		{"softplus", ir.Unary{Func: "Softplus"}, list(large), "float32[4] [0 1000 +Inf NaN]"},
		{"mish", ir.Unary{Func: "Mish"}, list(large), "float32[4] [-0 1000 +Inf NaN]"},
		{"swish", ir.Unary{Func: "Swish", Alpha: 1}, list(large), "float32[4] [-0 1000 +Inf NaN]"},
		{"relu", ir.Relu{}, list(large), "float32[4] [0 1000 +Inf NaN]"},
		{"sign", ir.Unary{Func: "Sign"}, list(large), "float32[4] [-1 1 1 NaN]"},
		{"float16", ir.Unary{Func: "Exp"}, list(halves(0, 11, 12, -inf)), "float16[4] [1 59872 +Inf 0]"},
	})
}

func TestFunctionsOfOtherTypes(t *testing.T) {
	abs, neg, sign := ir.Unary{Func: "Abs"}, ir.Unary{Func: "Neg"}, ir.Unary{Func: "Sign"}
	examples(t, []example{
		{"abs of int8 wraps", abs, list(vector[int8](-128, -3, 3)), "int8[3] [-128 3 3]"},
		{"abs of uint64", abs, list(vector[uint64](math.MaxUint64, 1)), "uint64[2] [18446744073709551615 1]"},
		{"neg of int64", neg, list(vector[int64](math.MinInt64, 9007199254740993)), "int64[2] [-9223372036854775808 -9007199254740993]"},
		{"sign of uint64", sign, list(vector[uint64](math.MaxUint64, 0)), "uint64[2] [1 0]"},
		{"sign of int32", sign, list(vector[int32](-7, 0, 7)), "int32[3] [-1 0 1]"},
		{"bitwise not of uint8", ir.Unary{Func: "BitwiseNot"}, list(vector[uint8](0, 1, 255)), "uint8[3] [255 254 0]"},
		{"bitwise not of int16", ir.Unary{Func: "BitwiseNot"}, list(vector[int16](0, -1)), "int16[2] [-1 0]"},
		{"shrink of integers", ir.Unary{Func: "Shrink", Alpha: 1.5, Beta: 1}, list(vector[int32](-2, 1, 2)), "int32[3] [-1 0 1]"},
		{"relu of int8", ir.Relu{}, list(vector[int8](-5, 0, 5)), "int8[3] [0 0 5]"},
		{"relu of uint64", ir.Relu{}, list(vector[uint64](math.MaxUint64)), "uint64[1] [18446744073709551615]"},
		{"double", ir.Unary{Func: "Exp"}, list(vector(1.0)), "float64[1] [2.7183]"},
		{"bfloat16", ir.Unary{Func: "Sqrt"}, list(valued(tensor.BFloat16, []int{2}, 4, 2)), "bfloat16[2] [2 1.4141]"},
		{"is NaN of float8", ir.Unary{Func: "IsNaN"}, list(valued(tensor.Float8E4M3FN, []int{2}, nan, 1)), "bool[2] [true false]"},
		{"is NaN of float16", ir.Unary{Func: "IsNaN"}, list(halves(nan, inf, 0)), "bool[3] [true false false]"},
		{"is infinite", ir.IsInf{Negative: true, Positive: true}, list(vector(inf, -inf, nan, 1)), "bool[4] [true true false false]"},
		{"is infinite upwards", ir.IsInf{Positive: true}, list(vector(inf, -inf)), "bool[2] [true false]"},
		{"is infinite downwards", ir.IsInf{Negative: true}, list(halves(inf, -inf)), "bool[2] [false true]"},
		{"is infinite of float8", ir.IsInf{Negative: true}, list(valued(tensor.Float8E5M2, []int{2}, inf, -inf)), "bool[2] [false true]"},
		{"of nothing", ir.Unary{Func: "Exp"}, list(of([]int{0, 3})), "float32[0×3] []"},
		{"of a scalar", ir.Unary{Func: "Exp"}, list(scalar(float32(0))), "float32[] [1]"},
	})
	refusals(t, []refusal{
		{"exp of integers", ir.Unary{Func: "Exp"}, list(vector[int32](1)), "Exp: input 0 (X) is int32; supported is a float type"},
		{"neg of unsigned", neg, list(vector[uint8](1)), "input 0 (X) is uint8; supported is a type of signed numbers"},
		{"not of floats", ir.Unary{Func: "Not"}, list(of([]int{1}, 1)), "input 0 (X) is float32; supported is bool"},
		{"gelu of bools", ir.Gelu{}, list(vector(true)), "input 0 (X) is bool"},
		{"a function that is none", ir.Unary{Func: "Absolutely"}, list(of([]int{1}, 1)), `there is no function "Absolutely"`},
		{"no input", abs, nil, "Abs: input 0 is missing"},
	})
}

func TestClipOfEveryType(t *testing.T) {
	examples(t, []example{
		{"int8", ir.Clip{}, list(vector[int8](-128, 0, 127), scalar[int8](-5), scalar[int8](5)), "int8[3] [-5 0 5]"},
		{"uint64", ir.Clip{}, list(vector[uint64](1, math.MaxUint64), scalar[uint64](2), scalar[uint64](math.MaxUint64-1)), "uint64[2] [2 18446744073709551614]"},
		{"int64 where the upper limit wins", ir.Clip{}, list(vector[int64](7), scalar[int64](9), scalar[int64](3)), "int64[1] [3]"},
		{"no lower limit", ir.Clip{}, list(vector[int32](-9, 9), nil, scalar[int32](0)), "int32[2] [-9 0]"},
		{"float16", ir.Clip{}, list(halves(-1, 7, nan), halves(0), halves(6)), "float16[3] [0 6 NaN]"},
		{"float16 by float32, as before operator set 11", ir.Clip{}, list(halves(-1, 7), scalar[float32](0), scalar[float32](6)), "float16[2] [0 6]"},
		{"double", ir.Clip{}, list(vector(-1.0, 7), scalar(0.0), scalar(6.0)), "float64[2] [0 6]"},
	})
	refusals(t, []refusal{
		{"another type's limit", ir.Clip{}, list(vector[int32](1), scalar[int64](0)), "input 1 (min) is int64, and input 0 (input) int32"},
		{"a float's limit for integers", ir.Clip{}, list(vector[int32](1), nil, scalar[float32](0)), "input 2 (max) is float32, and input 0 (input) int32"},
		{"bools", ir.Clip{}, list(vector(true)), "input 0 (input) is bool"},
	})
}
