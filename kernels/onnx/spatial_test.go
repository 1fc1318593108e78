package onnx_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
)

func floatsAttr(name string, v ...float32) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.FloatsAttribute, Floats: v}
}

func stringsAttr(name string, v ...string) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.StringsAttribute, Strings: v}
}

func tensorAttr(name string, t onnx.Tensor) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.TensorAttribute, Tensor: &t}
}

// TestEveryOperatorSetOfPictures reads the forms of old operator sets.
func TestEveryOperatorSetOfPictures(t *testing.T) {
	x := []string{"x"}
	two := ir.Window{Kernel: []int{2, 2}}
	upsampled := ir.Resize{Mode: "nearest", Coordinates: "asymmetric", Nearest: "floor", Policy: "stretch", CubicA: -0.75}
	linear := upsampled
	linear.Mode = "linear"
	simple := upsampled
	simple.Nearest = "simple"
	resized := ir.Resize{Mode: "nearest", Coordinates: "half_pixel", Nearest: "round_prefer_floor", Policy: "stretch", CubicA: -0.75}
	of18 := resized
	of18.Mode, of18.Antialias, of18.Axes, of18.Policy = "linear", true, []int{2, 3}, "not_larger"
	indexed := single(8, "MaxPool", x, intsAttr("kernel_shape", 2, 2), intAttr("storage_order", 1))
	indexed.Graph.Nodes[0].Outputs = []string{"y", "z"}
	kernel := intsAttr("kernel_shape", 2, 2)
	six := []float32{6}
	for _, c := range []struct {
		name   string
		model  *onnx.Model
		op     ir.Operator
		inputs []any
	}{
		{"Upsample at 1", single(1, "Upsample", x, floatAttr("height_scale", 2), floatAttr("width_scale", 3), stringAttr("mode", "bilinear")), linear, []any{nil, []float32{1, 1, 2, 3}}},
		{"Upsample at 7", single(7, "Upsample", x, floatsAttr("scales", 1, 1, 2, 2)), upsampled, []any{nil, []float32{1, 1, 2, 2}}},
		{"Upsample at 9", single(9, "Upsample", []string{"x", "six"}), upsampled, []any{nil, six}},
		{"Resize at 10", single(10, "Resize", []string{"x", "six"}), simple, []any{nil, six}},
		{"Resize at 11", single(11, "Resize", []string{"x", "", "six"}), resized, []any{nil, six}},
		{"Resize at 18", single(18, "Resize", []string{"x", "", "six"}, stringAttr("mode", "linear"), intAttr("antialias", 1), intsAttr("axes", 2, 3), stringAttr("keep_aspect_ratio_policy", "not_larger")), of18, []any{nil, six}},
		{"MaxPool at 8 with indices", indexed, ir.MaxPool{Window: two, Indices: true, ColumnMajor: true}, []any{}},
		{"AveragePool at 1", single(1, "AveragePool", x, kernel), ir.AveragePool{Window: two}, []any{}},
		{"LpPool at 1", single(1, "LpPool", x, kernel, floatAttr("p", 3)), ir.LpPool{Window: two, P: 3}, []any{}},
		{"LpPool at 18", single(18, "LpPool", x, kernel, intAttr("p", 1), intAttr("ceil_mode", 1)), ir.LpPool{Window: two, P: 1, CeilMode: true}, []any{}},
		{"GlobalLpPool at 1", single(1, "GlobalLpPool", x), ir.GlobalLpPool{P: 2}, []any{}},
		{"RoiAlign at 10", single(10, "RoiAlign", []string{"x", "w", "axes"}), ir.RoiAlign{Height: 1, Width: 1, Scale: 1}, []any{make([]float32, 16), []int64{0}}},
		{"RoiAlign at 16", single(16, "RoiAlign", []string{"x", "w", "axes"}, stringAttr("mode", "max")), ir.RoiAlign{Height: 1, Width: 1, Scale: 1, Max: true, HalfPixel: true}, []any{make([]float32, 16), []int64{0}}},
		{"GridSample at 16", single(16, "GridSample", []string{"x", "w"}, stringAttr("mode", "bicubic")), ir.GridSample{Mode: "cubic", Padding: "zeros"}, []any{make([]float32, 16)}},
		{"GridSample at 20", single(20, "GridSample", []string{"x", "w"}, stringAttr("padding_mode", "border")), ir.GridSample{Mode: "linear", Padding: "border"}, []any{make([]float32, 16)}},
		{"ConvTranspose", single(11, "ConvTranspose", []string{"x", "w"}, intsAttr("output_shape", 9, 9), intsAttr("pads", 1, 1, 1, 1)), ir.ConvTranspose{Group: 1, OutputShape: []int{9, 9}}, []any{make([]float32, 16)}},
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
	for name, c := range map[string]struct {
		model *onnx.Model
		want  string
	}{
		"Upsample at 10":        {single(10, "Upsample", []string{"x", "six"}), "does not exist in operator set 10"},
		"Upsample by nothing":   {single(7, "Upsample", x, floatsAttr("scales", 1, 1, 0, 2)), "are not positive numbers"},
		"Resize at 11, axes":    {single(11, "Resize", []string{"x", "", "six"}, intsAttr("axes", 1)), `attribute "axes"`},
		"an unknown coordinate": {single(11, "Resize", []string{"x", "", "six"}, stringAttr("coordinate_transformation_mode", "middle")), `is "middle"; supported are half_pixel`},
		"a pixel format":        {single(20, "ImageDecoder", x, stringAttr("pixel_format", "CMYK")), `"CMYK"; supported are RGB, BGR, Grayscale`},
		"boxes by their area":   {single(11, "NonMaxSuppression", []string{"x", "w"}, intAttr("center_point_box", 2)), `"center_point_box" is 2, want 0 or 1`},
	} {
		if _, err := read(t, c.model); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
