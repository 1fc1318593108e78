package gorgonia

import (
	"github.com/squadron-edge/squadron/kernels/ir"
)

// fitConv chooses between the two convolutions.
func fitConv(s site, op ir.Conv) (kernel, error) {
	x, w := s.shape(0), s.shape(1)
	window, y, err := op.Fit(x, w)
	if err != nil {
		return nil, s.refuse("does not fit its input: %w", err)
	}
	rows, columns, err := s.window(window, x, y)
	if err != nil {
		return nil, err
	}
	g := convolution{
		batch: x[0], groups: op.Group, channels: w[1], maps: w[0] / op.Group,
		rows: rows, columns: columns, act: op.Act,
	}
	if g.channels == 1 {
		return newDepthwise(g).run, nil
	}
	return newDense(g).run, nil
}

// convolution is the geometry that both kernels share.
type convolution struct {
	batch, groups  int
	channels, maps int // of one group: read and made
	rows, columns  axis
	act            ir.Activation
}

// depth is the number of elements under one window.
func (c *convolution) depth() int { return c.channels * c.rows.kernel * c.columns.kernel }

// pixels is the number of windows.
func (c *convolution) pixels() int { return c.rows.out * c.columns.out }

// area is the number of elements of one channel.
func (c *convolution) area() int { return c.rows.in * c.columns.in }

// dense is convolution as a matrix product: the filters are rows, and what lies
// under each window is a column. Only a strip of columns exists at a time.
type dense struct {
	convolution
	strip int       // columns at a time, a multiple of blockColumns
	panel []float32 // the strip, blockColumns columns after blockColumns columns
}

// panelElements bounds the strip to what stays in the second-level cache while
// all filters pass over it.
const panelElements = 1 << 16

func newDense(c convolution) *dense {
	blocks := max(panelElements/(blockColumns*max(c.depth(), 1)), 1)
	blocks = min(blocks, ceilDiv(c.pixels(), blockColumns))
	return &dense{convolution: c, strip: blocks * blockColumns, panel: make([]float32, blocks*blockColumns*c.depth())}
}

// run takes x, the filters and optionally the bias.
func (d *dense) run(watch *ir.Watch, in [][]float32, out []float32) {
	x, w := in[0], in[1]
	var bias []float32
	if len(in) == 3 {
		bias = in[2]
	}
	for n := range d.batch {
		for g := range d.groups {
			from := (n*d.groups + g) * d.channels * d.area()
			to := (n*d.groups + g) * d.maps * d.pixels()
			d.group(watch, x[from:from+d.channels*d.area()], w[g*d.maps*d.depth():][:d.maps*d.depth()], out[to:to+d.maps*d.pixels()])
		}
		addBias(out[n*d.groups*d.maps*d.pixels():][:d.groups*d.maps*d.pixels()], bias, d.pixels())
	}
	activate(d.act, out)
}

// group convolves the channels of one group.
func (d *dense) group(watch *ir.Watch, x, w, out []float32) {
	if d.channels == 0 {
		clear(out) // sums of nothing
		return
	}
	for first := 0; first < d.pixels(); first += d.strip {
		columns := min(d.strip, d.pixels()-first)
		if watch.Over(columns * d.depth()) {
			return
		}
		d.pack(x, first, columns)
		for m := 0; m < d.maps; m += blockRows {
			if watch.Over(blockRows * columns * d.depth()) {
				return
			}
			height := min(blockRows, d.maps-m)
			row0, row1 := w[m*d.depth():][:d.depth()], w[(m+height-1)*d.depth():][:d.depth()]
			for c := 0; c < columns; c += blockColumns {
				sums := multiply(row0, row1, d.panel[c*d.depth():])
				width := min(blockColumns, columns-c)
				for i := range height {
					copy(out[(m+i)*d.pixels()+first+c:][:width], sums[i*blockColumns:])
				}
			}
		}
	}
}

// pack copies what lies under the windows from first on to the panel.
func (d *dense) pack(x []float32, first, columns int) {
	for c := 0; c < columns; c += blockColumns {
		panel := d.panel[c*d.depth():][:blockColumns*d.depth()]
		for i := range min(blockColumns, columns-c) {
			d.packColumn(x, first+c+i, panel[i:])
		}
	}
}

// packColumn copies what lies under one window to every blockColumns-th
// element of to; padding is 0.
func (d *dense) packColumn(x []float32, pixel int, to []float32) {
	row, column := d.rows.start(pixel/d.columns.out), d.columns.start(pixel%d.columns.out)
	at := 0
	for c := range d.channels {
		for kr := range d.rows.kernel {
			r := row + kr*d.rows.dilation
			line := x[c*d.area():][:d.area()]
			inside := r >= 0 && r < d.rows.in
			if inside {
				line = line[r*d.columns.in:][:d.columns.in]
			}
			for kc := range d.columns.kernel {
				to[at] = 0
				if i := column + kc*d.columns.dilation; inside && i >= 0 && i < len(line) {
					to[at] = line[i]
				}
				at += blockColumns
			}
		}
	}
}

// addBias adds one element of bias to each map of area elements.
func addBias(out, bias []float32, area int) {
	for m, b := range bias {
		plane := out[m*area : (m+1)*area]
		for i := range plane {
			plane[i] += b
		}
	}
}
