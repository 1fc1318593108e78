package onnx_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// single is a model of one node at an operator set, with input x [1×8×4×4],
// output y, and int64 and float32 initializers for other inputs by name.
func single(opset int64, op string, inputs []string, attributes ...onnx.Attribute) *onnx.Model {
	return &onnx.Model{
		IRVersion: 8,
		Opsets:    []onnx.Opset{{Version: opset}},
		Graph: onnx.Graph{
			Name:  "single",
			Nodes: []onnx.Node{{Name: "it", OpType: op, Inputs: inputs, Outputs: []string{"y"}, Attributes: attributes}},
			Initializers: []onnx.Tensor{
				{Name: "w", Type: onnx.Float, Dims: []int64{2, 8, 1, 1}, Floats: make([]float32, 16)},
				{Name: "axes", Type: onnx.Int64, Dims: []int64{1}, Int64s: []int64{0}},
				{Name: "six", Type: onnx.Float, Floats: []float32{6}},
				{Name: "false", Type: onnx.Bool, Raw: []byte{0}},
				{Name: "true", Type: onnx.Bool, Raw: []byte{1}},
				{Name: "half", Type: 10, Raw: []byte{0, 0}},
				{Name: "far", Type: onnx.Float, Dims: []int64{1}, External: true},
			},
			Inputs:  []onnx.ValueInfo{{Name: "x", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Symbol: "N"}, {Value: 8}, {Value: 4}, {Value: 4}}}}},
			Outputs: []onnx.ValueInfo{{Name: "y", TypeInfo: onnx.TypeInfo{Type: onnx.Float}}},
		},
	}
}

func intAttr(name string, v int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntAttribute, Int: v}
}

func intsAttr(name string, v ...int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntsAttribute, Ints: v}
}

func floatAttr(name string, v float32) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.FloatAttribute, Float: v}
}

func stringAttr(name, v string) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.StringAttribute, String: v}
}

func read(t testing.TB, m *onnx.Model) (*ir.Graph, error) {
	t.Helper()
	return onnx.Read(marshal(t, m), onnx.DefaultLimits)
}

// constants are the values of the node's inputs from the second on; nil for
// what is absent.
func constants(g *ir.Graph, n ir.Node) []any {
	list := []any{}
	for _, id := range n.Inputs[1:] {
		switch {
		case id == ir.NoValue:
			list = append(list, nil)
		case g.Values[id].Const.DType() == tensor.Int64:
			list = append(list, tensor.Data[int64](g.Values[id].Const))
		default:
			list = append(list, tensor.Data[float32](g.Values[id].Const))
		}
	}
	return list
}

