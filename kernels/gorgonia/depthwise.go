package gorgonia

import "github.com/squadron-edge/squadron/kernels/ir"

// depthwise is convolution where each map reads one channel: row by row, one
// element of the window at a time.
type depthwise struct {
	convolution
	spans [][2]int // for each column of the window, the windows where it lies on the input
}

func newDepthwise(c convolution) *depthwise {
	d := &depthwise{convolution: c, spans: make([][2]int, c.columns.kernel)}
	for k := range d.spans {
		d.spans[k][0], d.spans[k][1] = c.columns.span(k)
	}
	return d
}

// run takes x, the filters and optionally the bias.
func (d *depthwise) run(w *ir.Watch, in [][]float32, out []float32) {
	maps := d.groups * d.maps
	for plane := range d.batch * maps {
		n, m := plane/maps, plane%maps
		bias := float32(0)
		if len(in) == 3 {
			bias = in[2][m]
		}
		channel := in[0][(n*d.groups+m/d.maps)*d.area():][:d.area()]
		d.plane(w, channel, in[1][m*d.depth():][:d.depth()], bias, out[plane*d.pixels():][:d.pixels()])
	}
}

// plane makes one map.
func (d *depthwise) plane(watch *ir.Watch, x, w []float32, bias float32, out []float32) {
	for o := range d.rows.out {
		y := out[o*d.columns.out:][:d.columns.out]
		for i := range y {
			y[i] = bias
		}
		lo, hi := d.rows.taps(o)
		if watch.Over(d.columns.out) {
			return
		}
		for k := lo; k < hi; k++ {
			r := d.rows.start(o) + k*d.rows.dilation
			d.row(watch, x[r*d.columns.in:][:d.columns.in], w[k*d.columns.kernel:][:d.columns.kernel], y)
		}
		activate(d.act, y)
	}
}

// row adds one row of the input under one row of the window.
func (d *depthwise) row(watch *ir.Watch, x, w, y []float32) {
	for k, weight := range w {
		lo, hi := d.spans[k][0], d.spans[k][1]
		if watch.Over(hi - lo) {
			return
		}
		at := d.columns.start(lo) + k*d.columns.dilation
		for o := lo; o < hi; o++ {
			y[o] += weight * x[at]
			at += d.columns.stride
		}
	}
}
