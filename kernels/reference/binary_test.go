package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestArithmeticOfEveryType(t *testing.T) {
	f := func(name string) ir.Operator { return ir.Binary{Func: name} }
	const big = math.MaxUint64
	examples(t, []example{
		{"add of int8 wraps", ir.Add{}, list(vector[int8](127), vector[int8](1)), "int8[1] [-128]"},
		{"add of float16 is rounded once", ir.Add{}, list(halves(2048, 2048), halves(1, 3)), "float16[2] [2048 2052]"},
		{"add of bfloat16", ir.Add{}, list(valued(tensor.BFloat16, []int{1}, 256), valued(tensor.BFloat16, []int{1}, 1)), "bfloat16[1] [256]"},
		{"add of int64 past 2^53", ir.Add{}, list(vector[int64](1<<53), vector[int64](1)), "int64[1] [9007199254740993]"},
		{"sub of a row and a column", f("Sub"), list(must(tensor.Of([]int32{10, 20}, 2, 1)), vector[int32](1, 2, 3)), "int32[2×3] [9 8 7 19 18 17]"},
		{"sub of uint8 wraps", f("Sub"), list(vector[uint8](1), vector[uint8](2)), "uint8[1] [255]"},
		{"mul of uint64", f("Mul"), list(vector[uint64](1<<63), vector[uint64](3)), "uint64[1] [9223372036854775808]"},
		{"mul of double", f("Mul"), list(vector(1.5), scalar(-2.0)), "float64[1] [-3]"},
		{"div of floats", f("Div"), list(of([]int{4}, 1, -1, 0, 6), of([]int{4}, 0, 0, 0, 4)), "float32[4] [+Inf -Inf NaN 1.5]"},
		{"div of integers truncates", f("Div"), list(vector[int32](7, -7, 7, -7), vector[int32](2, 2, -2, -2)), "int32[4] [3 -3 -3 3]"},
		{"div of the smallest wraps", f("Div"), list(vector[int8](-128), vector[int8](-1)), "int8[1] [-128]"},
		{"div of uint64", f("Div"), list(vector[uint64](big), vector[uint64](2)), "uint64[1] [9223372036854775807]"},
		{"of nothing", f("Mul"), list(of([]int{0, 3}), of([]int{1, 3}, 1, 2, 3)), "float32[0×3] []"},
		{"of scalars", f("Mul"), list(scalar[float32](2), scalar[float32](3)), "float32[] [6]"},
		{"prelu", f("PRelu"), list(of([]int{2, 2}, -1, -2, 3, -4), of([]int{2}, 10, 100)), "float32[2×2] [-10 -200 3 -400]"},
		{"prelu of int64", f("PRelu"), list(vector[int64](-3, 3), vector[int64](2)), "int64[2] [-6 3]"},
		{"prelu of uint64", f("PRelu"), list(vector[uint64](big), vector[uint64](2)), "uint64[1] [18446744073709551615]"},
	})
	refusals(t, []refusal{
		{"div of integers by 0", f("Div"), list(vector[int32](1, 2), vector[int32](1, 0)), "input 1 (B) is 0 at element 1: integers are not divided by 0"},
		{"mod of integers by 0", ir.Mod{}, list(vector[uint64](1), scalar[uint64](0)), "input 1 (B) is 0"},
		{"two types", f("Mul"), list(vector[int32](1), vector[int64](1)), "input 1 (B) is int64, and input 0 (A) int32"},
		{"bools", f("Mul"), list(vector(true), vector(true)), "input 0 (A) is bool; supported is a type of numbers"},
		{"shapes", f("Mul"), list(count(2), count(3)), "do not broadcast"},
		{"a slope larger than its input", f("PRelu"), list(count(2), count(2, 2)), "input 1 (slope) has shape [2×2]"},
		{"a function that is none", f("Plus"), list(count(2), count(2)), `there is no function "Plus"`},
		{"logic of numbers", f("And"), list(count(2), count(2)), "supported is bool"},
		{"bits of floats", f("BitwiseAnd"), list(count(2), count(2)), "supported is an integer type"},
		{"order of strings", f("Less"), list(vector("a"), vector("b")), "input 0 (A) is string"},
	})
}

