package gorgonia

// depthwise is convolution where each map reads one channel: row by row, one
// element of the window at a time.
type depthwise struct{ convolution }

// run takes x, the filters and optionally the bias.
func (d *depthwise) run(w *workspace, in [][]float32, out []float32) {
	for k := range d.columns.kernel { // the windows where its column k lies on the input
		w.spans[k][0], w.spans[k][1] = d.columns.span(k)
	}
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
func (d *depthwise) plane(w *workspace, x, filter []float32, bias float32, out []float32) {
	for o := range d.rows.out {
		y := out[o*d.columns.out:][:d.columns.out]
		for i := range y {
			y[i] = bias
		}
		lo, hi := d.rows.taps(o)
		if w.Over(d.columns.out) {
			return
		}
		for k := lo; k < hi; k++ {
			r := d.rows.start(o) + k*d.rows.dilation
			d.row(w, x[r*d.columns.in:][:d.columns.in], filter[k*d.columns.kernel:][:d.columns.kernel], y)
		}
		activate(d.act, y)
	}
}

// row adds one row of the input under one row of the window.
func (d *depthwise) row(w *workspace, x, weights, y []float32) {
	for k, weight := range weights {
		lo, hi := w.spans[k][0], w.spans[k][1]
		if w.Over(hi - lo) {
			return
		}
		at := d.columns.start(lo) + k*d.columns.dilation
		for o := lo; o < hi; o++ {
			y[o] += weight * x[at]
			at += d.columns.stride
		}
	}
}
