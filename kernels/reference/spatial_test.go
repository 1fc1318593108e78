package reference_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// sample is one operator whose outputs are writtenOf as text.
type sample struct {
	name string
	op   ir.Operator
	in   []*tensor.Tensor
	want string // of each output a shape and elements to 5 digits
}

func checkSamples(t *testing.T, samples []sample) {
	t.Helper()
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			out, err := reference.Eval(s.op, s.in)
			if err != nil {
				t.Fatal(err)
			}
			var text []string
			for _, o := range out {
				text = append(text, writtenOf(o))
			}
			if got := strings.Join(text, "; "); got != s.want {
				t.Errorf("got  %s\nwant %s", got, s.want)
			}
		})
	}
}

// writtenOf is a tensor's type, shape and elements.
func writtenOf(t *tensor.Tensor) string {
	text := fmt.Sprintf("%v", t)
	add := func(v any) {
		text += fmt.Sprintf(" %v", v)
	}
	for i := range t.Len() {
		switch t.DType() {
		case tensor.Float32:
			add(fmt.Sprintf("%.5g", tensor.Data[float32](t)[i]))
		case tensor.Float64:
			add(fmt.Sprintf("%.5g", tensor.Data[float64](t)[i]))
		case tensor.Float16:
			f, _ := tensor.FormatOf(tensor.Float16)
			add(fmt.Sprintf("%.5g", f.Decode(uint16(tensor.Data[tensor.F16](t)[i]))))
		case tensor.Int64:
			add(tensor.Data[int64](t)[i])
		case tensor.Int32:
			add(tensor.Data[int32](t)[i])
		case tensor.Int16:
			add(tensor.Data[int16](t)[i])
		case tensor.Uint8:
			add(tensor.Data[uint8](t)[i])
		case tensor.Int8:
			add(tensor.Data[int8](t)[i])
		case tensor.String:
			add(tensor.Data[string](t)[i])
		}
	}
	return text
}

func halvesOf(shape []int, v ...float64) *tensor.Tensor {
	f, _ := tensor.FormatOf(tensor.Float16)
	codes := make([]tensor.F16, len(v))
	for i, x := range v {
		codes[i] = tensor.F16(f.Encode(x, false))
	}
	return must(tensor.Of(codes, shape...))
}

func doubles(shape []int, v ...float64) *tensor.Tensor { return must(tensor.Of(v, shape...)) }

func octets(shape []int, v ...uint8) *tensor.Tensor { return must(tensor.Of(v, shape...)) }

