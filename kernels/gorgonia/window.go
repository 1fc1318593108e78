package gorgonia

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// picture is the number of spatial dimensions that the kernels slide over.
const picture = 2

// axis is one spatial dimension of a sliding window.
type axis struct {
	in, out, kernel, stride, dilation, before, after int
}

// start is the input position under the first element of window o; it is
// negative in the padding.
func (a axis) start(o int) int { return o*a.stride - a.before }

// taps is the range [lo, hi) of window o's elements that lie on the input.
func (a axis) taps(o int) (lo, hi int) {
	return a.reach(0, o), a.reach(a.in, o)
}

// padded is the number of window o's elements that lie on the input or its
// padding; in ceil mode the last window can reach past both.
func (a axis) padded(o int) int { return a.reach(a.in+a.after, o) }

// reach is the number of window o's elements before position end.
func (a axis) reach(end, o int) int {
	return min(max(ceilDiv(end-a.start(o), a.dilation), 0), a.kernel)
}

// span is the range [lo, hi) of windows whose element k lies on the input.
func (a axis) span(k int) (lo, hi int) {
	first := a.before - k*a.dilation // the first window's distance to the input
	lo = min(max(ceilDiv(first, a.stride), 0), a.out)
	return lo, min(max(ceilDiv(first+a.in, a.stride), lo), a.out)
}

// ceilDiv is ⌈a/b⌉ for b > 0.
func ceilDiv(a, b int) int {
	if a <= 0 {
		return -(-a / b)
	}
	return (a + b - 1) / b
}

// window gives the rows and columns of w, which is explicit, over x and y
// ([N×C×spatial…]). A signal, with one spatial dimension, is a picture of one
// row.
func (s site) window(w ir.Window, x, y tensor.Shape) (rows, columns axis, err error) {
	n := len(x) - 2
	if n < 1 || n > picture {
		return rows, columns, s.refuse("slides over %d spatial dimensions; 1 and 2 are supported", n)
	}
	at := func(i int) axis {
		return axis{x[2+i], y[2+i], w.Kernel[i], w.Strides[i], w.Dilations[i], w.Pads[i], w.Pads[n+i]}
	}
	if n == 1 {
		return axis{in: 1, out: 1, kernel: 1, stride: 1, dilation: 1}, at(0), nil
	}
	return at(0), at(1), nil
}
