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

// axes gives w, which is explicit, over the spatial dimensions of x and y
// ([N×C×spatial…]). Fewer than three dimensions are lifted to three by leading
// ones of extent 1, which change nothing, so that one set of loops serves
// signals, pictures and volumes.
func axes(w ir.Window, x, y tensor.Shape) ([mostSpatial]axis, error) {
	var all [mostSpatial]axis
	n := len(x) - 2
	if n > mostSpatial {
		return all, fmt.Errorf("input %v has %d spatial dimensions; at most %d are supported", x, n, mostSpatial)
	}
	for i := range all {
		all[i] = axis{in: 1, out: 1, kernel: 1, stride: 1, dilation: 1}
	}
	for i := range n {
		all[mostSpatial-n+i] = axis{
			in: x[2+i], out: y[2+i],
			kernel: w.Kernel[i], stride: w.Strides[i], dilation: w.Dilations[i],
			before: w.Pads[i], after: w.Pads[n+i],
		}
	}
	return all, nil
}