func TestConvolutionsByHand(t *testing.T) {
	ones := of([]int{1, 1, 2, 2}, 1, 1, 1, 1)
	nine := of([]int{1, 1, 3, 3}, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	moved := func(places map[int]float32, shape ...int) *tensor.Tensor {
		x := must(tensor.New(tensor.Float32, shape...))
		for i, v := range places {
			tensor.Data[float32](x)[i] = v
		}
		return x
	}
	mask := of([]int{1, 4, 2, 2}, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.2, 1, 1, 1, 1)
	checkSamples(t, []sample{
		// 1·1 + 2·2, 2·1 + 3·2.
		{"halvesOf", ir.Conv{Group: 1}, []*tensor.Tensor{halvesOf([]int{1, 1, 3}, 1, 2, 3), halvesOf([]int{1, 1, 2}, 1, 2)}, "float16[1×1×2] 5 8"},
		{"doubles with a bias", ir.Conv{Group: 1}, []*tensor.Tensor{doubles([]int{1, 1, 3}, 1, 2, 3), doubles([]int{1, 1, 2}, 1, 2), doubles([]int{1}, 1e-3)}, "float64[1×1×2] 5.001 8.001"},
		{"a fused activation of halvesOf", ir.Conv{Group: 1, Act: ir.Activation{Clip: true, Max: 6}}, []*tensor.Tensor{halvesOf([]int{1, 1, 2}, -1, 4), halvesOf([]int{1, 1, 1}, 2)}, "float16[1×1×2] 0 6"},
		// Four spatial dimensions: 1+2+…+16.
		{"four dimensions", ir.Conv{Group: 1}, []*tensor.Tensor{count(1, 1, 2, 2, 2, 2), must(tensor.Of(ones16(), 1, 1, 2, 2, 2, 2))}, "float32[1×1×1×1×1×1] 136"},

		// Each element twice, at its place and the next; then with a stride of 2 and one more.
		{"transposed", ir.ConvTranspose{Group: 1}, []*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 2}, 10, 1)}, "float32[1×1×3] 10 21 2"},
		{"transposed with output_padding", ir.ConvTranspose{Group: 1, OutputPadding: []int{1}, Window: ir.Window{Strides: []int{2}}},
			[]*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 2}, 10, 1)}, "float32[1×1×5] 10 1 20 2 0"},
		{"transposed and dilated", ir.ConvTranspose{Group: 1, Window: ir.Window{Dilations: []int{2}}},
			[]*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 2}, 10, 1)}, "float32[1×1×4] 10 20 1 2"},
		{"transposed with pads", ir.ConvTranspose{Group: 1, Window: ir.Window{Pads: []int{1, 0}}},
			[]*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 2}, 10, 1)}, "float32[1×1×2] 21 2"},
		// Full: 10 1 20 2. An extent of 3 leaves out one element, before it or, for upper, after it.
		{"transposed to an output_shape", ir.ConvTranspose{Group: 1, OutputShape: []int{3}, Window: ir.Window{Strides: []int{2}}},
			[]*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 2}, 10, 1)}, "float32[1×1×3] 1 20 2"},
		{"transposed to an output_shape, upper", ir.ConvTranspose{Group: 1, OutputShape: []int{3}, Window: ir.Window{Strides: []int{2}, AutoPad: ir.PadSameUpper}},
			[]*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 2}, 10, 1)}, "float32[1×1×3] 10 1 20"},
		// Full: 1 1 3 2 2, of which 4 = 2·2 stay.
		{"transposed, same lower", ir.ConvTranspose{Group: 1, Window: ir.Window{Strides: []int{2}, AutoPad: ir.PadSameLower}},
			[]*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 1, 3}, 1, 1, 1)}, "float32[1×1×4] 1 3 2 2"},
		// Map 0 of channel 0 times 10, map 1 of channel 1 times 100, with their biases.
		{"transposed in groups", ir.ConvTranspose{Group: 2}, []*tensor.Tensor{count(1, 2, 2), of([]int{2, 1, 1}, 10, 100), of([]int{2}, 1, 2)}, "float32[1×2×2] 11 21 302 402"},

		// (2−1)(1−2) + (3−1)(3−2), (3−1)(1−2) + (4−1)(3−2).
		{"integers", ir.ConvInteger{Group: 1}, []*tensor.Tensor{octets([]int{1, 1, 3}, 2, 3, 4), octets([]int{1, 1, 2}, 1, 3), octets(nil, 1), octets(nil, 2)}, "int32[1×1×2] 1 1"},
		{"padding is a zero point", ir.ConvInteger{Group: 1, Window: ir.Window{Pads: []int{1, 0}}}, []*tensor.Tensor{octets([]int{1, 1, 1}, 9), octets([]int{1, 1, 2}, 5, 1), octets(nil, 4)}, "int32[1×1×1] 5"},
		{"a zero point a map", ir.ConvInteger{Group: 1}, []*tensor.Tensor{octets([]int{1, 1, 1}, 10), octets([]int{2, 1, 1}, 3, 3), nil, octets([]int{2}, 1, 5)}, "int32[1×2×1] 20 -20"},
		// Sums of 5, 6 and 7 in steps of 0.5: 2.5, 3 and 3.5 become 2, 3 and 4.
		{"a half is rounded to even", ir.QLinearConv{Group: 1}, quantized(octets([]int{1, 1, 3}, 5, 6, 7), octets([]int{1, 1, 1}, 1), []float32{0.5}, []uint8{0}, 0, nil), "uint8[1×1×3] 2 3 4"},
		// Map 0: 2·3·1 + 4 + 10; map 1: 2·3·0.5 + 10, with weights 3−1 above their zero points.
		{"scales and zero points a map", ir.QLinearConv{Group: 1}, quantized(octets([]int{1, 1, 1}, 3), octets([]int{2, 1, 1}, 3, 4), []float32{1, 0.5}, []uint8{1, 2}, 10, []int32{4, 0}), "uint8[1×2×1] 20 13"},
		{"saturated", ir.QLinearConv{Group: 1}, quantized(octets([]int{1, 1, 2}, 0, 255), octets([]int{1, 1, 1}, 255), []float32{1}, []uint8{0}, 7, nil), "uint8[1×1×2] 7 255"},

		// The examples of the ONNX DeformConv-19 specification.
		{"deformed with padding", ir.DeformConv{Group: 1, OffsetGroup: 1, Window: ir.Window{Pads: []int{1, 1, 1, 1}}},
			[]*tensor.Tensor{nine, ones, moved(map[int]float32{0: 0.5, 5*16 + 6: -0.1}, 1, 8, 4, 4)}, "float32[1×1×4×4] 0 1 3 2 3 8 11.9 7 9 20 24 13 6 13 15 8"},
		{"deformed with mask and bias", ir.DeformConv{Group: 1, OffsetGroup: 1},
			[]*tensor.Tensor{nine, ones, moved(map[int]float32{0: 0.5, 21: -0.1}, 1, 8, 2, 2), of([]int{1}, 1), mask}, "float32[1×1×2×2] 10.5 12.9 21 19.4"},
		{"deformed in two offset groups", ir.DeformConv{Group: 1, OffsetGroup: 2},
			[]*tensor.Tensor{of([]int{1, 2, 3, 3}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0), of([]int{1, 2, 2, 2}, 1, 1, 1, 1, 1, 1, 1, 1), moved(map[int]float32{0: 0.5, 53: -0.1}, 1, 16, 2, 2)},
			"float32[1×1×2×2] 33.5 32.1 32 32"},
	})
}

func ones16() []float32 {
	v := make([]float32, 16)
	for i := range v {
		v[i] = 1
	}
	return v
}

// quantized are the inputs of a QLinearConv with scales of 1 but the weights'.
func quantized(x, w *tensor.Tensor, scale []float32, zero []uint8, yZero uint8, bias []int32) []*tensor.Tensor {
	one := of(nil, 1)
	in := []*tensor.Tensor{x, one, octets(nil, 0), w, of([]int{len(scale)}, scale...), octets([]int{len(zero)}, zero...), one, octets(nil, yZero)}
	if bias != nil {
		in = append(in, must(tensor.Of(bias, len(bias))))
	}
	return in
}

