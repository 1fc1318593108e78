package reference_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// sum is one operator worked out by hand from its definition in the ONNX
// specification. The engines are held to the reference; these hold the
// reference.
type sum struct {
	name string
	op   ir.Operator
	in   []*tensor.Tensor
	want *tensor.Tensor
}

func check(t *testing.T, sums []sum) {
	t.Helper()
	for _, s := range sums {
		t.Run(s.name, func(t *testing.T) {
			got, err := reference.Eval(s.op, s.in)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := show(got[0]), show(s.want); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// show writes shape and elements; sums by hand are exact to 5 digits.
func show(t *tensor.Tensor) string {
	if t.DType() == tensor.Int64 {
		return fmt.Sprintf("%v %d", t, tensor.Data[int64](t))
	}
	return fmt.Sprintf("%v %.5g", t, tensor.Data[float32](t))
}

// of is a float32 tensor.
func of(shape []int, v ...float32) *tensor.Tensor { return must(tensor.Of(v, shape...)) }

// ints is an int64 tensor.
func ints(shape []int, v ...int64) *tensor.Tensor {
	return must(tensor.Of(append([]int64{}, v...), shape...))
}

// count is a float32 tensor of 1, 2, 3, …
func count(shape ...int) *tensor.Tensor {
	t := must(tensor.New(tensor.Float32, shape...))
	for i := range t.Len() {
		tensor.Data[float32](t)[i] = float32(i + 1)
	}
	return t
}

func must(t *tensor.Tensor, err error) *tensor.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}

func TestConvByHand(t *testing.T) {
	same := func(rule ir.AutoPad) ir.Conv {
		return ir.Conv{Group: 1, Window: ir.Window{AutoPad: rule, Strides: []int{2}}}
	}
	relu := ir.Conv{Group: 1, Act: ir.Activation{Clip: true, Max: float32(math.Inf(1))}}
	dilated := ir.Conv{Group: 1, Window: ir.Window{Dilations: []int{2}, Pads: []int{1, 0}}}
	check(t, []sum{
		// 1·1 + 2·2 + 4·3 + 5·4 = 37, and so on; + 10.
		{"window of 2×2", ir.Conv{Group: 1},
			[]*tensor.Tensor{count(1, 1, 3, 3), count(1, 1, 2, 2), of([]int{1}, 10)},
			of([]int{1, 1, 2, 2}, 47, 57, 77, 87)},
		// Weights 1 2 3 over 0 1 2 3 0: 0+2+6, 1+4+9, 2+6+0.
		{"padding counts as zero", ir.Conv{Group: 1, Window: ir.Window{Pads: []int{1, 1}}},
			[]*tensor.Tensor{count(1, 1, 3), count(1, 1, 3)},
			of([]int{1, 1, 3}, 8, 14, 8)},
		// Padding before the picture only: rows 0 and 1 of [0 1 2; 0 3 4].
		{"padding on one side", ir.Conv{Group: 1, Window: ir.Window{Pads: []int{0, 1, 0, 0}}},
			[]*tensor.Tensor{count(1, 1, 2, 2), count(1, 1, 1, 2)},
			of([]int{1, 1, 2, 2}, 2, 5, 6, 11)},
		// Windows start at −1, 0: taps two apart. 1·0+2·2, 1·1+2·3, 1·2+2·4.
		{"dilation", dilated,
			[]*tensor.Tensor{count(1, 1, 4), count(1, 1, 2)},
			of([]int{1, 1, 3}, 4, 7, 10)},
		// 4 elements, stride 2, window 3: one element of padding, after or
		// before. Upper: 1+4+9, 3+8+0. Lower: 0+2+6, 2+6+12.
		{"same upper pads after", same(ir.PadSameUpper),
			[]*tensor.Tensor{count(1, 1, 4), count(1, 1, 3)}, of([]int{1, 1, 2}, 14, 11)},
		{"same lower pads before", same(ir.PadSameLower),
			[]*tensor.Tensor{count(1, 1, 4), count(1, 1, 3)}, of([]int{1, 1, 2}, 8, 20)},
		// Two channels add up: 1·1 + 3·2, 2·1 + 4·2.
		{"channels add up", ir.Conv{Group: 1},
			[]*tensor.Tensor{count(1, 2, 2), count(1, 2, 1)}, of([]int{1, 1, 2}, 7, 10)},
		// Groups: map 0 reads channel 0, map 1 channel 1.
		{"groups read their own channels", ir.Conv{Group: 2},
			[]*tensor.Tensor{count(1, 2, 2), of([]int{2, 1, 1}, 10, 100)}, of([]int{1, 2, 2}, 10, 20, 300, 400)},
		// Two maps from one channel, each with its bias, in each of two pictures.
		{"maps and batch", ir.Conv{Group: 1},
			[]*tensor.Tensor{count(2, 1, 1), of([]int{2, 1, 1}, 10, 100), of([]int{2}, 1, 2)}, of([]int{2, 2, 1}, 11, 102, 21, 202)},
		{"a fused relu", relu,
			[]*tensor.Tensor{of([]int{1, 1, 3}, -1, 0, 2), of([]int{1, 1, 1}, 3)}, of([]int{1, 1, 3}, 0, 0, 6)},
		// A volume: 1+2+…+8.
		{"volumes", ir.Conv{Group: 1},
			[]*tensor.Tensor{count(1, 1, 2, 2, 2), of([]int{1, 1, 2, 2, 2}, 1, 1, 1, 1, 1, 1, 1, 1)}, of([]int{1, 1, 1, 1, 1}, 36)},
	})
}

func TestPoolingByHand(t *testing.T) {
	window := func(kernel, stride int, pads ...int) ir.Window {
		return ir.Window{Kernel: []int{kernel}, Strides: []int{stride}, Pads: pads}
	}
	signal := of([]int{1, 1, 4}, -4, -2, -1, -3)
	check(t, []sum{
		{"the largest of 2×2", ir.MaxPool{Window: ir.Window{Kernel: []int{2, 2}}},
			[]*tensor.Tensor{of([]int{1, 1, 2, 3}, 1, 9, 2, 3, 4, 5)}, of([]int{1, 1, 1, 2}, 9, 9)},
		{"padding never wins", ir.MaxPool{Window: window(2, 2, 1, 1)},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 3}, -4, -1, -3)},
		{"rounded down", ir.MaxPool{Window: window(3, 2)},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 1}, -1)},
		{"rounded up", ir.MaxPool{Window: window(3, 2), CeilMode: true},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 2}, -1, -1)},
		{"the mean of 2", ir.AveragePool{Window: window(2, 2)},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 2}, -3, -2)},
		// −4/1, (−2−1)/2, −3/1.
		{"padding left out", ir.AveragePool{Window: window(2, 2, 1, 1)},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 3}, -4, -1.5, -3)},
		{"padding counted", ir.AveragePool{Window: window(2, 2, 1, 1), CountIncludePad: true},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 3}, -2, -1.5, -1.5)},
		// The third window starts on the last element, and one of its three
		// lies on the padding; the last is past it and does not count: −3/2.
		{"what rounding up adds does not count", ir.AveragePool{Window: window(3, 2, 1, 1), CeilMode: true, CountIncludePad: true},
			[]*tensor.Tensor{signal}, of([]int{1, 1, 3}, -2, -2, -1.5)},
		{"the mean of a channel", ir.GlobalAveragePool{},
			[]*tensor.Tensor{count(1, 2, 2, 2)}, of([]int{1, 2, 1, 1}, 2.5, 6.5)},
	})
}