// TestEveryOperatorSetGivesTheNewestForm reads what PyTorch writes at old and
// new operator sets.
func TestEveryOperatorSetGivesTheNewestForm(t *testing.T) {
	x := []string{"x"}
	window := ir.Window{Kernel: []int{3, 3}, Strides: []int{2, 2}, Pads: []int{1, 1, 1, 1}}
	windowAttrs := []onnx.Attribute{intsAttr("kernel_shape", 3, 3), intsAttr("strides", 2, 2), intsAttr("pads", 1, 1, 1, 1)}
	for _, c := range []struct {
		name   string
		model  *onnx.Model
		op     ir.Operator
		inputs []any
	}{
		{"Clip at 9 has attributes", single(9, "Clip", x, floatAttr("min", 0), floatAttr("max", 6)), ir.Clip{}, []any{[]float32{0}, []float32{6}}},
		{"Clip at 9 may lack a bound", single(9, "Clip", x, floatAttr("max", 6)), ir.Clip{}, []any{nil, []float32{6}}},
		{"Clip at 11 has inputs", single(11, "Clip", []string{"x", "", "six"}), ir.Clip{}, []any{nil, []float32{6}}},
		{"ReduceMean at 11 has attributes", single(11, "ReduceMean", x, intsAttr("axes", 2, 3), intAttr("keepdims", 0)), ir.Reduce{By: ir.ReduceMean}, []any{[]int64{2, 3}}},
		{"ReduceMean at 13 without axes", single(13, "ReduceMean", x), ir.Reduce{By: ir.ReduceMean, KeepDims: true}, []any{}},
		{"ReduceMean at 18 has inputs", single(18, "ReduceMean", []string{"x", "axes"}, intAttr("noop_with_empty_axes", 1)), ir.Reduce{By: ir.ReduceMean, KeepDims: true, NoopWithEmptyAxes: true}, []any{[]int64{0}}},
		{"Squeeze at 11", single(11, "Squeeze", x, intsAttr("axes", 0)), ir.Squeeze{}, []any{[]int64{0}}},
		{"Squeeze at 11 of all", single(11, "Squeeze", x), ir.Squeeze{}, []any{}},
		{"Squeeze at 13", single(13, "Squeeze", []string{"x", "axes"}), ir.Squeeze{}, []any{[]int64{0}}},
		{"Unsqueeze at 9", single(9, "Unsqueeze", x, intsAttr("axes", 0)), ir.Unsqueeze{}, []any{[]int64{0}}},
		{"Unsqueeze at 17", single(17, "Unsqueeze", []string{"x", "axes"}), ir.Unsqueeze{}, []any{[]int64{0}}},
		{"Softmax at 11 flattens", single(11, "Softmax", x), ir.Softmax{Axis: 1, Flatten: true}, []any{}},
		{"Softmax at 13 is along the last axis", single(13, "Softmax", x), ir.Softmax{Axis: -1}, []any{}},
		{"Dropout at 9", single(9, "Dropout", x, floatAttr("ratio", 0.2)), ir.Identity{}, []any{}},
		{"Dropout at 12 with a false training_mode", single(12, "Dropout", []string{"x", "six", "false"}), ir.Identity{}, []any{}},
		{"Reshape at 13", single(13, "Reshape", []string{"x", "axes"}), ir.Reshape{}, []any{[]int64{0}}},
		{"Reshape at 14 may allow zero", single(14, "Reshape", []string{"x", "axes"}, intAttr("allowzero", 1)), ir.Reshape{AllowZero: true}, []any{[]int64{0}}},
		{"Shape at 15 has a range", single(15, "Shape", x, intAttr("start", 1), intAttr("end", -1)), ir.Shape{Start: 1, End: -1, HasEnd: true}, []any{}},
		{"MaxPool", single(12, "MaxPool", x, append(windowAttrs, intAttr("ceil_mode", 1))...), ir.MaxPool{Window: window, CeilMode: true}, []any{}},
		{"AveragePool", single(11, "AveragePool", x, append(windowAttrs, intAttr("count_include_pad", 1))...), ir.AveragePool{Window: window, CountIncludePad: true}, []any{}},
		{"Conv", single(11, "Conv", []string{"x", "w"}, stringAttr("auto_pad", "SAME_LOWER"), intAttr("group", 1)), ir.Conv{Window: ir.Window{AutoPad: ir.PadSameLower}, Group: 1}, []any{make([]float32, 16)}},
		{"Gemm", single(13, "Gemm", []string{"x", "w"}, floatAttr("alpha", 2), intAttr("transB", 1)), ir.Gemm{Alpha: 2, Beta: 1, TransB: true}, []any{make([]float32, 16)}},
		{"Concat", single(13, "Concat", x, intAttr("axis", 1)), ir.Concat{Axis: 1}, []any{}},
		{"Flatten", single(13, "Flatten", x), ir.Flatten{Axis: 1}, []any{}},
		{"Gather", single(13, "Gather", []string{"x", "axes"}), ir.Gather{}, []any{[]int64{0}}},
		{"the domain by its long name", func() *onnx.Model {
			m := single(13, "Relu", x)
			m.Opsets[0].Domain, m.Graph.Nodes[0].Domain = "ai.onnx", "ai.onnx"
			return m
		}(), ir.Relu{}, []any{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := read(t, c.model)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Nodes[0].Op; !reflect.DeepEqual(got, c.op) {
				t.Errorf("got %#v, want %#v", got, c.op)
			}
			if got := constants(g, g.Nodes[0]); !reflect.DeepEqual(got, c.inputs) {
				t.Errorf("constant inputs: got %v, want %v", got, c.inputs)
			}
		})
	}
}