func TestPoolsOfEveryKindByHand(t *testing.T) {
	grid := count(1, 1, 4, 4)
	two := ir.Window{Kernel: []int{2, 2}}
	dilated := ir.Window{Kernel: []int{2, 2}, Dilations: []int{2, 2}}
	checkSamples(t, []sample{
		{"indices", ir.MaxPool{Window: ir.Window{Kernel: []int{2, 2}, Strides: []int{2, 2}}, Indices: true}, []*tensor.Tensor{count(1, 2, 2, 4)},
			"float32[1×2×1×2] 6 8 14 16; int64[1×2×1×2] 5 7 13 15"},
		// Of 6 (row 1, column 1), 1 + 1·2; of the second channel 8 more.
		{"indices by column", ir.MaxPool{Window: ir.Window{Kernel: []int{2, 2}, Strides: []int{2, 2}}, Indices: true, ColumnMajor: true}, []*tensor.Tensor{count(1, 2, 2, 4)},
			"float32[1×2×1×2] 6 8 14 16; int64[1×2×1×2] 3 7 11 15"},
		{"the first of equals", ir.MaxPool{Window: two, Indices: true}, []*tensor.Tensor{of([]int{1, 1, 2, 2}, 1, 3, 3, 3)}, "float32[1×1×1×1] 3; int64[1×1×1×1] 1"},
		{"bytes", ir.MaxPool{Window: ir.Window{Kernel: []int{2}}}, []*tensor.Tensor{octets([]int{1, 1, 3}, 200, 7, 100)}, "uint8[1×1×2] 200 100"},
		{"signed bytes in padding", ir.MaxPool{Window: ir.Window{Kernel: []int{2}, Pads: []int{1, 0}}}, []*tensor.Tensor{must(tensor.Of([]int8{-100, -7}, 1, 1, 2))}, "int8[1×1×2] -100 -7"},
		{"halvesOf", ir.MaxPool{Window: ir.Window{Kernel: []int{2}}}, []*tensor.Tensor{halvesOf([]int{1, 1, 3}, -1, -2, -3)}, "float16[1×1×2] -1 -2"},
		{"not a number wins", ir.MaxPool{Window: ir.Window{Kernel: []int{2}}}, []*tensor.Tensor{of([]int{1, 1, 3}, float32(math.NaN()), 1, 2)}, "float32[1×1×2] NaN 2"},
		{"average, dilated", ir.AveragePool{Window: dilated, CeilMode: true}, []*tensor.Tensor{grid}, "float32[1×1×2×2] 6 7 10 11"},
		// Rows 1…2 of a picture of 2: the second window would start in the padding after it.
		{"the last window starts in the padding", ir.AveragePool{CeilMode: true, CountIncludePad: true, Window: ir.Window{Kernel: []int{3, 3}, Strides: []int{3, 3}, Pads: []int{1, 1, 1, 1}}},
			[]*tensor.Tensor{of([]int{1, 1, 2, 2}, 0.858, 0.0786, 0.2692, 0.1537)}, "float32[1×1×1×1] 0.15106"},
		{"average of doubles", ir.AveragePool{Window: ir.Window{Kernel: []int{2}}}, []*tensor.Tensor{doubles([]int{1, 1, 2}, 1, 2)}, "float64[1×1×1] 1.5"},
		// √(1+9+81+121), as ONNX's own case has it.
		{"norm, dilated", ir.LpPool{Window: dilated, P: 2}, []*tensor.Tensor{grid}, "float32[1×1×2×2] 14.56 16.248 21.633 23.495"},
		{"cubic norm", ir.LpPool{Window: ir.Window{Kernel: []int{2}, Pads: []int{1, 0}}, P: 3}, []*tensor.Tensor{of([]int{1, 1, 2}, -3, 4)}, "float32[1×1×2] 3 4.4979"},
		{"global maximum", ir.GlobalMaxPool{}, []*tensor.Tensor{halvesOf([]int{1, 2, 2}, -1, -2, -4, -3)}, "float16[1×2×1] -1 -3"},
		{"global mean", ir.GlobalAveragePool{}, []*tensor.Tensor{doubles([]int{1, 1, 2}, 1, 2)}, "float64[1×1×1] 1.5"},
		{"global norm", ir.GlobalLpPool{P: 2}, []*tensor.Tensor{of([]int{1, 1, 2}, -3, 4)}, "float32[1×1×1] 5"},
		// Places in the 4×4 that the windows were over, which lies in a corner of 5×5.
		{"unpooled", ir.MaxUnpool{Window: ir.Window{Kernel: []int{2}, Strides: []int{2}}}, []*tensor.Tensor{of([]int{1, 1, 2}, 5, 6), ints([]int{1, 1, 2}, 1, 2)}, "float32[1×1×4] 0 5 6 0"},
		{"unpooled into more", ir.MaxUnpool{Window: ir.Window{Kernel: []int{2, 2}, Strides: []int{2, 2}}},
			[]*tensor.Tensor{of([]int{1, 1, 1, 2}, 5, 6), ints([]int{1, 1, 1, 2}, 1, 6), ints([]int{4}, 1, 1, 3, 5)}, "float32[1×1×3×5] 0 5 0 0 0 0 0 6 0 0 0 0 0 0 0"},
		// Blocks of 2 at 0, 1 and 2: 1, 2+4, 3+5, 6.
		{"columns", ir.Col2Im{}, []*tensor.Tensor{of([]int{1, 2, 3}, 1, 2, 3, 4, 5, 6), ints([]int{1}, 4), ints([]int{1}, 2)}, "float32[1×1×4] 1 6 8 6"},
	})
}

