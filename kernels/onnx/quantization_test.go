package onnx_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestQuantizationOfEveryOperatorSet(t *testing.T) {
	x, two := floats([]int{1, 2}, 3, 5), floats(nil, 2)
	bytes := over([]uint8{1, 3}, 1, 2)
	scales, zeros := floats([]int{2}, 1, 2), over([]uint8{0, 1}, 2)
	calls(t, callCases{
		{"QuantizeLinear at 10", call{opset: 10, op: "QuantizeLinear", inputs: inputs(x, two, over([]uint8{1}))}, "uint8[1×2] [3 3]"},
		{"QuantizeLinear at 13", call{opset: 13, op: "QuantizeLinear", inputs: inputs(x, scales, zeros)}, "uint8[1×2] [3 3]"},
		{"QuantizeLinear at 19 may not saturate", call{opset: 19, op: "QuantizeLinear", inputs: inputs(floats(nil, 1e6), two, over([]tensor.E4M3FN{0})), attributes: attrs(intAttr("saturate", 0))}, "float8e4m3fn[] [NaN]"},
		{"QuantizeLinear at 21", call{opset: 21, op: "QuantizeLinear", inputs: inputs(x, floats([]int{1, 1}, 2)), attributes: attrs(intAttr("block_size", 2), intAttr("output_dtype", int64(onnx.Int4)))}, "int4[1×2] [2 2]"},
		{"QuantizeLinear at 23", call{opset: 23, op: "QuantizeLinear", inputs: inputs(floats(nil, 3.4999), floats(nil, 1)), attributes: attrs(intAttr("precision", int64(onnx.Float16)), intAttr("output_dtype", 0))}, "uint8[] [4]"},
		{"DequantizeLinear at 10", call{opset: 10, op: "DequantizeLinear", inputs: inputs(bytes, two)}, "float32[1×2] [2 6]"},
		{"DequantizeLinear at 13", call{opset: 13, op: "DequantizeLinear", inputs: inputs(bytes, scales, zeros), attributes: attrs(intAttr("axis", -1))}, "float32[1×2] [1 4]"},
		{"DequantizeLinear at 21", call{opset: 21, op: "DequantizeLinear", inputs: inputs(bytes, floats([]int{1, 1}, 3)), attributes: attrs(intAttr("block_size", 2))}, "float32[1×2] [3 9]"},
		{"DequantizeLinear at 23", call{opset: 23, op: "DequantizeLinear", inputs: inputs(bytes, two), attributes: attrs(intAttr("output_dtype", int64(onnx.Float16)))}, "float16[1×2] [2 6]"},
		{"DynamicQuantizeLinear", call{opset: 11, op: "DynamicQuantizeLinear", inputs: inputs(floats([]int{2}, 0, 255)), outputs: 3}, "uint8[2] [0 255], float32[] [1], uint8[] [0]"},
	})
}

