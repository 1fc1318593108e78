package reference_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestQuantizeLinear(t *testing.T) {
	op := ir.QuantizeLinear{Grain: ir.Grain{Axis: 1}, Saturate: true}
	with := func(f func(*ir.QuantizeLinear)) ir.QuantizeLinear {
		out := op
		f(&out)
		return out
	}
	f8 := func(d tensor.DType) *tensor.Tensor { return valued(d, nil, 0) }
	two := scalar[float32](2)
	examples(t, []example{
		// x/2 + 128, where the ties 0.5, 1.5 and 2.5 go to the even 0, 2 and 2.
		{"ties go to even", op, list(of([]int{6}, 1, 3, 5, -1, -3, -5), two, scalar[uint8](128)), "uint8[6] [128 130 130 128 126 126]"},
		{"what lies outside is cut off", op, list(of([]int{4}, 300, -300, float32(inf), float32(-inf)), two, scalar[uint8](128)), "uint8[4] [255 0 255 0]"},
		{"int8", op, list(of([]int{4}, 254, 256, -256, -300), two, scalar[int8](1)), "int8[4] [127 127 -127 -128]"},
		{"no zero point", op, list(of([]int{2}, 4, -1), two), "uint8[2] [2 0]"},
		{"a type of its own", with(func(q *ir.QuantizeLinear) { q.To = tensor.Int16 }), list(of([]int{2}, 1e6, -4), two), "int16[2] [32767 -2]"},
		{"uint16", op, list(of([]int{2}, 131068, 1e6), two, scalar[uint16](1)), "uint16[2] [65535 65535]"},
		{"int4", op, list(of([]int{4}, -20, -4, 4, 20), two, vector[tensor.I4](1)), "int4[4] [-8 -1 3 7]"},
		{"uint4", op, list(of([]int{3}, -20, 4, 40), two, scalar[tensor.U4](1)), "uint4[3] [0 3 15]"},
		{"float8e4m3fn", op, list(of([]int{4}, 0, 1, 2, 1e5), two, f8(tensor.Float8E4M3FN)), "float8e4m3fn[4] [0 0.5 1 448]"},
		{"float8e5m2, not saturated", with(func(q *ir.QuantizeLinear) { q.Saturate = false }), list(of([]int{2}, 1, 1e6), two, f8(tensor.Float8E5M2)), "float8e5m2[2] [0.5 +Inf]"},
		{"float4e2m1", op, list(of([]int{4}, 1, -3, 100, 5), two, f8(tensor.Float4E2M1)), "float4e2m1[4] [0.5 -1.5 6 2]"},
		{"int32", op, list(vector[int32](3, -3), two, scalar[int8](0)), "int8[2] [2 -2]"},
		{"along an axis", op, list(of([]int{1, 2, 2}, 10, 20, 10, 20), of([]int{2}, 2, 5), vector[uint8](0, 100)), "uint8[1×2×2] [5 10 102 104]"},
		{"along the first axis", with(func(q *ir.QuantizeLinear) { q.Axis = -2 }), list(of([]int{2, 2}, 10, 20, 10, 20), of([]int{2}, 2, 5)), "uint8[2×2] [5 10 2 4]"},
		// Blocks of 2 along 3 columns: the second of each row has one.
		{"in blocks", with(func(q *ir.QuantizeLinear) { q.Block = 2 }),
			list(of([]int{2, 3}, 6, 8, 6, 6, 8, 6), of([]int{2, 2}, 1, 2, 3, 4), must(tensor.Of([]uint8{0, 10, 20, 30}, 2, 2))),
			"uint8[2×3] [6 8 13 22 23 32]"},
		{"in blocks of rows", with(func(q *ir.QuantizeLinear) { q.Block, q.Axis = 2, 0 }),
			list(of([]int{3, 2}, 6, 6, 8, 8, 6, 6), of([]int{2, 2}, 1, 2, 3, 6)), "uint8[3×2] [6 3 8 4 2 1]"},
		{"float16", op, list(halves(5), halves(2), scalar[uint8](0)), "uint8[1] [2]"},
		// 3.4999 in a float16 is the tie 3.5.
		{"in half precision a quotient becomes a tie", with(func(q *ir.QuantizeLinear) { q.Precision = tensor.Float16 }), list(of([]int{1}, 3.4999), scalar[float32](1)), "uint8[1] [4]"},
		{"in single precision it does not", op, list(of([]int{1}, 3.4999), scalar[float32](1)), "uint8[1] [3]"},
		{"a scale that is a power of two", op, list(of([]int{2}, 3, -3), valued(tensor.Float8E8M0, nil, 0.5), scalar[int8](0)), "int8[2] [6 -6]"},
		{"of nothing", op, list(of([]int{0}), two), "uint8[0] []"},
	})
	refusals(t, []refusal{
		{"a scale of integers", op, list(count(2), scalar[int32](1)), "input 1 (y_scale) is int32"},
		{"a zero point of floats", op, list(count(2), two, two), "input 2 (y_zero_point) is float32"},
		{"two types", with(func(q *ir.QuantizeLinear) { q.To = tensor.Int8 }), list(count(2), two, scalar[uint8](0)), "attribute output_dtype is int8, and input 2 (y_zero_point) uint8"},
		{"a wide type", with(func(q *ir.QuantizeLinear) { q.To = tensor.Int32 }), list(count(2), two), "attribute output_dtype is int32"},
		{"another number of scales", op, list(count(2, 2), count(3)), "input 1 (y_scale) has shape [3], want a scalar or [2]"},
		{"past the rank", op, list(count(2), count(2)), "attribute axis: axis 1"},
		{"scale and zero point apart", op, list(count(2, 2), count(2), scalar[uint8](0)), "input 2 (y_zero_point) has shape [], and input 1 (y_scale) [2]"},
		{"blocks that do not fit", with(func(q *ir.QuantizeLinear) { q.Block = 2 }), list(count(2, 3), count(2, 3)), "want [2×2] for blocks of 2"},
		{"blocks of less than nothing", with(func(q *ir.QuantizeLinear) { q.Block = -1 }), list(count(2, 3), count(2, 3)), "attribute block_size is -1"},
		{"scales of a matrix", op, list(count(2, 2), count(2, 2)), "input 1 (y_scale) has shape [2×2]"},
	})
}

