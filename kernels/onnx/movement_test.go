package onnx_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestEveryOperatorSetOfMovementGivesTheNewestForm(t *testing.T) {
	x := []string{"x"}
	zero, err := tensor.New(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	two := func(m *onnx.Model) *onnx.Model {
		m.Graph.Nodes[0].Outputs = append(m.Graph.Nodes[0].Outputs, "z")
		m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Name: "z"})
		return m
	}
	for _, c := range []struct {
		name   string
		model  *onnx.Model
		op     ir.Operator
		inputs []any
	}{
		{"Slice at 1 has attributes", single(1, "Slice", x, intsAttr("starts", 0), intsAttr("ends", 2), intsAttr("axes", 1)), ir.Slice{}, []any{[]int64{0}, []int64{2}, []int64{1}}},
		{"Slice at 9 may lack axes", single(9, "Slice", x, intsAttr("starts", 0), intsAttr("ends", 2)), ir.Slice{}, []any{[]int64{0}, []int64{2}}},
		{"Slice at 10 has inputs", single(10, "Slice", []string{"x", "axes", "axes"}), ir.Slice{}, []any{[]int64{0}, []int64{0}}},
		{"Split at 1", two(single(1, "Split", x, intsAttr("split", 3, 5), intAttr("axis", 1))), ir.Split{Axis: 1, Parts: 2}, []any{[]int64{3, 5}}},
		{"Split at 1 by an input", single(1, "Split", []string{"x", "axes"}), ir.Split{Parts: 1}, []any{[]int64{0}}},
		{"Split at 2 evenly", two(single(2, "Split", x, intAttr("axis", 1))), ir.Split{Axis: 1, Parts: 2}, []any{}},
		{"Split at 13", single(13, "Split", []string{"x", "axes"}), ir.Split{Parts: 1}, []any{[]int64{0}}},
		{"Split at 18", two(single(18, "Split", x, intAttr("num_outputs", 2))), ir.Split{Parts: 2}, []any{}},
		{"Concat at 1 is of columns", single(1, "Concat", x), ir.Concat{Axis: 1}, []any{}},
		{"Pad at 1", single(1, "Pad", x, intsAttr("paddings", 0, 1), floatAttr("value", 6)), ir.Pad{}, []any{[]int64{0, 1}, []float32{6}}},
		{"Pad at 2", single(2, "Pad", x, intsAttr("pads", 0, 1), stringAttr("mode", "edge")), ir.Pad{Mode: ir.PadEdge}, []any{[]int64{0, 1}, []float32{0}}},
		{"Pad at 11", single(11, "Pad", []string{"x", "axes"}, stringAttr("mode", "reflect")), ir.Pad{Mode: ir.PadReflect}, []any{[]int64{0}}},
		{"Pad at 19 wraps", single(19, "Pad", []string{"x", "axes", "", "axes"}, stringAttr("mode", "wrap")), ir.Pad{Mode: ir.PadWrap}, []any{[]int64{0}, nil, []int64{0}}},
		{"Tile at 1", single(1, "Tile", []string{"x", "six", "axes"}), ir.TileAlong{}, []any{[]float32{6}, []int64{0}}},
		{"Tile at 6", single(6, "Tile", []string{"x", "axes"}), ir.Tile{}, []any{[]int64{0}}},
		{"Reshape at 1", single(1, "Reshape", x, intsAttr("shape", 0, -1), intsAttr("consumed_inputs", 0)), ir.Reshape{}, []any{[]int64{0, -1}}},
		{"Scatter at 9", single(9, "Scatter", []string{"x", "axes", "six"}, intAttr("axis", 1)), ir.ScatterElements{Axis: 1}, []any{[]int64{0}, []float32{6}}},
		{"ScatterElements at 16", single(16, "ScatterElements", []string{"x", "axes", "six"}, stringAttr("reduction", "mul")), ir.ScatterElements{Reduction: ir.ScatterMul}, []any{[]int64{0}, []float32{6}}},
		{"ScatterND at 18", single(18, "ScatterND", []string{"x", "axes", "six"}, stringAttr("reduction", "min")), ir.ScatterND{Reduction: ir.ScatterMin}, []any{[]int64{0}, []float32{6}}},
		{"OneHot at 9", single(9, "OneHot", []string{"x", "axes", "six"}), ir.OneHot{Axis: -1, PositiveOnly: true}, []any{[]int64{0}, []float32{6}}},
		{"OneHot at 11", single(11, "OneHot", []string{"x", "axes", "six"}, intAttr("axis", 0)), ir.OneHot{}, []any{[]int64{0}, []float32{6}}},
		{"GatherND at 11", single(11, "GatherND", []string{"x", "axes"}), ir.GatherND{}, []any{[]int64{0}}},
		{"GatherND at 12", single(12, "GatherND", []string{"x", "axes"}, intAttr("batch_dims", 1)), ir.GatherND{BatchDims: 1}, []any{[]int64{0}}},
		{"DepthToSpace at 1", single(1, "DepthToSpace", x, intAttr("blocksize", 2)), ir.DepthToSpace{Block: 2}, []any{}},
		{"DepthToSpace at 13", single(13, "DepthToSpace", x, intAttr("blocksize", 2), stringAttr("mode", "CRD")), ir.DepthToSpace{Block: 2, ColumnRow: true}, []any{}},
		{"ConstantOfShape of zeros", single(9, "ConstantOfShape", x), ir.ConstantOfShape{Value: zero}, []any{}},
		{"EyeLike of a type", single(9, "EyeLike", x, intAttr("dtype", 11), intAttr("k", 1)), ir.EyeLike{DType: tensor.Float64, K: 1}, []any{}},
		{"Unique", single(11, "Unique", x, intAttr("sorted", 0), intAttr("axis", -1)), ir.Unique{Axis: -1, HasAxis: true}, []any{}},
		{"Compress of elements", single(9, "Compress", []string{"x", "true"}), ir.Compress{}, nil},
		{"TensorScatter at 24", single(24, "TensorScatter", []string{"x", "w"}, stringAttr("mode", "circular")), ir.TensorScatter{Axis: -2, Circular: true}, nil},
		{"CenterCropPad at 18", single(18, "CenterCropPad", []string{"x", "axes"}, intsAttr("axes", 1)), ir.CenterCropPad{Axes: []int64{1}}, []any{[]int64{0}}},
		{"StringSplit at 20", single(20, "StringSplit", x, stringAttr("delimiter", ","), intAttr("maxsplit", 2)), ir.StringSplit{Delimiter: ",", MaxSplit: 2}, []any{}},
		{"StringNormalizer at 10", single(10, "StringNormalizer", x, stringAttr("case_change_action", "LOWER")), ir.StringNormalizer{Case: ir.LowerCase, Locale: "en_US"}, []any{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := read(t, c.model)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Nodes[0].Op; !reflect.DeepEqual(got, c.op) {
				t.Errorf("got %#v, want %#v", got, c.op)
			}
			if c.inputs == nil {
				return
			}
			if got := constants(g, g.Nodes[0]); !reflect.DeepEqual(got, c.inputs) {
				t.Errorf("constant inputs: got %v, want %v", got, c.inputs)
			}
		})
	}
}

