package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

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

// taps is the range [lo, hi) of window o's elements that lie on the input.
func (a axis) taps(o int) (lo, hi int) { return a.reach(o, 0), a.reach(o, a.in) }

// padded is the number of window o's elements that lie on the input or its
// padding; in ceil mode the last window may reach past both.
func (a axis) padded(o int) int { return a.reach(o, a.in+a.after) }

// reach is the number of window o's elements before position end.
func (a axis) reach(o, end int) int {
	return min(max(ceilQuotient(end-a.at(o, 0), a.dilation), 0), a.kernel)
}

// span is the range of windows [lo, hi) whose element k lies on the input.
func (a axis) span(k int) (lo, hi int) {
	first := a.before - k*a.dilation // the first window's distance to the input
	lo = min(max(ceilQuotient(first, a.stride), 0), a.out)
	return lo, min(max(ceilQuotient(first+a.in, a.stride), lo), a.out)
}

// ceilQuotient is ⌈a/b⌉ for b > 0.
func ceilQuotient(a, b int) int {
	if a <= 0 {
		return -(-a / b)
	}
	return (a + b - 1) / b
}

// axes gives w, which is explicit, over the spatial dimensions of x and y
// ([N×C×spatial…]).
func axes(w ir.Window, x, y tensor.Shape) []axis {
	n := len(x) - 2
	all := make([]axis, n)
	for i := range all {
		all[i] = axis{
			in: x[2+i], out: y[2+i],
			kernel: w.Kernel[i], stride: w.Strides[i], dilation: w.Dilations[i],
			before: w.Pads[i], after: w.Pads[n+i],
		}
	}
	return all
}

// under visits the elements of the window at o that lie on the input: tap is its
// number in the window, at its offset in the channel. The caller begins with 0, 0.
func under(ax []axis, o []int, tap, at int, visit func(tap, at int)) {
	if len(ax) == 0 {
		visit(tap, at)
		return
	}
	a := ax[0]
	for k, hi := a.taps(o[0]); k < hi; k++ {
		under(ax[1:], o[1:], tap*a.kernel+k, at*a.in+a.at(o[0], k), visit)
	}
}

// windowAt writes the coordinates of the i-th element, in row-major order, of shape.
func windowAt(i int, shape []int, at []int) {
	for d := len(shape) - 1; d >= 0; d-- {
		at[d] = i % shape[d]
		i /= shape[d]
	}
}

// summand is what sums over windows read: a tensor's own float32, or any other type
// widened.
type summand interface{ float32 | float64 }
