package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// conv is grouped convolution (ONNX Conv-22):
//
//	Y[n,m,o] = act(B[m] + Σ_{c,k} W[m,c,k] · X[n, g·C/G + c, o·stride − pad + k·dilation])
//
// where g = m / (M/G) is m's group. X is [N×C×spatial…], W [M×C/G×kernel…], B
// [M] or absent, Y [N×M×spatial…]. Elements in the padding count as 0. Sums are
// kept in float64, where the product of two float32 is exact.
func conv(watch *ir.Watch, op ir.Conv, xt, wt, bt, yt *tensor.Tensor) error {
	var bias []float64
	if bt != nil {
		bias = reals(bt)
	}
	if yt.DType() == tensor.Float32 {
		y := tensor.Data[float32](yt)
		return convolve(watch, op, tensor.Data[float32](xt), tensor.Data[float32](wt), xt.Shape(), wt.Shape(), bias,
			func(i, _ int, sum float64) { y[i] = activate(op.Act, float32(sum)) })
	}
	y := make([]float64, yt.Len())
	err := convolve(watch, op, reals(xt), reals(wt), xt.Shape(), wt.Shape(), bias,
		func(i, _ int, sum float64) {
			if y[i] = sum; op.Act.Clip {
				y[i] = min(max(sum, float64(op.Act.Min)), float64(op.Act.Max))
			}
		})
	putReals(yt, y)
	return err
}

// convolve gives each element of the result, its output map m and its sum.
func convolve[T summand](watch *ir.Watch, op ir.Conv, x, w []T, xs, ws tensor.Shape, bias []float64, give func(i, m int, sum float64)) error {
	window, ys, err := op.Fit(xs, ws)
	if err != nil {
		return err
	}
	ax := axes(window, xs, ys)
	last := len(ax) - 1
	channels, maps := ws[1], ys[1]
	area, filter := size(xs[2:]), size(ws[1:])
	rows := newConvRows(ax[:last], ax[last], channels)
	at := 0
	for n := range ys[0] {
		for m := range maps {
			first := n*xs[1] + m/(maps/op.Group)*channels
			group, weights := x[first*area:][:channels*area], w[m*filter:][:filter]
			for r := range size(ys[2 : 2+last]) {
				if watch.Over(len(rows.acc)) {
					return nil
				}
				windowAt(r, ys[2:2+last], rows.at)
				fill(rows.acc, 0)
				if bias != nil {
					fill(rows.acc, bias[m])
				}
				addRow(watch, rows, group, weights)
				for _, sum := range rows.acc {
					give(at, m, sum)
					at++
				}
			}
		}
	}
	return nil
}

// convRows computes one row, along the last dimension, of one output map at a
// time.
type convRows struct {
	outer    []axis
	row      axis
	channels int
	at       []int     // the row's window along the outer dimensions
	acc      []float64 // the row
}

func newConvRows(outer []axis, row axis, channels int) convRows {
	return convRows{outer: outer, row: row, channels: channels, at: make([]int, len(outer)), acc: make([]float64, row.out)}
}

// addRow adds to the row. x holds the channels of the map's group, w its filter.
func addRow[T summand](watch *ir.Watch, c convRows, x, w []T) {
	area, filter := len(x)/max(c.channels, 1), len(w)/max(c.channels, 1)
	over := false
	under(c.outer, c.at, 0, 0, func(tap, line int) {
		for ch := range c.channels {
			row := x[ch*area+line*c.row.in:][:c.row.in]
			for k, weight := range w[ch*filter+tap*c.row.kernel:][:c.row.kernel] {
				lo, hi := c.row.span(k)
				if over = over || watch.Over(hi-lo+1); over {
					return
				}
				wide := float64(weight)
				at, acc := c.row.at(lo, k), c.acc[lo:hi]
				for o := range acc {
					acc[o] += wide * float64(row[at])
					at += c.row.stride
				}
			}
		}
	})
}

func fill(s []float64, v float64) {
	for i := range s {
		s[i] = v
	}
}
