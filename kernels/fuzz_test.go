package kernels_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Whatever a file holds, loading and running it ends, without a panic, on both
// engines. The seeds are a node of each operator; where Debian's package
// libonnx-testdata is installed and SQUADRON_FUZZ_CASES is set, its models too.
func FuzzRun(f *testing.F) {
	for _, name := range onnx.Operators() {
		domain := ""
		if i := strings.LastIndex(name, "."); i >= 0 {
			domain, name = name[:i], name[i+1:]
		}
		f.Add(marshalled(f, oneNode(domain, name)))
	}
	if os.Getenv("SQUADRON_FUZZ_CASES") != "" {
		models, err := filepath.Glob("/usr/share/libonnx-testdata/data/*/*/model.onnx")
		if err != nil {
			f.Fatal(err)
		}
		for _, model := range models {
			data, err := os.ReadFile(model)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 1<<15 {
				f.Add(data)
			}
		}
	}
	limits := onnx.Limits{FileBytes: 1 << 16, Nodes: 64, Items: 1 << 10, NameBytes: 128, Rank: 8, Depth: 4, TensorElements: 1 << 12, DecodedBytes: 1 << 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range []kernels.Engine{reference.Engine{}, gorgonia.Engine{}} {
			s, err := kernels.Load(data, kernels.Options{Engines: []kernels.Engine{e}, Limits: limits})
			if err != nil {
				return
			}
			if s.MemoryBytes() < 1<<24 && s.MultiplyAdds() < 1<<28 {
				runWithin(t, s)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// runWithin runs a session on inputs of its own, for a second at most.
func runWithin(t *testing.T, s *kernels.Session) {
	in := map[string]tensor.Value{}
	for _, v := range s.Inputs() {
		if in[v.Name] = anyValue(v.Type(), v.Shape); in[v.Name] == nil {
			return
		}
	}
	ctx, end := context.WithTimeout(t.Context(), time.Second)
	defer end()
	start := time.Now()
	_, err := s.RunValues(ctx, in)
	if err != nil && errors.Is(err, context.DeadlineExceeded) {
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it went on for %s after its context had ended", took)
		}
	}
}

// anyValue is a value of a type with zeros in it; nil if there is none of 2^20
// elements at most.
func anyValue(typ tensor.Type, declared tensor.Shape) tensor.Value {
	switch typ.Kind {
	case tensor.IsSequence:
		return &tensor.Sequence{Elem: *typ.Elem}
	case tensor.IsOptional:
		return &tensor.Optional{Elem: *typ.Elem}
	case tensor.IsMap:
		return nil
	}
	shape := declared.Clone()
	for i, d := range shape {
		if d == ir.Unknown {
			shape[i] = 2
		}
	}
	if n, err := shape.Elements(); err != nil || n > 1<<20 {
		return nil
	}
	t, err := tensor.New(typ.DType, shape...)
	if err != nil {
		return nil
	}
	return t
}

// oneNode is a model of one node that reads an input of four dimensions.
func oneNode(domain, name string) *onnx.Model {
	square := onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Value: 1}, {Value: 2}, {Value: 3}, {Value: 3}}}
	m := &onnx.Model{IRVersion: 10, Opsets: []onnx.Opset{{Version: 21}}}
	if domain != "" {
		m.Opsets = append(m.Opsets, onnx.Opset{Domain: domain, Version: 1})
	}
	m.Graph = onnx.Graph{
		Name:    "one",
		Nodes:   []onnx.Node{{OpType: name, Domain: domain, Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.ValueInfo{{Name: "x", TypeInfo: square}},
		Outputs: []onnx.ValueInfo{{Name: "y", TypeInfo: onnx.TypeInfo{Type: onnx.Float}}},
	}
	return m
}

func marshalled(t testing.TB, m *onnx.Model) []byte {
	t.Helper()
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