func TestMatricesByHand(t *testing.T) {
	a, b := count(2, 3), count(3, 2) // [1 2 3; 4 5 6], [1 2; 3 4; 5 6]
	check(t, []sum{
		{"gemm", ir.Gemm{Alpha: 1, Beta: 1}, []*tensor.Tensor{a, b}, of([]int{2, 2}, 22, 28, 49, 64)},
		{"gemm scaled, with a row", ir.Gemm{Alpha: 2, Beta: 3}, []*tensor.Tensor{a, b, of([]int{2}, 1, -1)},
			of([]int{2, 2}, 47, 53, 101, 125)},
		{"gemm with a column", ir.Gemm{Alpha: 1, Beta: 1}, []*tensor.Tensor{a, b, of([]int{2, 1}, 100, 200)},
			of([]int{2, 2}, 122, 128, 249, 264)},
		// A' = [1 3 5; 2 4 6], B' = [1 4; 2 5; 3 6].
		{"gemm of both transposed", ir.Gemm{Alpha: 1, Beta: 1, TransA: true, TransB: true}, []*tensor.Tensor{b, a},
			of([]int{2, 2}, 22, 49, 28, 64)},
		{"gemm then relu6", ir.Gemm{Alpha: 1, Beta: 1, Act: ir.Activation{Clip: true, Min: 0, Max: 6}},
			[]*tensor.Tensor{of([]int{1, 1}, 2), of([]int{1, 3}, -1, 1, 4)}, of([]int{1, 3}, 0, 2, 6)},
		{"matmul", ir.MatMul{}, []*tensor.Tensor{a, b}, of([]int{2, 2}, 22, 28, 49, 64)},
		{"matmul of a row", ir.MatMul{}, []*tensor.Tensor{count(3), b}, of([]int{2}, 22, 28)},
		{"matmul with a column", ir.MatMul{}, []*tensor.Tensor{a, count(3)}, of([]int{2}, 14, 32)},
		{"matmul of vectors", ir.MatMul{}, []*tensor.Tensor{count(3), count(3)}, of([]int{}, 14)},
		{"matmul of batches", ir.MatMul{}, []*tensor.Tensor{count(2, 1, 1), of([]int{1, 2}, 10, 20)},
			of([]int{2, 1, 2}, 10, 20, 20, 40)},
	})
}