func TestDequantizeLinear(t *testing.T) {
	op := ir.DequantizeLinear{Grain: ir.Grain{Axis: 1}}
	two := scalar[float32](2)
	examples(t, []example{
		{"uint8", op, list(vector[uint8](0, 3, 128, 255), two, scalar[uint8](128)), "float32[4] [-256 -250 0 254]"},
		{"int8 without a zero point", op, list(vector[int8](-128, 127), two), "float32[2] [-256 254]"},
		{"int32", op, list(vector[int32](-1000000, 7), two), "float32[2] [-2e+06 14]"},
		{"uint16", op, list(vector[uint16](65535), two, scalar[uint16](32767)), "float32[1] [65536]"},
		{"int4", op, list(vector[tensor.I4](-8, 7), two, scalar[tensor.I4](1)), "float32[2] [-18 12]"},
		{"float8e5m2", op, list(valued(tensor.Float8E5M2, []int{2}, 49152, -96), two), "float32[2] [98304 -192]"},
		{"float8e4m3fn to float16", op, list(valued(tensor.Float8E4M3FN, []int{2}, 448, -104), halves(2), valued(tensor.Float8E4M3FN, []int{1}, 0)), "float16[2] [896 -208]"},
		{"float4e2m1", op, list(valued(tensor.Float4E2M1, []int{2}, -6, 0.5), two), "float32[2] [-12 1]"},
		{"to another type", ir.DequantizeLinear{To: tensor.Float16}, list(vector[uint8](3), two), "float16[1] [6]"},
		{"along an axis", op, list(must(tensor.Of([]uint8{3, 89, 34, 200}, 1, 2, 2)), of([]int{2}, 2, 4), vector[uint8](84, 24)), "float32[1×2×2] [-162 10 40 704]"},
		{"in blocks", ir.DequantizeLinear{Grain: ir.Grain{Axis: 1, Block: 2}},
			list(must(tensor.Of([]int8{1, 2, 3, 4, 5, 6}, 2, 3)), of([]int{2, 2}, 1, 10, 2, 20)), "float32[2×3] [1 2 30 8 10 120]"},
	})
	refusals(t, []refusal{
		{"floats", op, list(count(2), two), "input 0 (x) is float32"},
		{"another zero point", op, list(vector[uint8](1), two, scalar[int8](0)), "input 2 (x_zero_point) is int8, and input 0 (x) uint8"},
		{"to integers", ir.DequantizeLinear{To: tensor.Int8}, list(vector[uint8](1), two), "attribute output_dtype is int8"},
	})
}

func TestDynamicQuantizeLinear(t *testing.T) {
	op := ir.DynamicQuantizeLinear{}
	examples(t, []example{
		// The range is -3 … 2, the scale 5/255; 0 is at 153.
		{"a range around 0", op, list(of([]int{4}, 0, 2, -3, -2.5)), "uint8[4] [153 255 0 26], float32[] [0.019608], uint8[] [153]"},
		{"a range stretched down to 0", op, list(of([]int{2}, 51, 255)), "uint8[2] [51 255], float32[] [1], uint8[] [0]"},
		{"a range stretched up to 0", op, list(of([]int{2}, -255, -1)), "uint8[2] [0 254], float32[] [1], uint8[] [255]"},
		{"zeros", op, list(of([]int{2}, 0, 0)), "uint8[2] [0 0], float32[] [1], uint8[] [0]"},
		{"nothing", op, list(of([]int{0})), "uint8[0] [], float32[] [1], uint8[] [0]"},
	})
}

