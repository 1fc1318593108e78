package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// conv is grouped convolution (ONNX Conv-11):
//
//	Y[n,m,o] = act(B[m] + Σ_{c,k} W[m,c,k] · X[n, g·C/G + c, o·stride − pad + k·dilation])
//
// where g = m / (M/G) is m's group. X is [N×C×spatial…], W [M×C/G×kernel…], B
// [M] or absent, Y [N×M×spatial…]. Elements in the padding count as 0. Sums are
// kept in float64, where the product of two float32 is exact.
func conv(watch *ir.Watch, op ir.Conv, xt, wt, bt, yt *tensor.Tensor) error {
	xs, ws, ys := xt.Shape(), wt.Shape(), yt.Shape()
	window, _, err := op.Fit(xs, ws)
	if err != nil {
		return err
	}
	ax, err := axes(window, xs, ys)
	if err != nil {
		return err
	}
	x, w, y := tensor.Data[float32](xt), tensor.Data[float32](wt), tensor.Data[float32](yt)
	channels, maps := ws[1], ys[1]
	area, filter := ax[0].in*ax[1].in*ax[2].in, size(ws[1:])
	rows := newConvRows(watch, ax, channels)
	for n := range ys[0] {
		for m := range maps {
			first := n*xs[1] + m/(maps/op.Group)*channels
			group := x[first*area:][:channels*area]
			for d := range ax[0].out {
				for r := range ax[1].out {
					if watch.Over(len(rows.acc)) {
						return nil
					}
					fill(rows.acc, bias(bt, m))
					rows.add(watch, group, w[m*filter:][:filter], d, r)
					for o, sum := range rows.acc {
						y[o] = activate(op.Act, float32(sum))
					}
					y = y[len(rows.acc):]
				}
			}
		}
	}
	return nil
}

// convRows computes one row of one output map at a time.
type convRows struct {
	axes     [mostSpatial]axis
	channels int
	lo, hi   []int     // for each column of the window, where it lies on the input
	acc      []float64 // the row
}

func newConvRows(watch *ir.Watch, ax [mostSpatial]axis, channels int) convRows {
	c := convRows{axes: ax, channels: channels, acc: make([]float64, ax[2].out)}
	for k := range ax[2].kernel {
		if watch.Over(ax[2].out) {
			return c
		}
		lo, hi := ax[2].span(k)
		c.lo, c.hi = append(c.lo, lo), append(c.hi, hi)
	}
	return c
}

// add adds to the row: row r of slice d. x holds the channels of the map's
// group, w its filter.
func (c *convRows) add(watch *ir.Watch, x, w []float32, d, r int) {
	depth, height, width := c.axes[0], c.axes[1], c.axes[2]
	for ch := range c.channels {
		for kd := range depth.kernel {
			for kh := range height.kernel {
				weights := w[((ch*depth.kernel+kd)*height.kernel+kh)*width.kernel:][:width.kernel]
				if !depth.inside(d, kd) || !height.inside(r, kh) {
					continue
				}
				row := x[((ch*depth.in+depth.at(d, kd))*height.in+height.at(r, kh))*width.in:][:width.in]
				for kw, weight := range weights {
					if watch.Over(c.hi[kw] - c.lo[kw]) {
						return
					}
					wide := float64(weight)
					at, acc := width.at(c.lo[kw], kw), c.acc[c.lo[kw]:c.hi[kw]]
					for o := range acc {
						acc[o] += wide * float64(row[at])
						at += width.stride
					}
				}
			}
		}
	}
}

// bias is element m of an optional bias vector.
func bias(b *tensor.Tensor, m int) float64 {
	if b == nil {
		return 0
	}
	return float64(tensor.Data[float32](b)[m])
}

func fill(s []float64, v float64) {
	for i := range s {
		s[i] = v
	}
}