func TestPow(t *testing.T) {
	pow := ir.Binary{Func: "Pow"}
	examples(t, []example{
		{"floats", pow, list(of([]int{4}, 2, 4, -8, 0), of([]int{4}, 3, 0.5, 0.5, 0)), "float32[4] [8 2 NaN 1]"},
		{"float by int64", pow, list(of([]int{2}, 2, 3), vector[int64](-1, 2)), "float32[2] [0.5 9]"},
		{"float16 by uint8", pow, list(halves(3), vector[uint8](2)), "float16[1] [9]"},
		{"integers past 2^53", pow, list(vector[int64](3, 10), vector[int64](39, 18)), "int64[2] [4052555153018976267 1000000000000000000]"},
		{"int32 wraps", pow, list(vector[int32](3), vector[int32](21)), "int32[1] [1870418611]"},
		{"int32 by float truncates", pow, list(vector[int32](2, 9), of([]int{2}, 0.5, 0.5)), "int32[2] [1 3]"},
		{"integers by a negative", pow, list(vector[int32](1, -1, 2), vector[int32](-3, -3, -3)), "int32[3] [1 -1 0]"},
	})
}

func TestMod(t *testing.T) {
	a, b := vector[int32](-4, 7, 5, 4, -7, 8), vector[int32](2, -3, 8, -2, 3, 5)
	examples(t, []example{
		{"the sign of the divisor", ir.Mod{}, list(a, b), "int32[6] [0 -2 5 0 2 3]"},
		{"the sign of the dividend", ir.Mod{Fmod: true}, list(a, b), "int32[6] [0 1 5 0 -1 3]"},
		{"floats", ir.Mod{Fmod: true}, list(of([]int{4}, -4.3, 7.2, 5, 1), of([]int{4}, 2.1, -3.4, 8, 0)), "float32[4] [-0.1 0.4 5 NaN]"},
		{"float16", ir.Mod{Fmod: true}, list(halves(-4.5), halves(2)), "float16[1] [-0.5]"},
		{"uint64", ir.Mod{}, list(vector[uint64](math.MaxUint64), vector[uint64](10)), "uint64[1] [5]"},
		{"int8", ir.Mod{}, list(vector[int8](-128), vector[int8](3)), "int8[1] [1]"},
	})
	refusals(t, []refusal{{"floats like integers", ir.Mod{}, list(count(1), count(1)), "attribute fmod is 0, and input 0 (A) is float32"}})
}

func TestComparisonsAndLogic(t *testing.T) {
	f := func(name string) ir.Operator { return ir.Binary{Func: name} }
	u, v := vector[uint64](1, math.MaxUint64, 5), vector[uint64](math.MaxUint64, 1, 5)
	x, y := vector(1, nan, 3, -inf), vector(2, nan, 3, inf)
	a, b := vector(true, true, false, false), vector(true, false, true, false)
	examples(t, []example{
		{"less of uint64", f("Less"), list(u, v), "bool[3] [true false false]"},
		{"greater of uint64", f("Greater"), list(u, v), "bool[3] [false true false]"},
		{"less or equal of uint64", f("LessOrEqual"), list(u, v), "bool[3] [true false true]"},
		{"greater or equal of uint64", f("GreaterOrEqual"), list(u, v), "bool[3] [false true true]"},
		{"int64 past 2^53", f("Equal"), list(vector[int64](1<<53), vector[int64](1<<53+1)), "bool[1] [false]"},
		{"NaN equals nothing", f("Equal"), list(x, y), "bool[4] [false false true false]"},
		{"NaN is not less", f("Less"), list(x, y), "bool[4] [true false false true]"},
		{"NaN is not less or equal", f("LessOrEqual"), list(x, y), "bool[4] [true false true true]"},
		{"NaN is not greater or equal", f("GreaterOrEqual"), list(x, y), "bool[4] [false false true false]"},
		{"float16", f("Greater"), list(halves(1, 2), halves(2, 1)), "bool[2] [false true]"},
		{"equal strings", f("Equal"), list(vector("a", "b"), scalar("b")), "bool[2] [false true]"},
		{"equal bools", f("Equal"), list(a, b), "bool[4] [true false false true]"},
		{"and", f("And"), list(a, b), "bool[4] [true false false false]"},
		{"or", f("Or"), list(a, b), "bool[4] [true true true false]"},
		{"xor", f("Xor"), list(a, b), "bool[4] [false true true false]"},
		{"bitwise and", f("BitwiseAnd"), list(vector[int8](-1, 6), vector[int8](5)), "int8[2] [5 4]"},
		{"bitwise or", f("BitwiseOr"), list(vector[uint16](0x0f00), vector[uint16](0xf0)), "uint16[1] [4080]"},
		{"bitwise xor", f("BitwiseXor"), list(vector[uint64](math.MaxUint64), vector[uint64](1)), "uint64[1] [18446744073709551614]"},
		{"shift left", ir.BitShift{Left: true}, list(vector[uint8](16, 4, 129), vector[uint8](1, 9, 1)), "uint8[3] [32 0 2]"},
		{"shift right", ir.BitShift{}, list(vector[uint64](1<<63, 4), vector[uint64](63, 64)), "uint64[2] [1 0]"},
	})
	refusals(t, []refusal{{"shift of signed", ir.BitShift{}, list(vector[int32](1), vector[int32](1)), "supported is an unsigned integer type"}})
}