func TestProductsOfQuantizedMatrices(t *testing.T) {
	a := must(tensor.Of([]uint8{11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0}, 4, 3))
	b := must(tensor.Of([]uint8{1, 4, 2, 5, 3, 6}, 3, 2))
	u := func(v ...uint8) *tensor.Tensor { return vector(v...) }
	f := func(v ...float32) *tensor.Tensor { return vector(v...) }
	examples(t, []example{
		// The example of the specification: (A − 12)·B.
		{"integers", ir.MatMulInteger{}, list(a, b, u(12), u(0)), "int32[4×2] [-38 -83 -44 -98 -50 -113 -56 -128]"},
		{"integers without zero points", ir.MatMulInteger{}, list(vector[int8](-128, 127), vector[int8](-128, 1)), "int32[] [16511]"},
		// Rows (1−1, 2−1) and (3−3, 4−3) of columns (5−5, 7−5) and (6−6, 8−6).
		{"a zero point for each row and column", ir.MatMulInteger{},
			list(must(tensor.Of([]uint8{1, 2, 3, 4}, 2, 2)), must(tensor.Of([]int8{5, 6, 7, 8}, 2, 2)), u(1, 3), vector[int8](5, 6)),
			"int32[2×2] [2 2 2 2]"},
		{"one for each row of each matrix", ir.MatMulInteger{},
			list(must(tensor.Of([]uint8{1, 2, 3, 4}, 2, 2, 1)), must(tensor.Of([]uint8{1}, 1, 1)), must(tensor.Of([]uint8{1, 1, 1, 3}, 2, 2, 1))),
			"int32[2×2×1] [0 1 2 1]"},
		// 0.5·2·(0·1 + 1·3, 0·2 + 1·4) / 0.5 + 10 and so on, up to 255.
		{"quantized", ir.QLinearMatMul{}, list(must(tensor.Of([]uint8{1, 2, 3, 101}, 2, 2)), f(0.5), u(1), must(tensor.Of([]uint8{1, 2, 3, 4}, 2, 2)), f(2), u(0), f(0.5), u(10)),
			"uint8[2×2] [16 18 255 255]"},
		// The tie 2.5 goes to 2.
		{"quantized to int8, ties to even", ir.QLinearMatMul{}, list(vector[int8](5), f(0.5), vector[int8](0), vector[int8](1), f(1), vector[int8](0), f(1), vector[int8](-1)),
			"int8[] [1]"},
		{"a scale for each column", ir.QLinearMatMul{}, list(must(tensor.Of([]uint8{1, 1}, 1, 2)), halves(1), u(0), must(tensor.Of([]uint8{1, 2, 3, 4}, 2, 2)), halves(1, 0.5), u(0, 0), halves(1), u(0)),
			"uint8[1×2] [4 3]"},
		{"floats of 8 bits", ir.QLinearMatMul{}, list(valued(tensor.Float8E4M3FN, []int{1, 2}, 1.5, 2), f(1), valued(tensor.Float8E4M3FN, []int{1}, 0),
			valued(tensor.Float8E4M3FN, []int{2, 1}, 4, 300), f(1), valued(tensor.Float8E4M3FN, []int{1}, 0), f(1), valued(tensor.Float8E4M3FN, []int{1}, 0)),
			"float8e4m3fn[1×1] [448]"},
		// 0.5·2·3·(A·B' + C), where B' = (1 3; 2 4).
		{"general, as floats", ir.QGemm{Alpha: 3, TransB: true}, list(must(tensor.Of([]uint8{2, 3}, 1, 2)), f(0.5), u(1), must(tensor.Of([]int8{1, 2, 3, 4}, 2, 2)), f(2), vector[int8](0), vector[int32](0, 100)),
			"float32[1×2] [15 333]"},
		{"general, quantized, each column by itself", ir.QGemm{Alpha: 1, TransA: true}, list(must(tensor.Of([]uint8{2, 3}, 2, 1)), f(1), u(0), must(tensor.Of([]int8{1, 2, 3, 4}, 2, 2)), f(1, 10), vector[int8](0, 1), nil, f(2), u(5)),
			"uint8[1×2] [11 60]"},
	})
	refusals(t, []refusal{
		{"matrices that do not multiply", ir.MatMulInteger{}, list(a, a), "do not multiply"},
		{"floats", ir.MatMulInteger{}, list(count(1, 1), b), "input 0 (A) is float32; supported is int8 or uint8"},
		{"another zero point", ir.MatMulInteger{}, list(a, b, vector[int8](1)), "input 2 is int8"},
		{"zero points by column for A", ir.MatMulInteger{}, list(a, b, u(1, 2, 3)), "input 2 (a_zero_point) has shape [3], want a scalar, [4] or [4×1]"},
		{"zero points of a vector", ir.MatMulInteger{}, list(u(1, 2), u(1, 2), u(1, 2)), "input 2 (a_zero_point) has shape [2], want a scalar"},
		{"a scale of two for y", ir.QLinearMatMul{}, list(a, f(1), u(0), b, f(1), u(0), f(1, 2), u(0)), "input 6 (of y) has shape [2], want a scalar"},
		{"half an output's form", ir.QGemm{}, list(a, f(1), u(0), b, f(1), u(0), nil, f(1)), "only one is there"},
	})
}