func TestPointwiseByHand(t *testing.T) {
	x := of([]int{4}, -2, -0.5, 0.5, 2)
	check(t, []sum{
		{"relu", ir.Relu{}, []*tensor.Tensor{x}, of([]int{4}, 0, 0, 0.5, 2)},
		{"clip", ir.Clip{}, []*tensor.Tensor{x, of(nil, -1), of(nil, 1)}, of([]int{4}, -1, -0.5, 0.5, 1)},
		{"clip below", ir.Clip{}, []*tensor.Tensor{x, of(nil, -1)}, of([]int{4}, -1, -0.5, 0.5, 2)},
		{"clip above", ir.Clip{}, []*tensor.Tensor{x, nil, of(nil, 1)}, of([]int{4}, -2, -0.5, 0.5, 1)},
		{"clip where the upper limit wins", ir.Clip{}, []*tensor.Tensor{x, of(nil, 1), of(nil, -1)}, of([]int{4}, -1, -1, -1, -1)},
		{"add", ir.Add{}, []*tensor.Tensor{x, x}, of([]int{4}, -4, -1, 1, 4)},
		{"add of row and column", ir.Add{}, []*tensor.Tensor{of([]int{2, 1}, 10, 20), count(3)}, of([]int{2, 3}, 11, 12, 13, 21, 22, 23)},
		// (x − mean)·scale/√(variance + ε) + bias: (1−1)·2/2+5, (3−1)·2/2+5; (2−0)·1/1−1, (4−0)·1/1−1.
		{"batch normalization", ir.BatchNormalization{Epsilon: 1}, []*tensor.Tensor{
			of([]int{1, 2, 2}, 1, 3, 2, 4), of([]int{2}, 2, 1), of([]int{2}, 5, -1), of([]int{2}, 1, 0), of([]int{2}, 3, 0)},
			of([]int{1, 2, 2}, 5, 7, 1, 3)},
		{"mean of columns", ir.Reduce{By: ir.ReduceMean}, []*tensor.Tensor{count(2, 3), ints([]int{1}, 0)}, of([]int{3}, 2.5, 3.5, 4.5)},
		{"mean of rows kept", ir.Reduce{By: ir.ReduceMean, KeepDims: true}, []*tensor.Tensor{count(2, 3), ints([]int{1}, -1)}, of([]int{2, 1}, 2, 5)},
		{"mean of all", ir.Reduce{By: ir.ReduceMean}, []*tensor.Tensor{count(2, 3)}, of(nil, 3.5)},
		// e⁰ : e^ln3 = 1 : 3.
		{"softmax", ir.Softmax{Axis: 1}, []*tensor.Tensor{of([]int{1, 2}, 0, float32(math.Log(3)))}, of([]int{1, 2}, 0.25, 0.75)},
		{"softmax of columns", ir.Softmax{Axis: 0}, []*tensor.Tensor{of([]int{2, 2}, 7, 1, 7, 1)}, of([]int{2, 2}, 0.5, 0.5, 0.5, 0.5)},
		{"softmax flattened", ir.Softmax{Axis: 0, Flatten: true}, []*tensor.Tensor{of([]int{2, 2}, 7, 7, 7, 7)}, of([]int{2, 2}, 0.25, 0.25, 0.25, 0.25)},
		{"softmax does not overflow", ir.Softmax{Axis: 0}, []*tensor.Tensor{of([]int{2}, 1000, 1000)}, of([]int{2}, 0.5, 0.5)},
	})
}