func resize(mode, coordinates string) ir.Resize {
	return ir.Resize{Mode: mode, Coordinates: coordinates, Nearest: "round_prefer_floor", Policy: "stretch", CubicA: -0.75}
}

func with(op ir.Resize, change func(*ir.Resize)) ir.Resize {
	change(&op)
	return op
}

func TestResizeByHand(t *testing.T) {
	line := of([]int{4}, 1, 2, 3, 4)
	by := func(x *tensor.Tensor, scales ...float32) []*tensor.Tensor {
		return []*tensor.Tensor{x, nil, of([]int{len(scales)}, scales...)}
	}
	to := func(x *tensor.Tensor, sizes ...int64) []*tensor.Tensor {
		return []*tensor.Tensor{x, nil, nil, ints([]int{len(sizes)}, sizes...)}
	}
	nearest := func(rule string) ir.Resize {
		return with(resize("nearest", "asymmetric"), func(r *ir.Resize) { r.Nearest = rule })
	}
	grid := count(1, 1, 4, 4)
	antialias := func(mode string) ir.Resize {
		return with(resize(mode, "half_pixel"), func(r *ir.Resize) { r.Antialias = true })
	}
	last2 := func(policy string) ir.Resize {
		return with(resize("nearest", "half_pixel"), func(r *ir.Resize) { r.Axes, r.Policy = []int{-2, 1}, policy })
	}
	crop := with(resize("linear", "tf_crop_and_resize"), func(r *ir.Resize) { r.Extrapolation = -9 })
	checkSamples(t, []sample{
		// Elements of 4 over 8 lie at 0, 0.5, 1, … .
		{"nearest, half down", nearest("round_prefer_floor"), by(line, 2), "float32[8] 1 1 2 2 3 3 4 4"},
		{"nearest, half up", nearest("round_prefer_ceil"), by(line, 2), "float32[8] 1 2 2 3 3 4 4 4"},
		{"nearest, floor", nearest("floor"), by(line, 2), "float32[8] 1 1 2 2 3 3 4 4"},
		{"nearest, ceil", nearest("ceil"), by(line, 2), "float32[8] 1 2 2 3 3 4 4 4"},
		{"nearest of operator set 10, smaller", nearest("simple"), by(line, 0.6), "float32[2] 1 3"},
		{"nearest of operator set 10, larger", nearest("simple"), by(line, 2), "float32[8] 1 1 2 2 3 3 4 4"},
		{"nearest of words", resize("nearest", "half_pixel"), by(must(tensor.Of([]string{"a", "b"}, 2)), 2), "string[4] a a b b"},
		// Elements lie at −0.25, 0.25, 0.75, ….
		{"linear", resize("linear", "half_pixel"), by(line, 2), "float32[8] 1 1.25 1.75 2.25 2.75 3.25 3.75 4"},
		{"linear, corners", resize("linear", "align_corners"), to(line, 7), "float32[7] 1 1.5 2 2.5 3 3.5 4"},
		{"linear, asymmetric", resize("linear", "asymmetric"), by(line, 2), "float32[8] 1 1.5 2 2.5 3 3.5 4 4"},
		{"linear, to one of PyTorch", resize("linear", "pytorch_half_pixel"), to(line, 1), "float32[1] 1"},
		{"linear, to one", resize("linear", "half_pixel"), to(line, 1), "float32[1] 2.5"},
		// 1 of 1.4, with a stride of 3/(2.4−1): ONNX's own case.
		{"linear, corners of a part", resize("linear", "align_corners"), by(line, 0.6), "float32[2] 1 3.1429"},
		// 2 of 4·0.6 = 2.4 elements: the middle of both stays, so they lie at 2.5 ± 1/1.2.
		{"linear, symmetric", resize("linear", "half_pixel_symmetric"), by(line, 0.6), "float32[2] 1.6667 3.3333"},
		{"linear, half a pixel on", resize("linear", "tf_half_pixel_for_nn"), by(line, 2), "float32[8] 1.25 1.75 2.25 2.75 3.25 3.75 4 4"},
		{"linear of halvesOf", resize("linear", "half_pixel"), by(halvesOf([]int{2}, 1, 2), 2), "float16[4] 1 1.25 1.75 2"},
		{"linear of bytes", resize("linear", "half_pixel"), by(octets([]int{2}, 0, 255), 2), "uint8[4] 0 63 191 255"},
		// At 0.5 of 1 2 3 4 with a = −0.75: weights −3/32, 19/32, 19/32, −3/32.
		{"cubic", resize("cubic", "asymmetric"), by(line, 2), "float32[8] 1 1.4062 2 2.5 3 3.5938 4 4.0938"},
		{"cubic with another a", with(resize("cubic", "asymmetric"), func(r *ir.Resize) { r.CubicA = -0.5 }), by(line, 2), "float32[8] 1 1.4375 2 2.5 3 3.5625 4 4.0625"},
		// (19·1 + 19·2 − 3·3) / 35, (−3·3 + 19·4) / 16.
		{"cubic without what lies outside", with(resize("cubic", "asymmetric"), func(r *ir.Resize) { r.ExcludeOutside = true }), by(line, 2), "float32[8] 1 1.3714 2 2.5 3 3.6286 4 4.1875"},
		// The examples of the ONNX Resize-19 specification.
		{"linear, antialias", antialias("linear"), by(grid, 1, 1, 0.6, 0.6), "float32[1×1×2×2] 2.875 4.5 9.375 11"},
		{"cubic, antialias", antialias("cubic"), by(grid, 1, 1, 0.6, 0.6), "float32[1×1×2×2] 2.5181 4.2859 9.5893 11.357"},
		{"linear to sizes, antialias", antialias("linear"), to(grid, 1, 1, 3, 3), "float32[1×1×3×3] 2.3636 3.5909 4.8182 7.2727 8.5 9.7273 12.182 13.409 14.636"},
		{"cubic to sizes, antialias", antialias("cubic"), to(grid, 1, 1, 3, 3), "float32[1×1×3×3] 1.775 3.12 4.465 7.155 8.5 9.845 12.535 13.88 15.225"},
		{"antialias of what becomes larger", antialias("linear"), by(line, 2), "float32[8] 1 1.25 1.75 2.25 2.75 3.25 3.75 4"},
		// Scales of 4/2 and 9/3: the smaller makes 4×6, the larger 6×9.
		{"not larger", last2("not_larger"), to(count(2, 3), 4, 9), "float32[4×6] 1 1 2 2 3 3 1 1 2 2 3 3 4 4 5 5 6 6 4 4 5 5 6 6"},
		{"not smaller", with(last2("not_smaller"), func(r *ir.Resize) { r.Axes = []int{1, 0} }), to(count(1, 2), 4, 1), "float32[2×4] 1 1 2 2 1 1 2 2"},
		{"sizes of some axes", with(resize("nearest", "half_pixel"), func(r *ir.Resize) { r.Axes = []int{1} }), to(count(2, 1), 2), "float32[2×2] 1 1 2 2"},
		{"no axes", with(resize("linear", "half_pixel"), func(r *ir.Resize) { r.Axes = []int{} }), []*tensor.Tensor{line}, "float32[4] 1 2 3 4"},
		{"an empty roi and empty scales", resize("nearest", "half_pixel"), []*tensor.Tensor{line, of([]int{0}), of([]int{0}), ints([]int{1}, 2)}, "float32[2] 1 3"},
		// From 1/3 to 5/3 of three steps: 1, 3, 5 of which the last lies outside.
		{"crop", crop, []*tensor.Tensor{line, of([]int{2}, 1.0/3, 5.0/3), nil, ints([]int{1}, 3)}, "float32[3] 2 4 -9"},
		{"crop to one", crop, []*tensor.Tensor{line, of([]int{2}, 0, 1), nil, ints([]int{1}, 1)}, "float32[1] 2.5"},
		{"of nothing", resize("linear", "half_pixel"), by(must(tensor.New(tensor.Float32, 0)), 2), "float32[0]"},
	})
}

