package kernels_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

func TestAFunctionIsWrittenOut(t *testing.T) {
	reference := func(name, of string, typ onnx.AttributeType) onnx.Attribute {
		return onnx.Attribute{Name: name, Type: typ, Reference: of}
	}
	join := onnx.Function{
		Name: "Join", Domain: "own", Inputs: []string{"a", "b"}, Outputs: []string{"c"}, Attributes: []string{"along"},
		Defaults: []onnx.Attribute{intOf("again", 1)}, Opsets: []onnx.Opset{{Version: 13}, {Domain: "own", Version: 1}},
		Nodes: []onnx.Node{
			apply("Concat", "d", "a b", reference("axis", "along", onnx.IntAttribute)),
			apply("Flatten", "c", "d", reference("axis", "again", onnx.IntAttribute)),
		},
	}
	twice := onnx.Function{
		Name: "Twice", Domain: "own", Inputs: []string{"a"}, Outputs: []string{"d"}, Attributes: []string{"axis"},
		Opsets: join.Opsets,
		Nodes: []onnx.Node{{OpType: "Join", Domain: "own", Inputs: []string{"a", "a"}, Outputs: []string{"d"},
			Attributes: []onnx.Attribute{reference("along", "axis", onnx.IntAttribute), reference("again", "missing", onnx.IntAttribute)}}},
	}
	call := func(op string, attributes ...onnx.Attribute) onnx.Graph {
		n := apply(op, "y", "x x", attributes...)
		n.Domain = "own"
		if op == "Twice" {
			n.Inputs = n.Inputs[:1]
		}
		return onnx.Graph{Inputs: typed("x", shaped(onnx.Float, 1, 2)), Nodes: []onnx.Node{n}, Outputs: typed("y", onnx.Float)}
	}
	in := values{"x": matrix(1, 2, 1, 2)}
	gives(t, 13, call("Join", intOf("along", 0)), in, "[2×2][1 2 1 2]", join)
	gives(t, 13, call("Join", intOf("along", 1), intOf("again", 2)), in, "[4×1][1 2 1 2]", join)
	gives(t, 13, call("Twice", intOf("axis", 1)), in, "[1×4][1 2 1 2]", join, twice)
}

func TestAFunctionThatCallsItselfIsRefused(t *testing.T) {
	call := onnx.Node{OpType: "Round", Domain: "own", Inputs: []string{"x"}, Outputs: []string{"y"}}
	data, err := onnx.Marshal(&onnx.Model{
		IRVersion: 10, Opsets: []onnx.Opset{{Version: 13}, {Domain: "own", Version: 1}},
		Graph:     onnx.Graph{Inputs: typed("x", onnx.Float), Nodes: []onnx.Node{call}, Outputs: typed("y", onnx.Float)},
		Functions: []onnx.Function{{Name: "Round", Domain: "own", Inputs: []string{"x"}, Outputs: []string{"y"}, Nodes: []onnx.Node{call}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onnx.Read(data, onnx.DefaultLimits); err == nil || !strings.Contains(err.Error(), "called within more than the limit") {
		t.Errorf("it gave %v", err)
	}
}
