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
		s.shared.reserve(0, g.columns.kernel)
		return (&depthwise{g}).run, nil
	}
	d := newDense(g)
	s.shared.reserve(d.strip*d.slab*g.columns.kernel, 0)
	return d.run, nil
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

// lines is the number of rows under one window, of all channels.
func (c *convolution) lines() int { return c.channels * c.rows.kernel }

// pixels is the number of windows.
func (c *convolution) pixels() int { return c.rows.out * c.columns.out }

// area is the number of elements of one channel.
func (c *convolution) area() int { return c.rows.in * c.columns.in }

// dense is convolution as a matrix product: the filters are rows, and what lies
// under each window is a column. Only a strip of columns exists at a time, and of
// columns too long for the panel only a slab of lines: its products are added to
// those of the slabs before it.
type dense struct {
	convolution
	strip int // columns at a time, a multiple of blockColumns
	slab  int // lines at a time
}

func newDense(c convolution) *dense {
	slab := min(max(panelElements/(blockColumns*c.columns.kernel), 1), c.lines())
	blocks := max(panelElements/(blockColumns*max(slab*c.columns.kernel, 1)), 1)
	blocks = min(blocks, ceilDiv(c.pixels(), blockColumns))
	return &dense{convolution: c, strip: blocks * blockColumns, slab: slab}
}

// run takes x, the filters and optionally the bias.
func (d *dense) run(w *workspace, in [][]float32, out []float32) {
	x, filters := in[0], in[1]
	var bias []float32
	if len(in) == 3 {
		bias = in[2]
	}
	for n := range d.batch {
		for g := range d.groups {
			from := (n*d.groups + g) * d.channels * d.area()
			to := (n*d.groups + g) * d.maps * d.pixels()
			d.group(w, x[from:from+d.channels*d.area()], filters[g*d.maps*d.depth():][:d.maps*d.depth()], out[to:to+d.maps*d.pixels()])
		}
		addBias(out[n*d.groups*d.maps*d.pixels():][:d.groups*d.maps*d.pixels()], bias, d.pixels())
	}
	activate(d.act, out)
}

// group convolves the channels of one group.
func (d *dense) group(w *workspace, x, filters, out []float32) {
	if d.channels == 0 {
		clear(out) // sums of nothing
		return
	}
	for first := 0; first < d.pixels(); first += d.strip {
		columns := min(d.strip, d.pixels()-first)
		for line := 0; line < d.lines(); line += d.slab {
			p := panel{w.floats, line, min(d.slab, d.lines()-line) * d.columns.kernel}
			if w.Over(columns * p.depth) {
				return
			}
			d.pack(x, first, columns, p)
			d.multiply(w, filters, p, out[first:], columns)
		}
	}
}

// panel holds what lies under the windows of a strip, from a line on: depth
// elements of each, blockColumns columns after blockColumns columns.
type panel struct {
	elements    []float32
	line, depth int
}

// multiply gives the strip's columns of every map the products with the panel.
func (d *dense) multiply(w *workspace, filters []float32, p panel, out []float32, columns int) {
	for m := 0; m < d.maps; m += blockRows {
		if w.Over(blockRows * columns * p.depth) {
			return
		}
		height := min(blockRows, d.maps-m)
		from, to := m*d.depth()+p.line*d.columns.kernel, (height-1)*d.depth()
		row0, row1 := filters[from:][:p.depth], filters[from+to:][:p.depth]
		for c := 0; c < columns; c += blockColumns {
			sums := multiply(row0, row1, p.elements[c*p.depth:])
			width := min(blockColumns, columns-c)
			for i := range height {
				sums.store(i, out[(m+i)*d.pixels()+c:][:width], p.line > 0)
			}
		}
	}
}

// pack copies what lies under the windows from first on to the panel.
func (d *dense) pack(x []float32, first, columns int, p panel) {
	for c := 0; c < columns; c += blockColumns {
		block := p.elements[c*p.depth:][:blockColumns*p.depth]
		for i := range min(blockColumns, columns-c) {
			d.packColumn(x, first+c+i, p.line, block[i:])
		}
	}
}

// packColumn copies what lies under one window, from a line on, to every
// blockColumns-th element of to until that is full; padding is 0.
func (d *dense) packColumn(x []float32, pixel, line int, to []float32) {
	top, left := d.rows.start(pixel/d.columns.out), d.columns.start(pixel%d.columns.out)
	c, kr := line/d.rows.kernel, line%d.rows.kernel
	for at := 0; at < len(to); kr++ {
		if kr == d.rows.kernel {
			c, kr = c+1, 0
		}
		r := top + kr*d.rows.dilation
		row := x[c*d.area():][:d.area()]
		inside := r >= 0 && r < d.rows.in
		if inside {
			row = row[r*d.columns.in:][:d.columns.in]
		}
		for kc := range d.columns.kernel {
			to[at] = 0
			if i := left + kc*d.columns.dilation; inside && i >= 0 && i < len(row) {
				to[at] = row[i]
			}
			at += blockColumns
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
