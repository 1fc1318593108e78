package onnx_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func floatListAttr(name string, v ...float32) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.FloatsAttribute, Floats: v}
}

func stringListAttr(name string, v ...string) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.StringsAttribute, Strings: v}
}

// giving is a model whose node has n outputs, of which the first is the graph's.
func giving(n int, m *onnx.Model) *onnx.Model {
	for i := 1; i < n; i++ {
		m.Graph.Nodes[0].Outputs = append(m.Graph.Nodes[0].Outputs, string(rune('0'+i)))
	}
	return m
}

func training(m *onnx.Model) *onnx.Model {
	m.Opsets = append(m.Opsets, onnx.Opset{Domain: "ai.onnx.preview.training", Version: 1})
	m.Graph.Nodes[0].Domain = "ai.onnx.preview.training"
	return m
}

func TestSumsOfEveryOperatorSet(t *testing.T) {
	x, three := []string{"x"}, []string{"x", "x", "x"}
	functions := func(list ...ir.CellFunction) []ir.Direction {
		return []ir.Direction{{Functions: list}}
	}
	sigmoid, tanh := ir.CellFunction{Name: "Sigmoid"}, ir.CellFunction{Name: "Tanh"}
	lstm := ir.Recurrent{Cell: ir.LSTM, Hidden: 2, Directions: functions(sigmoid, tanh, tanh)}
	with := func(op ir.Recurrent, change func(*ir.Recurrent)) ir.Recurrent { change(&op); return op }
	hidden := intAttr("hidden_size", 2)
	for _, c := range []struct {
		name   string
		model  *onnx.Model
		op     ir.Operator
		inputs []any // constants from the second on
	}{
		{"Gemm at 6 broadcasts", single(6, "Gemm", three, intAttr("broadcast", 1), intAttr("transA", 1)), ir.Gemm{Alpha: 1, Beta: 1, TransA: true}, nil},
		{"Gemm at 11 may lack C", single(11, "Gemm", []string{"x", "x"}), ir.Gemm{Alpha: 1, Beta: 1}, nil},
		{"Einsum", single(12, "Einsum", x, stringAttr("equation", "abcd")), ir.Einsum{Equation: "abcd"}, nil},
		{"ReduceSum at 11", single(11, "ReduceSum", x, intsAttr("axes", -1), intAttr("keepdims", 0)), ir.Reduce{By: ir.ReduceSum}, []any{[]int64{-1}}},
		{"ReduceSum at 13", single(13, "ReduceSum", []string{"x", "axes"}, intAttr("noop_with_empty_axes", 1)), ir.Reduce{By: ir.ReduceSum, KeepDims: true, NoopWithEmptyAxes: true}, []any{[]int64{0}}},
		{"ReduceL2 at 13", single(13, "ReduceL2", x, intsAttr("axes", 1)), ir.Reduce{By: ir.ReduceL2, KeepDims: true}, []any{[]int64{1}}},
		{"ReduceL2 at 18", single(18, "ReduceL2", []string{"x", "axes"}), ir.Reduce{By: ir.ReduceL2, KeepDims: true}, []any{[]int64{0}}},
		{"ArgMax at 11", single(11, "ArgMax", x), ir.ArgExtreme{KeepDims: true}, nil},
		{"ArgMin at 12", single(12, "ArgMin", x, intAttr("axis", 1), intAttr("select_last_index", 1)), ir.ArgExtreme{Min: true, Axis: 1, KeepDims: true, SelectLast: true}, nil},
		{"TopK at 1", single(1, "TopK", x, intAttr("k", 3)), ir.TopK{Axis: -1}, []any{[]int64{3}}},
		{"TopK at 10", single(10, "TopK", []string{"x", "axes"}, intAttr("axis", 1)), ir.TopK{Axis: 1}, []any{[]int64{0}}},
		{"TopK at 24", single(24, "TopK", []string{"x", "axes"}, intAttr("largest", 0), intAttr("sorted", 0)), ir.TopK{Axis: -1, Smallest: true}, []any{[]int64{0}}},
		{"CumSum", single(14, "CumSum", []string{"x", "axes"}, intAttr("exclusive", 1), intAttr("reverse", 1)), ir.CumSum{Exclusive: true, Reverse: true}, []any{[]int64{0}}},
		{"LogSoftmax at 11 flattens", single(11, "LogSoftmax", x), ir.LogSoftmax{Axis: 1, Flatten: true}, nil},
		{"LogSoftmax at 13", single(13, "LogSoftmax", x), ir.LogSoftmax{Axis: -1}, nil},
		{"Hardmax at 1 flattens", single(1, "Hardmax", x, intAttr("axis", 2)), ir.Hardmax{Axis: 2, Flatten: true}, nil},
		{"Hardmax at 13", single(13, "Hardmax", x, intAttr("axis", 2)), ir.Hardmax{Axis: 2}, nil},
		{"LayerNormalization", single(17, "LayerNormalization", []string{"x", "six"}, intAttr("stash_type", 16)), ir.LayerNormalization{Axis: -1, Epsilon: 1e-5, Stash: tensor.BFloat16}, []any{[]float32{6}}},
		{"RMSNormalization", single(23, "RMSNormalization", []string{"x", "six"}, intAttr("axis", 2)), ir.RMSNormalization{Axis: 2, Epsilon: 1e-5, Stash: tensor.Float32}, []any{[]float32{6}}},
		{"GroupNormalization at 18", single(18, "GroupNormalization", three, intAttr("num_groups", 2)), ir.GroupNormalization{Groups: 2, Epsilon: 1e-5, PerGroup: true}, nil},
		{"GroupNormalization at 21", single(21, "GroupNormalization", three, intAttr("num_groups", 2), intAttr("stash_type", 1)), ir.GroupNormalization{Groups: 2, Epsilon: 1e-5}, nil},
		{"InstanceNormalization at 1", single(1, "InstanceNormalization", three, intsAttr("consumed_inputs", 0)), ir.InstanceNormalization{Epsilon: 1e-5}, nil},
		{"LpNormalization", single(1, "LpNormalization", x), ir.LpNormalization{Axis: -1, P: 2}, nil},
		{"LRN", single(1, "LRN", x, intAttr("size", 3), floatAttr("bias", 2)), ir.LRN{Alpha: 1e-4, Beta: 0.75, Bias: 2, Size: 3}, nil},
		{"MeanVarianceNormalization", single(9, "MeanVarianceNormalization", x), ir.MeanVarianceNormalization{Axes: []int64{0, 2, 3}}, nil},
		{"NegativeLogLikelihoodLoss", single(12, "NegativeLogLikelihoodLoss", []string{"x", "axes"}, intAttr("ignore_index", -1)), ir.NegativeLogLikelihoodLoss{Ignoring: ir.Ignoring{Label: -1, Set: true}}, []any{[]int64{0}}},
		{"SoftmaxCrossEntropyLoss", single(13, "SoftmaxCrossEntropyLoss", []string{"x", "axes"}, stringAttr("reduction", "none")), ir.SoftmaxCrossEntropyLoss{Averaging: ir.LossEach}, []any{[]int64{0}}},
		{"Attention at 23", single(23, "Attention", three, intAttr("is_causal", 1), intAttr("qk_matmul_output_mode", 1)), ir.Attention{Causal: true}, nil},
		{"Attention at 24 with scores", giving(4, single(24, "Attention", three, floatAttr("softcap", 2), intAttr("qk_matmul_output_mode", 1), intAttr("softmax_precision", 1))), ir.Attention{Softcap: 2, PadMask: true, Scores: ir.CappedScores}, nil},
		{"RotaryEmbedding", single(23, "RotaryEmbedding", three, intAttr("interleaved", 1), intAttr("rotary_embedding_dim", 4), intAttr("num_heads", 2)), ir.RotaryEmbedding{Heads: 2, Dim: 4, Interleaved: true}, nil},
		{"LSTM at 1", single(1, "LSTM", three, hidden, intAttr("output_sequence", 1)), lstm, nil},
		{"LSTM at 7", single(7, "LSTM", three, hidden, intAttr("input_forget", 1), floatAttr("clip", 3)), with(lstm, func(op *ir.Recurrent) { op.InputForget, op.Clip = true, 3 }), nil},
		{"LSTM at 14", single(14, "LSTM", three, hidden, intAttr("layout", 1), stringAttr("direction", "reverse")), with(lstm, func(op *ir.Recurrent) {
			op.BatchFirst = true
			op.Directions = []ir.Direction{{Reverse: true, Functions: []ir.CellFunction{sigmoid, tanh, tanh}}}
		}), nil},
		{"GRU both ways", single(22, "GRU", three, hidden, intAttr("linear_before_reset", 1), stringAttr("direction", "bidirectional")), ir.Recurrent{Cell: ir.GRU, Hidden: 2, LinearBeforeReset: true, Directions: []ir.Direction{
			{Functions: []ir.CellFunction{sigmoid, tanh}}, {Reverse: true, Functions: []ir.CellFunction{sigmoid, tanh}},
		}}, nil},
		{"parameters for the functions that have them", single(14, "GRU", three, hidden, stringListAttr("activations", "tanh", "HARDSIGMOID"), floatListAttr("activation_alpha", 0.3)),
			ir.Recurrent{Cell: ir.GRU, Hidden: 2, Directions: functions(tanh, ir.CellFunction{Name: "HardSigmoid", Alpha: 0.3, Beta: 0.5})}, nil},
		{"parameters for every function", single(14, "GRU", three, hidden, stringListAttr("activations", "Tanh", "Affine"), floatListAttr("activation_alpha", 9, 0.3), floatListAttr("activation_beta", 9, 0.4)),
			ir.Recurrent{Cell: ir.GRU, Hidden: 2, Directions: functions(tanh, ir.CellFunction{Name: "Affine", Alpha: 0.3, Beta: 0.4})}, nil},
		{"RNN", single(14, "RNN", three, hidden), ir.Recurrent{Cell: ir.RNN, Hidden: 2, Directions: functions(tanh)}, nil},
		{"DFT at 17", single(17, "DFT", x, intAttr("inverse", 1)), ir.DFT{Inverse: true}, []any{nil, []int64{1}}},
		{"DFT at 20", single(20, "DFT", []string{"x", "", "axes"}, intAttr("onesided", 1)), ir.DFT{OneSided: true}, []any{nil, []int64{0}}},
		{"HannWindow", single(17, "HannWindow", x, intAttr("periodic", 0), intAttr("output_datatype", 11)), ir.CosineWindow{Name: ir.Hann, DType: tensor.Float64}, nil},
		{"BlackmanWindow", single(17, "BlackmanWindow", x), ir.CosineWindow{Name: ir.Blackman, Periodic: true, DType: tensor.Float32}, nil},
		{"MelWeightMatrix", single(17, "MelWeightMatrix", x), ir.MelWeightMatrix{DType: tensor.Float32}, nil},
		{"Adam", training(single(12, "Adam", x, floatAttr("epsilon", 0.5))), ir.Optimizer{Rule: ir.Adam, Alpha: 0.9, Beta: 0.999, Epsilon: 0.5}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := read(t, c.model)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Nodes[0].Op; !reflect.DeepEqual(got, c.op) {
				t.Errorf("operator\n %#v, want\n %#v", got, c.op)
			}
			if c.inputs == nil {
				return
			}
			if got := constants(g, g.Nodes[0]); !reflect.DeepEqual(got, c.inputs) {
				t.Errorf("inputs %v, want %v", got, c.inputs)
			}
		})
	}
}

