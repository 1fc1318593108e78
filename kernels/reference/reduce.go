package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// reduceMean is the mean over axes (ONNX ReduceMean-18): all of them if axes
// is absent or empty, unless NoopWithEmptyAxes. Y has X's shape with the
// reduced extents 1, or without them unless KeepDims.
func reduceMean(w *ir.Watch, op ir.ReduceMean, xt, axes, yt *tensor.Tensor) error {
	if xt.DType() != tensor.Float32 {
		return fmt.Errorf("input 0 is %v; only float32 is supported", xt)
	}
	var list []int64
	if axes != nil {
		list = tensor.Data[int64](axes)
	}
	reduced, err := op.Reduced(list, len(xt.Shape()))
	if err != nil {
		return err
	}
	kept := xt.Shape().Clone()
	for i, gone := range reduced {
		if gone {
			kept[i] = 1
		}
	}
	sums := make([]float64, size(kept))
	to := strides(kept, xt.Shape())
	for i, v := range tensor.Data[float32](xt) {
		if w.Over(1) {
			return nil
		}
		sums[offset(i, xt.Shape(), to)] += float64(v)
	}
	y := tensor.Data[float32](yt)
	for i, sum := range sums {
		y[i] = float32(sum * float64(len(sums)) / float64(xt.Len()))
	}
	return nil
}

// softmax is exp(x)/Σexp(x) along Axis, or over all dimensions from it if
// Flatten (ONNX Softmax-13, Softmax-11). X and Y have one shape. The largest
// element is subtracted first, so that nothing overflows.
func softmax(w *ir.Watch, op ir.Softmax, xt, yt *tensor.Tensor) error {
	s := xt.Shape()
	axis := axisOf(op.Axis, len(s))
	length, inner := size(s[axis:]), 1
	if !op.Flatten {
		length, inner = s[axis], size(s[axis+1:])
	}
	x, y := tensor.Data[float32](xt), tensor.Data[float32](yt)
	for i := range y {
		if w.Over(1) {
			return nil
		}
		if i/inner%length == 0 {
			softmaxAlong(x[i:], y[i:], length, inner)
		}
	}
	return nil
}

// softmaxAlong normalises the length elements of x that lie step apart.
func softmaxAlong(x, y []float32, length, step int) {
	largest, sum := math.Inf(-1), 0.0
	for i := range length {
		largest = max(largest, float64(x[i*step]))
	}
	for i := range length {
		sum += math.Exp(float64(x[i*step]) - largest)
	}
	for i := range length {
		y[i*step] = float32(math.Exp(float64(x[i*step])-largest) / sum)
	}
}