func TestWhatIsNotSupportedIsNamed(t *testing.T) {
	x := []string{"x"}
	for name, c := range map[string]struct {
		model *onnx.Model
		want  []string
	}{
		"operator":           {single(13, "Resized", x), []string{`node 0 (Resized "it")`, "operator Resized is not supported", "docs/operators.md"}},
		"attribute":          {single(13, "Relu", x, floatAttr("slope", 1)), []string{`Relu "it"`, `attribute "slope"`}},
		"newer attribute":    {single(11, "ReduceMean", x, intAttr("noop_with_empty_axes", 1)), []string{"noop_with_empty_axes", "operator set 11", "keepdims, axes"}},
		"attribute's type":   {single(13, "Concat", x, floatAttr("axis", 1)), []string{`"axis" is of type float, want int`}},
		"attribute twice":    {single(13, "Concat", x, intAttr("axis", 1), intAttr("axis", 1)), []string{"twice"}},
		"missing attribute":  {single(13, "Concat", x), []string{`"axis" is missing`}},
		"flag of 2":          {single(13, "Gemm", []string{"x", "w"}, intAttr("transA", 2)), []string{"transA", "0 or 1"}},
		"padding rule":       {single(13, "Conv", []string{"x", "w"}, stringAttr("auto_pad", "MIRROR")), []string{"auto_pad", "MIRROR", "SAME_UPPER"}},
		"two padding rules":  {single(13, "Conv", []string{"x", "w"}, stringAttr("auto_pad", "VALID"), intsAttr("pads", 1, 1, 1, 1)), []string{"contradict"}},
		"external data":      {single(13, "Add", []string{"x", "far"}), []string{`"far"`, "another file"}},
		"new operator set":   {single(99, "Relu", x), []string{"operator set 99"}},
		"an undefined input": {single(13, "Add", []string{"x", "ghost"}), []string{`"ghost"`, "nothing gives"}},
		"old inputs":         {single(9, "Clip", []string{"x", "six"}), []string{"2 inputs in operator set 9, want 1"}},
		"domain": {func() *onnx.Model {
			m := single(13, "Relu", x)
			m.Graph.Nodes[0].Domain = "com.microsoft"
			return m
		}(), []string{`Relu "it"`, "com.microsoft"}},
		"an input's element type": {func() *onnx.Model {
			m := single(13, "Relu", x)
			m.Graph.Inputs[0].Type = 77
			return m
		}(), []string{`input "x"`, "element type 77"}},
		"no operator set": {func() *onnx.Model {
			m := single(13, "Relu", x)
			m.Opsets = nil
			return m
		}(), []string{"no operator set of ONNX"}},
		"an output without a name": {func() *onnx.Model {
			m := single(13, "Relu", x)
			m.Graph.Outputs[0].Name = ""
			return m
		}(), []string{"no name"}},
		"no outputs": {func() *onnx.Model {
			m := single(13, "Relu", x)
			m.Graph.Outputs = nil
			return m
		}(), []string{"no outputs"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.model)
			if err == nil {
				t.Fatal("it was read")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
		})
	}
}

// relus is a chain of Relu nodes that read and write the given names.
func relus(pairs ...[2]string) *onnx.Model {
	m := single(13, "Relu", []string{"x"})
	m.Graph.Nodes = nil
	for _, p := range pairs {
		m.Graph.Nodes = append(m.Graph.Nodes, onnx.Node{Name: p[0] + "→" + p[1], OpType: "Relu", Inputs: []string{p[0]}, Outputs: []string{p[1]}})
	}
	return m
}