func TestWhatSumsAreNotRead(t *testing.T) {
	x := []string{"x"}
	hidden := intAttr("hidden_size", 2)
	for _, c := range []struct {
		model *onnx.Model
		wants string
	}{
		{single(9, "Gemm", []string{"x", "x"}), "2 inputs in operator set 9, want 3"},
		{single(7, "Gemm", []string{"x", "x", "x"}, intAttr("broadcast", 1)), `"broadcast"`},
		{single(11, "ArgMax", x, intAttr("select_last_index", 1)), `"select_last_index"`},
		{single(9, "TopK", x), `"k" is missing`},
		{single(10, "TopK", x, intAttr("largest", 0)), `"largest"`},
		{single(13, "LSTM", x, hidden, intAttr("layout", 1)), `"layout"`},
		{single(14, "LSTM", x, hidden, stringListAttr("activations", "Tanh")), "1 functions, want 3"},
		{single(14, "RNN", x, hidden, stringListAttr("activations", "Sine")), `"Sine"`},
		{single(14, "RNN", x), `"hidden_size" is missing`},
		{single(24, "Attention", x, intAttr("qk_matmul_output_mode", 4)), "want 0 to 3"},
		{single(13, "SoftmaxCrossEntropyLoss", x, stringAttr("reduction", "most")), `"most"`},
		{training(single(12, "Gradient", x)), "Gradient is not supported"},
	} {
		_, err := read(t, c.model)
		if err == nil {
			t.Errorf("%s was read, want %q", c.model.Graph.Nodes[0].OpType, c.wants)
		} else if !contains(err, c.wants) {
			t.Errorf("%q does not say %q", err, c.wants)
		}
	}
}

func contains(err error, part string) bool { return strings.Contains(err.Error(), part) }
