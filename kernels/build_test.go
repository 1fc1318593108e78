package kernels_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// apply is a node: operator, outputs and inputs by name, separated by spaces; "-" is an
// absent one.
func apply(op, outputs, inputs string, attributes ...onnx.Attribute) onnx.Node {
	names := func(list string) []string {
		fields := strings.Fields(list)
		for i := range fields {
			if fields[i] == "-" {
				fields[i] = ""
			}
		}
		return fields
	}
	return onnx.Node{OpType: op, Outputs: names(outputs), Inputs: names(inputs), Attributes: attributes}
}

func intOf(name string, v int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntAttribute, Int: v}
}

func intsOf(name string, v ...int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntsAttribute, Ints: v}
}

func bodyOf(name string, g onnx.Graph) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.GraphAttribute, Graph: &g}
}

// typed declares names with types; shapes stay open but for those given.
func typed(list ...any) []onnx.ValueInfo {
	var out []onnx.ValueInfo
	for i := 0; i < len(list); i += 2 {
		v := onnx.ValueInfo{Name: list[i].(string)}
		switch t := list[i+1].(type) {
		case onnx.DataType:
			v.Type = t
		case onnx.TypeInfo:
			v.TypeInfo = t
		}
		out = append(out, v)
	}
	return out
}

func shaped(t onnx.DataType, dims ...int64) onnx.TypeInfo {
	info := onnx.TypeInfo{Type: t, Shape: []onnx.Dim{}}
	for _, d := range dims {
		info.Shape = append(info.Shape, onnx.Dim{Value: d, Given: true})
	}
	return info
}

func sequenceType(t onnx.DataType) onnx.TypeInfo {
	return onnx.TypeInfo{Kind: onnx.SequenceType, Elem: &onnx.TypeInfo{Type: t}}
}

func whole(name string, v ...int64) onnx.Tensor {
	return onnx.Tensor{Name: name, Type: onnx.Int64, Dims: []int64{int64(len(v))}, Int64s: v}
}

func scalarOf(name string, v int64) onnx.Tensor {
	return onnx.Tensor{Name: name, Type: onnx.Int64, Int64s: []int64{v}}
}

func truthOf(name string, v bool) onnx.Tensor {
	t := onnx.Tensor{Name: name, Type: onnx.Bool, Raw: []byte{0}}
	if v {
		t.Raw[0] = 1
	}
	return t
}

type values = map[string]tensor.Value

// sessions load a graph of an operator set on each engine on the CPU.
func sessions(t *testing.T, opset int64, g onnx.Graph, functions ...onnx.Function) map[string]*kernels.Session {
	t.Helper()
	g.Name = t.Name()
	data, err := onnx.Marshal(&onnx.Model{IRVersion: 10, Opsets: []onnx.Opset{{Version: opset}, {Domain: "own", Version: 1}}, Graph: g, Functions: functions})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*kernels.Session{}
	for _, e := range []kernels.Engine{reference.Engine{}, gorgonia.Engine{}} {
		s, err := kernels.Load(data, kernels.Options{Engines: []kernels.Engine{e}})
		if err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		t.Cleanup(func() { s.Close() })
		all[e.Name()] = s
	}
	return all
}

// gives runs a graph twice on each engine and compares output y as text.
func gives(t *testing.T, opset int64, g onnx.Graph, in values, want string, functions ...onnx.Function) {
	t.Helper()
	for name, s := range sessions(t, opset, g, functions...) {
		for range 2 {
			out, err := s.RunValues(context.Background(), in)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := told(out["y"]); got != want {
				t.Errorf("%s gave %s, want %s", name, got, want)
			}
		}
	}
}

// fails runs a graph on each engine and looks for a word in the error.
func fails(t *testing.T, opset int64, g onnx.Graph, in values, wants string) {
	t.Helper()
	for name, s := range sessions(t, opset, g) {
		if out, err := s.RunValues(context.Background(), in); err == nil || !strings.Contains(err.Error(), wants) {
			t.Errorf("%s gave %v, %v, want %q", name, out, err, wants)
		}
	}
}

func told(v tensor.Value) string {
	switch v := v.(type) {
	case *tensor.Tensor:
		for _, data := range []any{tensor.Data[float32](v), tensor.Data[int64](v), tensor.Data[bool](v)} {
			if text := fmt.Sprint(data); text != "[]" {
				return fmt.Sprintf("%v%v", v.Shape(), text)
			}
		}
		if s := tensor.Data[string](v); s != nil {
			return fmt.Sprintf("%v%q", v.Shape(), s)
		}
		return v.String()
	case *tensor.Sequence:
		parts := []string{}
		for _, e := range v.Values {
			parts = append(parts, told(e))
		}
		return v.Elem.String() + "(" + strings.Join(parts, " ") + ")"
	}
	return fmt.Sprint(v)
}

func vector(v ...float32) *tensor.Tensor {
	t, err := tensor.Of(append([]float32{}, v...), len(v))
	if err != nil {
		panic(err)
	}
	return t
}

func number(v int64) *tensor.Tensor {
	t, err := tensor.Of([]int64{v})
	if err != nil {
		panic(err)
	}
	return t
}
