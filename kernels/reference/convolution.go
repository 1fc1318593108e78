package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// convTranspose puts the weights under a window of Y for each element of X (ONNX
// ConvTranspose-22):
//
//	Y[n,m,i·stride − pad + k·dilation] += X[n,c,i] · W[c,m',k]
//
// where c and m = g·M/G + m' are of the same group g. X is [N×C×spatial…], W
// [C×M/G×kernel…], B [M] or absent, Y [N×M×spatial…].
func convTranspose(watch *ir.Watch, op ir.ConvTranspose, xt, wt, bt, yt *tensor.Tensor) error {
	xs, ws, ys := xt.Shape(), wt.Shape(), yt.Shape()
	window, _, err := op.Fit(xs, ws)
	if err != nil {
		return err
	}
	x, w, y := reals(xt), reals(wt), make([]float64, yt.Len())
	// The windows lie on Y, and stand for the elements of X.
	ax := axes(window, ys, xs)
	area, out, taps := size(xs[2:]), size(ys[2:]), size(ws[2:])
	if bt != nil {
		bias := reals(bt)
		for i := range y {
			y[i] = bias[i/out%ys[1]]
		}
	}
	at, inGroup := make([]int, len(ax)), xs[1]/op.Group
	for i, v := range x {
		if watch.Over(ws[1] * taps) {
			return nil
		}
		c, n := i/area%xs[1], i/area/xs[1]
		windowAt(i%area, xs[2:], at)
		for m := range ws[1] {
			plane := y[(n*ys[1]+c/inGroup*ws[1]+m)*out:][:out]
			weights := w[(c*ws[1]+m)*taps:][:taps]
			under(ax, at, 0, 0, func(tap, at int) { plane[at] += v * weights[tap] })
		}
	}
	putReals(yt, y)
	return nil
}

// convInteger is conv of integers less their zero points, exactly, modulo 2^32
// (ONNX ConvInteger-10). Elements in the padding are zero points.
func convInteger(watch *ir.Watch, op ir.ConvInteger, in args, yt *tensor.Tensor) error {
	y := make([]int64, yt.Len())
	x, w := above(in[0], in[2]), above(in[1], in[3])
	err := convolve(watch, ir.Conv{Window: op.Window, Group: op.Group}, x, w, in[0].Shape(), in[1].Shape(), nil,
		func(i, _ int, sum float64) { y[i] = int64(sum) })
	putWholes(yt, y)
	return err
}

// above is the elements of q less their zero points: one, one for each slice along
// the first dimension, or none. A float64 holds their sums of products exactly.
func above(q, zero *tensor.Tensor) []float64 {
	v := reals(q)
	if zero == nil {
		return v
	}
	z := reals(zero)
	for i := range v {
		v[i] -= z[i*len(z)/len(v)]
	}
	return v
}

// qLinearConv is conv of numbers scale·(q − zero), rounded half to even to such
// numbers (ONNX QLinearConv-10).
func qLinearConv(watch *ir.Watch, op ir.QLinearConv, in args, yt *tensor.Tensor) error {
	x, w := above(in[0], in[2]), above(in[3], in[5])
	xScale, wScale, yScale, zero := reals(in[1])[0], reals(in[4]), reals(in[6])[0], reals(in[7])[0]
	var bias []float64
	if in[8] != nil {
		bias = reals(in[8])
	}
	least, most := 0.0, 255.0
	if yt.DType() == tensor.Int8 {
		least, most = -128, 127
	}
	y := make([]int64, yt.Len())
	err := convolve(watch, ir.Conv{Window: op.Window, Group: op.Group}, x, w, in[0].Shape(), in[3].Shape(), bias,
		func(i, m int, sum float64) {
			step := xScale * wScale[m*len(wScale)/in[3].Shape()[0]] / yScale
			v := math.RoundToEven(sum*step) + zero
			y[i] = int64(max(least, min(v, most)))
		})
	putWholes(yt, y)
	return err
}

// deformConv is conv of X at moved places (ONNX DeformConv-22): element k of the
// window at o lies at o·stride − pad + k·dilation + offset, and is weighed by the
// mask.
func deformConv(watch *ir.Watch, op ir.DeformConv, in args, yt *tensor.Tensor) error {
	xs, ws, ys := in[0].Shape(), in[1].Shape(), yt.Shape()
	window, _, err := ir.Conv{Window: op.Window, Group: op.Group}.Fit(xs, ws)
	if err != nil {
		return err
	}
	d := deformed{
		ax: axes(window, xs, ys), spatial: xs[2:], kernel: ws[2:], out: size(ys[2:]), taps: size(ws[2:]),
		offset: reals(in[2]), to: make([]float64, len(xs)-2), k: make([]int, len(xs)-2), o: make([]int, len(xs)-2),
	}
	if in[4] != nil {
		d.mask = reals(in[4])
	}
	x, w, y := reals(in[0]), reals(in[1]), make([]float64, yt.Len())
	bias := make([]float64, ys[1])
	if in[3] != nil {
		bias = reals(in[3])
	}
	area, maps, perOffset := size(xs[2:]), ys[1]/op.Group, xs[1]/op.OffsetGroup
	for i := range y {
		if watch.Over(ws[1] * d.taps << len(d.to)) {
			return nil
		}
		windowAt(i%d.out, ys[2:], d.o)
		m, n := i/d.out%ys[1], i/d.out/ys[1]
		y[i] = bias[m]
		for c := range ws[1] {
			channel := m/maps*ws[1] + c
			group := n*op.OffsetGroup + channel/perOffset
			picture := x[(n*xs[1]+channel)*area:][:area]
			for tap := range d.taps {
				y[i] += w[(m*ws[1]+c)*d.taps+tap] * d.sample(picture, group, tap, i%d.out)
			}
		}
	}
	putReals(yt, y)
	return nil
}

// deformed is where the elements of a deformed window lie.
type deformed struct {
	ax              []axis
	spatial, kernel []int
	out, taps       int // elements of a channel of Y, and of a window
	offset, mask    []float64

	to   []float64
	k, o []int // the element within the window, and the window
}

// sample is the weighed element of a channel under tap of the window at o.
func (d *deformed) sample(picture []float64, group, tap, o int) float64 {
	windowAt(tap, d.kernel, d.k)
	for i, a := range d.ax {
		d.to[i] = float64(a.at(d.o[i], d.k[i])) + d.offset[((group*d.taps+tap)*len(d.ax)+i)*d.out+o]
	}
	v := blend(picture, d.spatial, d.to, linearTaps, zeroOutside)
	if d.mask != nil {
		v *= d.mask[(group*d.taps+tap)*d.out+o]
	}
	return v
}