func TestGridsByHand(t *testing.T) {
	x := of([]int{1, 1, 3, 2}, 0, 1, 2, 3, 4, 5)
	grid := of([]int{1, 2, 4, 2}, -1, -0.8, -0.6, -0.5, -0.1, -0.2, 0.7, 0, 0, 0.4, 0.2, -0.2, -0.3, 0.5, -1, 1)
	volume := count(1, 1, 3, 2, 2)
	deep := []float32{-1, -1, -1, -1, -0.5, 0.3, -0.5, -0.5, -0.5, 1, -0.6, -1, -0.2, -0.2, -0.2, 0.4, 0.2, 0.6, 0, 0, 0, -1, 0, 0,
		0, 0, 0, -1, 1, 0, -0.2, -0.2, -0.2, 1, 0.4, -0.2, 0.5, 0.5, 0.5, -1, -0.8, 0.8, 1, 1, 1, 0.4, 0.6, -0.3}
	far := make([]float32, len(deep))
	for i, v := range deep {
		far[i] = v * 2.5
	}
	places, beyond := of([]int{1, 2, 4, 2, 3}, deep...), of([]int{1, 2, 4, 2, 3}, far...)
	sampled := func(mode, padding string, corners bool) ir.GridSample {
		return ir.GridSample{Mode: mode, Padding: padding, AlignCorners: corners}
	}
	nan := float32(math.NaN())
	checkSamples(t, []sample{
		// The examples of the ONNX GridSample-20 specification.
		{"nearest", sampled("nearest", "zeros", false), []*tensor.Tensor{x, grid}, "float32[1×1×2×4] 0 0 2 3 4 3 4 4"},
		{"nearest, corners", sampled("nearest", "zeros", true), []*tensor.Tensor{x, grid}, "float32[1×1×2×4] 0 0 2 3 2 3 4 4"},
		{"linear", sampled("linear", "zeros", false), []*tensor.Tensor{x, grid}, "float32[1×1×2×4] 0 0.45 1.8 2.4 3.7 2.1 3.7 1"},
		{"linear, corners", sampled("linear", "zeros", true), []*tensor.Tensor{x, grid}, "float32[1×1×2×4] 0.4 1.2 2.05 2.85 3.3 2.2 3.35 4"},
		{"cubic", sampled("cubic", "zeros", false), []*tensor.Tensor{x, grid}, "float32[1×1×2×4] -0.17325 0.28426 1.9231 2.568 5.1704 2.2844 4.7448 1.0469"},
		{"cubic, corners", sampled("cubic", "zeros", true), []*tensor.Tensor{x, grid}, "float32[1×1×2×4] 0.304 1.1287 2.2663 3.1448 4.5315 2.4554 4.5998 4"},
		{"volume, nearest", sampled("nearest", "zeros", false), []*tensor.Tensor{volume, places}, "float32[1×1×2×4×2] 0 0 1 0 5 12 8 0 8 0 5 0 12 0 0 8"},
		{"volume, nearest, corners", sampled("nearest", "zeros", true), []*tensor.Tensor{volume, places}, "float32[1×1×2×4×2] 1 5 5 2 5 12 8 7 8 7 5 8 12 9 12 8"},
		{"volume, linear", sampled("linear", "zeros", false), []*tensor.Tensor{volume, places}, "float32[1×1×2×4×2] 0.125 3.4 2 0.45 4.7 10.9 6.5 3 6.5 1.75 4.7 3.3 11 2.52 1.5 5.49"},
		{"volume, linear, corners", sampled("linear", "zeros", true), []*tensor.Tensor{volume, places}, "float32[1×1×2×4×2] 1 6.7 3.75 2.4 5.4 9.3 6.5 6 6.5 7 5.4 6.6 9.25 8.4 12 6.1"},
		{"volume, border", sampled("nearest", "border", false), []*tensor.Tensor{volume, beyond}, "float32[1×1×2×4×2] 1 9 1 2 1 12 8 7 8 7 1 4 12 9 12 4"},
		{"volume, reflection", sampled("nearest", "reflection", false), []*tensor.Tensor{volume, beyond}, "float32[1×1×2×4×2] 12 10 1 9 1 12 8 8 8 6 1 3 12 8 1 4"},
		{"a signal", sampled("linear", "border", true), []*tensor.Tensor{of([]int{1, 1, 3}, 1, 2, 4), of([]int{1, 3, 1}, -5, 0.5, 1)}, "float32[1×1×3] 1 3 4"},
		{"what is no number lies outside", sampled("linear", "zeros", true), []*tensor.Tensor{of([]int{1, 1, 2}, 1, 2), of([]int{1, 2, 1}, nan, float32(math.Inf(1)))}, "float32[1×1×2] 0 0"},
		{"reflection of one element", sampled("linear", "reflection", true), []*tensor.Tensor{of([]int{1, 1, 1}, 7), of([]int{1, 2, 1}, 9, -9)}, "float32[1×1×2] 7 7"},

		// x·2 + y + 3 and y·10, at ±0.5 or ±1.
		{"affine", ir.AffineGrid{}, []*tensor.Tensor{of([]int{1, 2, 3}, 2, 1, 3, 0, 10, 0), ints([]int{4}, 1, 1, 2, 2)}, "float32[1×2×2×2] 1.5 -5 3.5 -5 2.5 5 4.5 5"},
		{"affine, corners", ir.AffineGrid{AlignCorners: true}, []*tensor.Tensor{of([]int{1, 2, 3}, 2, 1, 3, 0, 10, 0), ints([]int{4}, 1, 1, 2, 2)}, "float32[1×2×2×2] 0 -10 4 -10 2 10 6 10"},
		{"affine of a volume", ir.AffineGrid{}, []*tensor.Tensor{doubles([]int{1, 3, 4}, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 9), ints([]int{5}, 1, 1, 1, 1, 2)}, "float64[1×1×1×2×3] -0.5 0 9 0.5 0 9"},
	})
}

