package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// copyElements gives X's elements, in order, Y's shape: Reshape-14, Flatten-13,
// Squeeze-13 and Unsqueeze-13 differ only in the shape that they infer.
func copyElements(xt, yt *tensor.Tensor) error { return tensor.Copy(yt, 0, xt, 0, yt.Len()) }

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
	axis := axisOf(op.Axis, len(yt.Shape()))
	at := 0
	for o := range size(yt.Shape()[:axis]) {
		for _, xt := range in {
			if xt == nil {
				continue
			}
			block := size(xt.Shape()[axis:])
			if err := tensor.Copy(yt, at, xt, o*block, block); err != nil {
				return err
			}
			at += block
		}
	}
	return nil
}

// gather takes slices of X along Axis (ONNX Gather-13). X is [outer…×A×inner…],
// indices of any shape, Y [outer…×indices…×inner…]; a negative index
// counts from the end. That indices lie inside was checked with the shapes.
func gather(op ir.Gather, xt, indices, yt *tensor.Tensor) error {
	s := xt.Shape()
	axis := axisOf(op.Axis, len(s))
	inner, to, list := size(s[axis+1:]), 0, wholes(indices)
	for o := range size(s[:axis]) {
		for _, v := range list {
			from := (o*s[axis] + axisOf(int(v), s[axis])) * inner
			if err := tensor.Copy(yt, to, xt, from, inner); err != nil {
				return err
			}
			to += inner
		}
	}
	return nil
}
