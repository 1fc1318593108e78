package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/conformance"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Of numbers that are drawn, a case tells the type and shape.
func TestACaseOfDrawnNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		op   string
		want *tensor.Tensor
		why  string // it fails; empty if it passes
	}{
		"other numbers":             {"RandomUniformLike", made([]float32{7, 7}, 2), "drawn at random; their types and shapes are as wanted"},
		"another shape":             {"RandomUniformLike", made([]float32{7, 7, 7}, 3), "it is float32[2], want float32[3]"},
		"another type":              {"RandomUniformLike", made([]float64{7, 7}, 2), "output \"y\" is float64 in the data, and float32 in the model"},
		"the same":                  {"Identity", made([]float32{1, 2}, 2), ""},
		"what is computed is exact": {"Identity", made([]float32{7, 7}, 2), "element 0"},
	} {
		dir := filepath.Join(t.TempDir(), "case")
		write(t, dir, c.op, c.want)
		r := conformance.Run(t.Context(), dir, kernels.Options{Engines: []kernels.Engine{reference.Engine{}}})
		if (r.Verdict == conformance.Passed) != (c.why == "") || !strings.Contains(r.Why, c.why) {
			t.Errorf("%s: %+v, want %q", name, r, c.why)
		}
	}
}

// write makes a case of one operator of x, [1 2], that wants an output.
func write(t *testing.T, dir, op string, want *tensor.Tensor) {
	t.Helper()
	float := func(name string) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Value: 2}}}}
	}
	model, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: onnx.Graph{
		Name: "case", Nodes: []onnx.Node{{OpType: op, Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs: []onnx.ValueInfo{float("x")}, Outputs: []onnx.ValueInfo{float("y")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	x, y := onnx.TensorOf("x", made([]float32{1, 2}, 2)), onnx.TensorOf("y", want)
	set := filepath.Join(dir, "test_data_set_0")
	if err := os.MkdirAll(set, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{
		filepath.Join(dir, "model.onnx"): model, filepath.Join(set, "input_0.pb"): onnx.MarshalTensor(&x), filepath.Join(set, "output_0.pb"): onnx.MarshalTensor(&y),
	} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func made[T tensor.Element](v []T, shape ...int) *tensor.Tensor {
	t, err := tensor.Of(v, shape...)
	if err != nil {
		panic(err)
	}
	return t
}