// Values are 0.5·(q − 1) on the way in and 0.25·(q − 2) on the way out.
func TestQuantizedOperatorsOfONNXRuntime(t *testing.T) {
	ms := func(op string, in []*tensor.Tensor, a ...onnx.Attribute) call {
		return call{domain: "com.microsoft", opset: 1, op: op, inputs: in, attributes: a}
	}
	u := func(v ...uint8) *tensor.Tensor { return over(v, len(v)) }
	scalar := func(v uint8) *tensor.Tensor { return over([]uint8{v}) }
	half, quarter, one, two := floats(nil, 0.5), floats(nil, 0.25), scalar(1), scalar(2)
	a := inputs(u(1, 3, 9), half, one) // 0, 1, 4
	picture := over([]uint8{1, 3, 5, 9}, 1, 1, 2, 2)
	with := func(more ...*tensor.Tensor) []*tensor.Tensor {
		return append(append([]*tensor.Tensor{}, a...), more...)
	}
	calls(t, callCases{
		// 0+1, 1+1, 4+1 are 2+4·1 and so on.
		{"QLinearAdd", ms("QLinearAdd", with(scalar(3), half, one, quarter, two)), "uint8[3] [6 10 22]"},
		{"QLinearMul", ms("QLinearMul", with(scalar(5), half, one, quarter, two)), "uint8[3] [2 10 34]"},
		{"QLinearAdd without zero points", ms("QLinearAdd", inputs(over([]int8{2, -4}, 2), half, nil, over([]int8{2}), half, nil, quarter)), "int8[2] [8 -4]"},
		// 0.5, 0.7311 and 0.982 by quarters: 2 and the ties to even 2.92 and 3.93.
		{"QLinearSigmoid", ms("QLinearSigmoid", with(quarter, two)), "uint8[3] [4 5 6]"},
		{"QLinearLeakyRelu", ms("QLinearLeakyRelu", inputs(over([]int8{-3, 3}, 2), half, over([]int8{1}), quarter, over([]int8{2})), floatAttr("alpha", 0.5)), "int8[2] [-2 6]"},
		{"QLinearSoftmax", ms("QLinearSoftmax", inputs(over([]uint8{1, 1, 1, 1}, 2, 2), half, one, quarter, two), intAttr("opset", 13), intAttr("axis", -1)), "uint8[2×2] [4 4 4 4]"},
		{"QLinearSoftmax before 13", ms("QLinearSoftmax", inputs(over([]uint8{1, 1, 1, 1}, 1, 2, 2), half, one, quarter, two), intAttr("opset", 12), intAttr("axis", 1)), "uint8[1×2×2] [3 3 3 3]"},
		{"QLinearConcat", ms("QLinearConcat", inputs(quarter, two, u(1, 3), half, one, u(4), floats(nil, 1), scalar(3)), intAttr("axis", 0)), "uint8[3] [2 6 6]"},
		// (0 + 1 + 2 + 4)/4.
		{"QLinearAveragePool", ms("QLinearAveragePool", inputs(picture, half, one, quarter, two), intsAttr("kernel_shape", 2, 2)), "uint8[1×1×1×1] [9]"},
		{"QLinearGlobalAveragePool", ms("QLinearGlobalAveragePool", inputs(picture, half, one, quarter, two)), "uint8[1×1×1×1] [9]"},
		{"QuantizeLinear", ms("QuantizeLinear", inputs(floats([]int{2}, 1, 2), half, over([]uint16{7}))), "uint16[2] [9 11]"},
		{"DequantizeLinear", ms("DequantizeLinear", inputs(over([]int16{9, 11}, 1, 2), floats([]int{2}, 1, 2), over([]int16{7, 7}, 2)), intAttr("axis", 1)), "float32[1×2] [2 8]"},
		// (0, 2, 8)·(1, 2, 3) = 28.
		{"MatMulIntegerToFloat", ms("MatMulIntegerToFloat", inputs(over([]uint8{1, 3, 9}, 1, 3), over([]uint8{1, 2, 3}, 3, 1), half, floats([]int{1}, 3), one)), "float32[1×1] [42]"},
		{"MatMulIntegerToFloat with columns and a bias", ms("MatMulIntegerToFloat", inputs(over([]uint8{1, 3}, 1, 2), over([]int8{1, 2, 3, 4}, 2, 2), half, floats([]int{2}, 2, 20), one, over([]int8{1, 1}, 2), floats([]int{2}, 0.5, 1))), "float32[1×2] [4.5 61]"},
		// A is quantized by 255/255 from 0.
		{"DynamicQuantizeMatMul", ms("DynamicQuantizeMatMul", inputs(floats([]int{1, 2}, 0, 255), over([]int8{1, 2, 3, 4}, 2, 2), half, over([]int8{1}), floats([]int{2}, 1, 2))), "float32[1×2] [256 384.5]"},
		{"QGemm", ms("QGemm", inputs(over([]uint8{1, 3}, 1, 2), half, one, over([]int8{1, 2, 3, 4}, 2, 2), half, over([]int8{0}), over([]int32{1}, 1), quarter, two), intAttr("transB", 1)), "uint8[1×2] [7 11]"},
	})
	for want, c := range map[string]call{
		`"channels_last" is 1`:  ms("QLinearGlobalAveragePool", inputs(picture, half, one, quarter, two), intAttr("channels_last", 1)),
		"three for each tensor": ms("QLinearConcat", inputs(quarter, two, u(1), half), intAttr("axis", 0)),
		`"opset" is missing`:    ms("QLinearSoftmax", with(quarter, two)),
		"8":                     ms("QLinearAdd", with(one, half, one, half, one, one)),
	} {
		if _, err := c.run(t, func(int) bool { return false }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
