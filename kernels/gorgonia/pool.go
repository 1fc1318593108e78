package gorgonia

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// pooling slides a window over each channel.
type pooling struct{ rows, columns axis }

// under is what lies under one window: the rows and columns of the channel.
type under struct {
	plane                     []float32
	width                     int // of the channel
	top, bottom, left, right  int
	rowStep, columnStep, size int // size counts the padding too
}

// each slides over all channels of x.
func (p *pooling) each(w *workspace, x, out []float32, reduce func(under) float32) {
	area, pixels := p.rows.in*p.columns.in, p.rows.out*p.columns.out
	for i := range out {
		if w.Over(p.rows.kernel * p.columns.kernel) {
			return
		}
		plane := x[i/pixels*area:][:area]
		out[i] = reduce(p.at(plane, i%pixels/p.columns.out, i%p.columns.out))
	}
}

// at is what lies under window (r, c).
func (p *pooling) at(plane []float32, r, c int) under {
	u := under{
		plane: plane, width: p.columns.in,
		rowStep: p.rows.dilation, columnStep: p.columns.dilation,
		size: p.rows.padded(r) * p.columns.padded(c),
	}
	lo, hi := p.rows.taps(r)
	u.top, u.bottom = p.rows.start(r)+lo*p.rows.dilation, p.rows.start(r)+hi*p.rows.dilation
	lo, hi = p.columns.taps(c)
	u.left, u.right = p.columns.start(c)+lo*p.columns.dilation, p.columns.start(c)+hi*p.columns.dilation
	return u
}

// fitMaxPool takes the largest element; padding never wins.
func fitMaxPool(s site, op ir.MaxPool) (kernel, error) {
	window, y, err := op.Fit(s.shape(0))
	if err != nil {
		return nil, s.refuse("does not fit its input: %w", err)
	}
	rows, columns, err := s.window(window, s.shape(0), y)
	if err != nil {
		return nil, err
	}
	p := &pooling{rows, columns}
	return func(w *workspace, in [][]float32, out []float32) { p.each(w, in[0], out, largest) }, nil
}

// largest is the maximum under a window.
func largest(u under) float32 {
	best := float32(math.Inf(-1))
	for r := u.top; r < u.bottom; r += u.rowStep {
		row := u.plane[r*u.width:][:u.width]
		for c := u.left; c < u.right; c += u.columnStep {
			best = max(best, row[c])
		}
	}
	return best
}

// fitAveragePool takes the mean, over the padding too if the operator says so.
func fitAveragePool(s site, op ir.AveragePool) (kernel, error) {
	window, y, err := op.Fit(s.shape(0))
	if err != nil {
		return nil, s.refuse("does not fit its input: %w", err)
	}
	rows, columns, err := s.window(window, s.shape(0), y)
	if err != nil {
		return nil, err
	}
	p, mean := &pooling{rows, columns}, meanOfInput
	if op.CountIncludePad {
		mean = meanOfAll
	}
	return func(w *workspace, in [][]float32, out []float32) { p.each(w, in[0], out, mean) }, nil
}

// meanOfInput leaves the padding out.
func meanOfInput(u under) float32 {
	sum, n := u.sum()
	return sum / float32(n)
}

// meanOfAll counts the padding as zeros.
func meanOfAll(u under) float32 {
	sum, _ := u.sum()
	return sum / float32(u.size)
}

// sum adds and counts the elements that lie on the input.
func (u under) sum() (sum float32, n int) {
	for r := u.top; r < u.bottom; r += u.rowStep {
		row := u.plane[r*u.width:][:u.width]
		for c := u.left; c < u.right; c += u.columnStep {
			sum += row[c]
			n++
		}
	}
	return sum, n
}