func TestMovementByHand(t *testing.T) {
	x := count(2, 3)
	check(t, []sum{
		{"concat of rows", ir.Concat{Axis: 0}, []*tensor.Tensor{x, of([]int{1, 3}, 7, 8, 9)}, count(3, 3)},
		{"concat of columns", ir.Concat{Axis: 1}, []*tensor.Tensor{x, of([]int{2, 1}, 0, 0)}, of([]int{2, 4}, 1, 2, 3, 0, 4, 5, 6, 0)},
		{"concat of integers", ir.Concat{Axis: 0}, []*tensor.Tensor{ints([]int{1}, 5), ints([]int{1}, -1)}, ints([]int{2}, 5, -1)},
		{"flatten", ir.Flatten{Axis: 1}, []*tensor.Tensor{count(2, 1, 3)}, count(2, 3)},
		{"flatten at 0", ir.Flatten{Axis: 0}, []*tensor.Tensor{x}, count(1, 6)},
		{"reshape", ir.Reshape{}, []*tensor.Tensor{count(2, 3, 2), ints([]int{2}, 0, -1)}, count(2, 6)},
		{"squeeze", ir.Squeeze{}, []*tensor.Tensor{count(1, 2, 1)}, count(2)},
		{"unsqueeze", ir.Unsqueeze{}, []*tensor.Tensor{count(2), ints([]int{2}, 0, 2)}, count(1, 2, 1)},
		{"shape", ir.Shape{}, []*tensor.Tensor{x}, ints([]int{2}, 2, 3)},
		{"shape from the end", ir.Shape{Start: -1}, []*tensor.Tensor{x}, ints([]int{1}, 3)},
		{"gather of rows", ir.Gather{Axis: 0}, []*tensor.Tensor{x, ints([]int{2}, 1, -2)}, of([]int{2, 3}, 4, 5, 6, 1, 2, 3)},
		{"gather of one column", ir.Gather{Axis: 1}, []*tensor.Tensor{x, ints(nil, -1)}, of([]int{2}, 3, 6)},
		{"gather of integers", ir.Gather{Axis: 0}, []*tensor.Tensor{ints([]int{3}, 7, 8, 9), ints(nil, 1)}, ints(nil, 8)},
		{"identity", ir.Identity{}, []*tensor.Tensor{x}, x},
	})
}