func TestWhatAnOperatorSetOfMovementLacksIsRefused(t *testing.T) {
	for _, c := range []struct {
		model *onnx.Model
		wants string
	}{
		{single(18, "Pad", []string{"x", "axes"}, stringAttr("mode", "wrap")), "supported are constant, reflect, edge"},
		{single(16, "ScatterND", []string{"x", "axes", "six"}, stringAttr("reduction", "max")), "supported are none, add, mul"},
		{single(13, "ScatterND", []string{"x", "axes", "six"}, stringAttr("reduction", "add")), "reduction"},
		{single(18, "Split", []string{"x"}, intAttr("num_outputs", 3)), "3 for 1 outputs"},
		{single(11, "Concat", []string{"x"}), "axis"},
		{single(9, "Slice", []string{"x"}), "starts"},
		{single(13, "Optional", nil), "type"},
		{single(13, "SpaceToDepth", []string{"x"}), "blocksize"},
		{single(13, "Loop", []string{"", ""}), "body"},
		{single(13, "Scan", []string{"x"}), "num_scan_inputs"},
		{single(20, "Trilu", []string{"x"}, intAttr("upper", 2)), "upper"},
	} {
		if _, err := read(t, c.model); err == nil || !strings.Contains(err.Error(), c.wants) {
			t.Errorf("%s: %v, want %q", c.model.Graph.Nodes[0].OpType, err, c.wants)
		}
	}
}