func TestRegionsByHand(t *testing.T) {
	x := count(1, 1, 4, 4)
	nms := ir.NonMaxSuppression{}
	boxes := of([]int{1, 3, 4}, 0, 0, 1, 1, 1, 1.1, 0, 0.1, 0, 10, 1, 11) // the second has its corners swapped
	scores := of([]int{1, 1, 3}, 0.9, 0.95, 0.5)
	limit := func(most int64, iou float32, least ...float32) []*tensor.Tensor {
		in := []*tensor.Tensor{boxes, scores, ints([]int{1}, most), of(nil, iou)}
		if least != nil {
			in = append(in, of([]int{1}, least...))
		}
		return in
	}
	align := ir.RoiAlign{Height: 1, Width: 2, Scale: 1, Sampling: 1}
	half := align
	half.HalfPixel = true
	most := half
	most.Max = true
	adaptive := align
	adaptive.Sampling, adaptive.Width = 0, 1
	box := []*tensor.Tensor{x, of([]int{1, 4}, 0, 0, 2, 2), ints([]int{1}, 0)}
	checkSamples(t, []sample{
		// Cells of 2×1, whose middles are at row 1, columns 0.5 and 1.5.
		{"aligned", align, box, "float32[1×1×1×2] 5.5 6.5"},
		// Half an element less: row 0.5, columns 0 and 1.
		{"aligned to half pixels", half, box, "float32[1×1×1×2] 3 4"},
		// The largest share: half of 5, half of 6.
		{"largest share", most, box, "float32[1×1×1×2] 2.5 3"},
		// Two samples a side, at 0.5 and 1.5.
		{"as many samples as elements", adaptive, box, "float32[1×1×1×1] 6"},
		{"outside", align, []*tensor.Tensor{x, of([]int{1, 4}, 50, 50, 52, 52), ints([]int{1}, 0)}, "float32[1×1×1×2] 0 0"},
		{"halvesOf", align, []*tensor.Tensor{halvesOf([]int{1, 1, 1, 2}, 2, 4), halvesOf([]int{1, 4}, 0, 0, 2, 1), ints([]int{1}, 0)}, "float16[1×1×1×2] 3 4"},
		// Rows and columns 0…2 in two cells of 1.5: 0…1 and 1…2.
		{"largest of a box", ir.MaxRoiPool{Height: 2, Width: 2, Scale: 0.5}, []*tensor.Tensor{x, of([]int{1, 5}, 0, 0, 0, 4, 4)}, "float32[1×1×2×2] 6 7 10 11"},

		{"the best of those that overlap", nms, limit(3, 0.5), "int64[2×3] 0 0 1 0 0 2"},
		{"overlap of less than the threshold", nms, limit(3, 0.9), "int64[3×3] 0 0 1 0 0 0 0 0 2"},
		{"as many as asked", nms, limit(1, 0.9), "int64[1×3] 0 0 1"},
		{"above a score", nms, limit(3, 0.9, 0.5), "int64[2×3] 0 0 1 0 0 0"},
		{"none without a number", nms, []*tensor.Tensor{boxes, scores}, "int64[0×3]"},
		{"equal scores", nms, []*tensor.Tensor{of([]int{1, 2, 4}, 0, 0, 1, 1, 0, 0, 1, 1), of([]int{1, 2, 2}, 0.5, 0.5, 0.1, 0.2), ints(nil, 5), of(nil, 0.5)}, "int64[2×3] 0 0 0 0 1 1"},
		// Two boxes of 2×2, one element apart: a third of their area.
		{"boxes by their middle", ir.NonMaxSuppression{Center: true}, []*tensor.Tensor{of([]int{1, 2, 4}, 1, 1, 2, 2, 2, 1, 2, 2), of([]int{1, 1, 2}, 1, 2), ints(nil, 5), of(nil, 0.3)}, "int64[1×3] 0 0 1"},
		{"boxes by their middle that stay", ir.NonMaxSuppression{Center: true}, []*tensor.Tensor{of([]int{1, 2, 4}, 1, 1, 2, 2, 2, 1, 2, 2), of([]int{1, 1, 2}, 1, 2), ints(nil, 5), of(nil, 0.34)}, "int64[2×3] 0 0 1 0 0 0"},
	})
}