func TestFunctionsOfManyInputs(t *testing.T) {
	f := func(name string) ir.Operator { return ir.Variadic{Func: name} }
	examples(t, []example{
		{"max", f("Max"), list(of([]int{2, 1}, 1, 5), of([]int{2}, 3, 4), scalar[float32](2)), "float32[2×2] [3 4 5 5]"},
		{"max of NaN", f("Max"), list(vector(nan, 1), vector(1, nan)), "float64[2] [NaN NaN]"},
		{"min of NaN", f("Min"), list(halves(nan, 1), halves(1, -1)), "float16[2] [NaN -1]"},
		{"max of uint64", f("Max"), list(vector[uint64](1), vector[uint64](math.MaxUint64), vector[uint64](7)), "uint64[1] [18446744073709551615]"},
		{"min of int8", f("Min"), list(vector[int8](1, -7), vector[int8](-1, 7)), "int8[2] [-1 -7]"},
		{"min of one", f("Min"), list(vector[int64](3)), "int64[1] [3]"},
		{"sum", f("Sum"), list(halves(1, 2), halves(3), halves(0.5)), "float16[2] [4.5 5.5]"},
		{"mean", f("Mean"), list(of([]int{2}, 1, 2), of([]int{2}, 2, 4), of([]int{1}, 3)), "float32[2] [2 3]"},
		{"where", ir.Where{}, list(must(tensor.Of([]bool{true, false}, 2, 1)), vector("a", "b"), scalar("z")), `string[2×2] ["a" "b" "z" "z"]`},
		{"where of complex numbers", ir.Where{}, list(vector(true), vector[complex64](1), vector[complex64](2)), "complex64[1]"},
		{"where of uint8", ir.Where{}, list(vector(true, false), vector[uint8](1, 2), vector[uint8](3, 4)), "uint8[2] [1 4]"},
	})
	refusals(t, []refusal{
		{"no inputs", f("Max"), nil, "input 0 is missing"},
		{"an absent input", f("Max"), list(count(1), nil), "input 1 (data_1) is missing"},
		{"two types", f("Max"), list(count(1), vector[int32](1)), "input 1 (data_1) is int32, and input 0 float32"},
		{"a sum of integers", f("Sum"), list(vector[int32](1)), "input 0 (data_0) is int32; supported is a float type"},
		{"shapes", f("Sum"), list(count(2), count(3)), "input 1 (data_1): shapes"},
		{"where by numbers", ir.Where{}, list(count(1), count(1), count(1)), "input 0 (condition) is float32; supported is bool"},
		{"where of two types", ir.Where{}, list(vector(true), count(1), vector[int32](1)), "input 2 (Y) is int32, and input 1 (X) float32"},
	})
}

// Operators before operator set 7 name the axis from which B broadcasts.
func TestAlign(t *testing.T) {
	a, b := count(2, 3, 4, 5), count(3, 4)
	examples(t, []example{
		{"in the middle", ir.Align{Axis: 1}, list(count(2, 3, 1), of([]int{3}, 7, 8, 9)), "float32[3×1] [7 8 9]"},
		{"from the end", ir.Align{Axis: -2}, list(count(2, 3, 1), of([]int{3}, 7, 8, 9)), "float32[3×1] [7 8 9]"},
		{"one element goes anywhere", ir.Align{Axis: 1}, list(count(2), of([]int{1}, 7)), "float32[1] [7]"},
		{"a scalar", ir.Align{Axis: 0}, list(count(2), scalar[int64](7)), "int64[] [7]"},
	})
	refusals(t, []refusal{
		{"past the rank", ir.Align{Axis: 3}, list(a, b), "input 1 (B) of shape [3×4] does not fit into [2×3×4×5] from axis 3 on"},
		{"far past the rank", ir.Align{Axis: math.MaxInt}, list(a, b), "does not fit"},
		{"before the start", ir.Align{Axis: -5}, list(a, b), "does not fit"},
	})
}