func TestNodesInAnyOrderAreSorted(t *testing.T) {
	g, err := read(t, relus([2]string{"b", "y"}, [2]string{"a", "b"}, [2]string{"x", "a"}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range g.Nodes {
		got = append(got, n.Name)
	}
	if want := []string{"x→a", "a→b", "b→y"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestACycleIsRefusedByName(t *testing.T) {
	_, err := read(t, relus([2]string{"x", "y"}, [2]string{"b", "a"}, [2]string{"a", "b"}))
	if err == nil || !strings.Contains(err.Error(), `Relu "b→a"`) || !strings.Contains(err.Error(), "its own result") {
		t.Errorf("got %v", err)
	}
}

func TestTwoGiversOfOneNameAreRefused(t *testing.T) {
	for _, m := range []*onnx.Model{
		relus([2]string{"x", "y"}, [2]string{"x", "y"}), // two nodes
		relus([2]string{"x", "w"}, [2]string{"w", "y"}), // a node and an initializer
		relus([2]string{"y", "x"}, [2]string{"x", "y"}), // a node and an input
	} {
		if _, err := read(t, m); err == nil {
			t.Errorf("%s and %s were read", m.Graph.Nodes[0].Name, m.Graph.Nodes[1].Name)
		}
	}
}

func TestAnInitializerThatIsAlsoAnInputIsAConstant(t *testing.T) {
	m := single(9, "Conv", []string{"x", "w"})
	m.Graph.Inputs = append(m.Graph.Inputs, onnx.ValueInfo{Name: "w", TypeInfo: onnx.TypeInfo{Type: onnx.Float}})
	g, err := read(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Inputs) != 1 || g.Values[g.Inputs[0]].Name != "x" {
		t.Errorf("the inputs are %v", g.Inputs)
	}
	if want := (tensor.Shape{ir.Unknown, 8, 4, 4}); !g.Values[g.Inputs[0]].Shape.Equal(want) {
		t.Errorf("x has shape %v, want %v", g.Values[g.Inputs[0]].Shape, want)
	}
}

func TestConstantNodesGiveConstants(t *testing.T) {
	for name, a := range map[string]onnx.Attribute{
		"value":        {Name: "value", Type: onnx.TensorAttribute, Tensor: &onnx.Tensor{Type: onnx.Float, Dims: []int64{1}, Floats: []float32{6}}},
		"value_float":  floatAttr("value_float", 6),
		"value_floats": {Name: "value_floats", Type: onnx.FloatsAttribute, Floats: []float32{6}},
	} {
		t.Run(name, func(t *testing.T) {
			m := single(13, "Clip", []string{"x", "", "limit"})
			m.Graph.Nodes = append(m.Graph.Nodes, onnx.Node{OpType: "Constant", Outputs: []string{"limit"}, Attributes: []onnx.Attribute{a}})
			g, err := read(t, m)
			if err != nil {
				t.Fatal(err)
			}
			if got := constants(g, g.Nodes[0]); !reflect.DeepEqual(got, []any{nil, []float32{6}}) {
				t.Errorf("got %v", got)
			}
		})
	}
	m := single(13, "Relu", []string{"x"})
	m.Graph.Nodes = append(m.Graph.Nodes, onnx.Node{OpType: "Constant", Outputs: []string{"c"}, Attributes: []onnx.Attribute{stringAttr("value_word", "a")}})
	if _, err := read(t, m); err == nil || !strings.Contains(err.Error(), "value_word") {
		t.Errorf("an unknown constant: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(marshal(f, smallModel()))
	f.Add(marshal(f, relus([2]string{"b", "y"}, [2]string{"a", "b"}, [2]string{"x", "a"})))
	for _, m := range []*onnx.Model{
		single(9, "Clip", []string{"x"}, floatAttr("min", 0)),
		single(11, "ReduceMean", []string{"x"}, intsAttr("axes", 2, 3)),
		single(11, "Conv", []string{"x", "w"}, stringAttr("auto_pad", "SAME_UPPER"), intsAttr("strides", 2, 2)),
		single(12, "MaxPool", []string{"x"}, intsAttr("kernel_shape", 3, 3), intsAttr("pads", 1, 1, 1, 1), intAttr("ceil_mode", 1)),
		single(14, "Reshape", []string{"x", "axes"}),
		single(13, "Gather", []string{"x", "axes"}),
		single(13, "Unsqueeze", []string{"x", "axes"}),
	} {
		f.Add(marshal(f, m))
	}
	limits := onnx.Limits{FileBytes: 1 << 16, Nodes: 64, Items: 512, NameBytes: 64, Rank: 8, Depth: 4, TensorElements: 1 << 12, DecodedBytes: 1 << 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := onnx.Read(data, limits)
		if err != nil {
			return
		}
		shapes := map[string]tensor.Shape{}
		for _, id := range g.Inputs {
			if v := g.Values[id]; v.Shape != nil {
				shapes[v.Name] = v.Shape.Clone()
				for i, d := range v.Shape {
					if d == ir.Unknown {
						shapes[v.Name][i] = 2
					}
				}
			}
		}
		g, err = ir.Specialise(g, shapes)
		if err != nil {
			return
		}
		if g, err = ir.Fold(g, reference.Eval); err != nil {
			return
		}
		g = ir.Fuse(g, ir.Fusions{BatchNorm: true, Activation: true})
		if err := g.Validate(); err != nil {
			t.Errorf("the rewrites broke the graph: %v", err)
		}
		if plan, err := ir.NewPlan(g); err == nil && plan.Graph.Validate() != nil {
			t.Errorf("the plan's graph is not valid: %v", plan.Graph.Validate())
		}
	})
}