func TestPicturesAreDecoded(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	picture.Set(0, 0, color.NRGBA{255, 0, 0, 255})
	picture.Set(1, 0, color.NRGBA{10, 20, 30, 255})
	var asPNG, asBMP, asJPEG bytes.Buffer
	if err := png.Encode(&asPNG, picture); err != nil {
		t.Fatal(err)
	}
	if err := bmp.Encode(&asBMP, picture); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	file := func(b bytes.Buffer) []*tensor.Tensor { return []*tensor.Tensor{octets([]int{b.Len()}, b.Bytes()...)} }
	checkSamples(t, []sample{
		{"PNG", ir.ImageDecoder{Format: "RGB"}, file(asPNG), "uint8[1×2×3] 255 0 0 10 20 30"},
		{"BMP", ir.ImageDecoder{Format: "BGR"}, file(asBMP), "uint8[1×2×3] 0 0 255 30 20 10"},
		// 255·0.299, 10·0.299 + 20·0.587 + 30·0.114 = 18.15.
		{"grey", ir.ImageDecoder{Format: "Grayscale"}, file(asPNG), "uint8[1×2×1] 76 18"},
		{"JPEG", ir.ImageDecoder{Format: "Grayscale"}, file(asJPEG), "uint8[8×8×1]" + strings.Repeat(" 0", 64)},
	})
	wide := bytes.Clone(asPNG.Bytes())
	copy(wide[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // the header's extents, whose checksum is not theirs
	for name, c := range map[string]struct{ data, want string }{
		"text":        {"hello", "is no picture that can be read; supported are [bmp jpeg png webp]"},
		"TIFF":        {"II*\x00", "is no picture"},
		"cut short":   {asPNG.String()[:40], "damaged png"},
		"a large BMP": {largeBMP(asBMP.Bytes()), "more than the limit of 67108864 pixels"},
		"a wide PNG":  {string(wide), "is no picture"},
	} {
		_, err := reference.Eval(ir.ImageDecoder{Format: "RGB"}, []*tensor.Tensor{octets([]int{len(c.data)}, []byte(c.data)...)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// largeBMP is a file that claims 65536×65536 pixels.
func largeBMP(file []byte) string {
	file = bytes.Clone(file)
	copy(file[18:], []byte{0, 0, 1, 0, 0, 0, 1, 0})
	return string(file)
}

func TestSpatialRefusals(t *testing.T) {
	x, line := count(1, 1, 3, 3), of([]int{4}, 1, 2, 3, 4)
	huge := of([]int{1, 4}, 0, 0, 1e30, 1e30)
	align := ir.RoiAlign{Height: 1, Width: 1, Scale: 1}
	for name, c := range map[string]struct {
		op   ir.Operator
		in   []*tensor.Tensor
		want string
	}{
		"conv of two types":         {ir.Conv{Group: 1}, []*tensor.Tensor{x, doubles([]int{1, 1, 1, 1}, 1)}, "input 1 (W) is float64 and input 0 (X) is float32"},
		"conv of bytes":             {ir.Conv{Group: 1}, []*tensor.Tensor{octets([]int{1, 1, 1}, 1), octets([]int{1, 1, 1}, 1)}, "input 0 (X) is uint8; supported is a float type"},
		"transposed, other weights": {ir.ConvTranspose{Group: 1}, []*tensor.Tensor{x, count(2, 1, 1, 1)}, "group 1 does not divide"},
		"transposed to nothing":     {ir.ConvTranspose{Group: 1, Window: ir.Window{Pads: []int{1, 1, 1, 1}}}, []*tensor.Tensor{count(1, 1, 1, 1), count(1, 1, 1, 1)}, "leaves nothing"},
		"transposed, output_padding": {ir.ConvTranspose{Group: 1, OutputPadding: []int{1}}, []*tensor.Tensor{x, count(1, 1, 1, 1)},
			"output_padding has 1 values, want 2"},
		"offsets":        {ir.DeformConv{Group: 1, OffsetGroup: 1}, []*tensor.Tensor{x, count(1, 1, 2, 2), count(1, 2, 2, 2)}, "input 2 (offset) has shape [1×2×2×2], want [1×8×2×2]"},
		"a zero point":   {ir.ConvInteger{Group: 1}, []*tensor.Tensor{octets([]int{1, 1, 1}, 1), octets([]int{1, 1, 1}, 1), must(tensor.Of([]int8{1}, 1))}, "input 2 (x_zero_point) is int8 and input 0 is uint8"},
		"scales a map":   {ir.QLinearConv{Group: 1}, quantized(octets([]int{1, 1, 1}, 1), octets([]int{1, 1, 1}, 1), []float32{1, 2}, []uint8{0}, 0, nil), "input 4 (w_scale) has shape [2], want a scalar or [1]"},
		"unpool":         {ir.MaxUnpool{Window: ir.Window{Kernel: []int{2}}}, []*tensor.Tensor{of([]int{1, 1, 1}, 1), ints([]int{1, 1, 1}, 2)}, "input 1 (I): 2 is outside 0…1"},
		"columns":        {ir.Col2Im{}, []*tensor.Tensor{of([]int{1, 2, 2}, 1, 2, 3, 4), ints([]int{1}, 4), ints([]int{1}, 2)}, "want N×C·2×3"},
		"neither":        {resize("linear", "half_pixel"), []*tensor.Tensor{line}, "one of input 2 (scales) and input 3 (sizes) is wanted"},
		"both":           {resize("linear", "half_pixel"), []*tensor.Tensor{line, nil, of([]int{1}, 2), ints([]int{1}, 2)}, "one of input 2 (scales)"},
		"a scale of 0":   {resize("linear", "half_pixel"), []*tensor.Tensor{line, nil, of([]int{1}, 0)}, "scale 0 of axis 0 is not a positive number"},
		"a large scale":  {resize("linear", "half_pixel"), []*tensor.Tensor{line, nil, of([]int{1}, 1e30)}, "more than the limit"},
		"a large size":   {resize("linear", "half_pixel"), []*tensor.Tensor{line, nil, nil, ints([]int{1}, 1<<62)}, "size 4611686018427387904 of axis 0"},
		"no roi":         {resize("linear", "tf_crop_and_resize"), []*tensor.Tensor{line, nil, of([]int{1}, 2)}, "input 1 (roi) is missing"},
		"an axis twice":  {with(resize("linear", "half_pixel"), func(r *ir.Resize) { r.Axes = []int{0, -1} }), []*tensor.Tensor{line, nil, of([]int{2}, 2, 2)}, "names axis 0 twice"},
		"a grid of 3":    {ir.GridSample{Mode: "linear"}, []*tensor.Tensor{x, count(1, 1, 1, 3)}, "input 1 (grid) has shape [1×1×1×3], want N×out×2"},
		"no such batch":  {align, []*tensor.Tensor{x, count(1, 4), ints([]int{1}, 1)}, "input 2 (batch_indices): 1 is outside 0…0"},
		"a huge box":     {align, []*tensor.Tensor{x, huge, ints([]int{1}, 0)}, "input 1 (rois): box 0: a cell of extent"},
		"no such image":  {ir.MaxRoiPool{Height: 1, Width: 1, Scale: 1}, []*tensor.Tensor{x, of([]int{1, 5}, 7, 0, 0, 1, 1)}, "box 0 is of picture 7"},
		"a threshold":    {ir.NonMaxSuppression{}, []*tensor.Tensor{count(1, 1, 4), count(1, 1, 1), ints(nil, 1), of(nil, 7)}, "input 3 (iou_threshold) is 7"},
		"float boxes of": {ir.NonMaxSuppression{}, []*tensor.Tensor{count(1, 2, 4), count(1, 1, 1)}, "input 1 (scores) has shape [1×1×1], want 1×C×2"},
	} {
		_, err := reference.Eval(c.op, c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
