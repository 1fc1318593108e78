package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// copyElements gives X's elements, in order, Y's shape: Reshape-14, Flatten-13,
// Squeeze-13, Unsqueeze-13 and Identity-16 differ only in the shape that they
// infer.
func copyElements(xt, yt *tensor.Tensor) error {
	copy(tensor.Data[float32](yt), tensor.Data[float32](xt))
	copy(tensor.Data[int64](yt), tensor.Data[int64](xt))
	return nil
}

// shape gives X's extents from Start to End (ONNX Shape-15). Y is an int64
// vector; bounds beyond the rank are clamped.
func shape(op ir.Shape, xt, yt *tensor.Tensor) error {
	rank := len(xt.Shape())
	start := min(max(axisOf(op.Start, rank), 0), rank)
	for i := range tensor.Data[int64](yt) {
		tensor.Data[int64](yt)[i] = int64(xt.Shape()[start+i])
	}
	return nil
}

// concat joins its inputs along Axis (ONNX Concat-13). Inputs and Y agree in
// all other extents.
func concat(op ir.Concat, in args, yt *tensor.Tensor) error {
	if yt.DType() == tensor.Int64 {
		concatElements[int64](op, in, yt)
	} else {
		concatElements[float32](op, in, yt)
	}
	return nil
}

func concatElements[T tensor.Element](op ir.Concat, in args, yt *tensor.Tensor) {
	axis := axisOf(op.Axis, len(yt.Shape()))
	y := tensor.Data[T](yt)
	for o := range size(yt.Shape()[:axis]) {
		for _, xt := range in {
			if xt == nil {
				continue
			}
			block := size(xt.Shape()[axis:])
			y = y[copy(y, tensor.Data[T](xt)[o*block:(o+1)*block]):]
		}
	}
}

// gather takes slices of X along Axis (ONNX Gather-13). X is [outer…×A×inner…],
// indices int64 of any shape, Y [outer…×indices…×inner…]; a negative index
// counts from the end.
func gather(op ir.Gather, xt, indices, yt *tensor.Tensor) error {
	axis := axisOf(op.Axis, len(xt.Shape()))
	extent := xt.Shape()[axis]
	at := make([]int, indices.Len())
	for i, v := range tensor.Data[int64](indices) {
		if v < int64(-extent) || v >= int64(extent) {
			return fmt.Errorf("index %d lies outside axis %d of %v", v, axis, xt)
		}
		at[i] = axisOf(int(v), extent)
	}
	if yt.DType() == tensor.Int64 {
		gatherElements[int64](xt, axis, at, yt)
	} else {
		gatherElements[float32](xt, axis, at, yt)
	}
	return nil
}

func gatherElements[T tensor.Element](xt *tensor.Tensor, axis int, at []int, yt *tensor.Tensor) {
	s := xt.Shape()
	inner := size(s[axis+1:])
	x, y := tensor.Data[T](xt), tensor.Data[T](yt)
	for o := range size(s[:axis]) {
		for _, a := range at {
			y = y[copy(y, x[(o*s[axis]+a)*inner:][:inner]):]
		}
	}
}
