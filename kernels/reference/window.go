package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// mostSpatial is the largest number of spatial dimensions that a window slides
// over: volumes.
const mostSpatial = 3

// axis is one spatial dimension of a window that slides over an input.
type axis struct {
	in, out       int // extents of the input and of the result
	kernel        int // elements of the window
	stride        int // from one window to the next
	dilation      int // from one element of the window to the next
	before, after int // padding on either side of the input
}

// at is the input position under element k of window o. It lies in the padding
// if it is negative or not below a.in.
func (a axis) at(o, k int) int { return o*a.stride - a.before + k*a.dilation }

// inside reports whether element k of window o lies on the input.
func (a axis) inside(o, k int) bool { return a.at(o, k) >= 0 && a.at(o, k) < a.in }

// padded reports whether element k of window o lies on the input or its
// padding; in ceil mode the last window may reach past both.
func (a axis) padded(o, k int) bool { return a.at(o, k) < a.in+a.after }

// span is the range of windows [lo, hi) whose element k lies on the input.
func (a axis) span(k int) (lo, hi int) {
	for lo < a.out && a.at(lo, k) < 0 {
		lo++
	}
	for hi = lo; hi < a.out && a.at(hi, k) < a.in; hi++ {
	}
	return lo, hi
}

// axes resolves w over the spatial dimensions of x and y ([N×C×spatial…]).
// Fewer than three dimensions are lifted to three by leading ones of extent 1,
// which change nothing, so that one set of loops serves signals, pictures and
// volumes.
func axes(w ir.Window, kernel []int, x, y tensor.Shape) ([mostSpatial]axis, error) {
	var all [mostSpatial]axis
	n := len(x) - 2
	if n > mostSpatial {
		return all, fmt.Errorf("input %v has %d spatial dimensions; at most %d are supported", x, n, mostSpatial)
	}
	for i := range all {
		all[i] = axis{in: 1, out: 1, kernel: 1, stride: 1, dilation: 1}
	}
	for i := range n {
		a := &all[mostSpatial-n+i]
		a.in, a.out, a.kernel = x[2+i], y[2+i], kernel[i]
		if w.Strides != nil {
			a.stride = w.Strides[i]
		}
		if w.Dilations != nil {
			a.dilation = w.Dilations[i]
		}
		a.before, a.after = pads(w, i, n, *a)
	}
	return all, nil
}

// pads is the padding of spatial dimension i of n, by the rules of ONNX's
// auto_pad.
func pads(w ir.Window, i, n int, a axis) (before, after int) {
	total := max(0, (a.out-1)*a.stride+(a.kernel-1)*a.dilation+1-a.in)
	switch w.AutoPad {
	case ir.PadSameUpper:
		return total / 2, total - total/2
	case ir.PadSameLower:
		return total - total/2, total / 2
	case ir.PadValid:
		return 0, 0
	}
	if w.Pads == nil {
		return 0, 0
	}
	return w.Pads[i], w.Pads[n+i]
}
