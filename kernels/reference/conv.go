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
func conv(op ir.Conv, xt, wt, bt, yt *tensor.Tensor) error {
	xs, ws, ys := xt.Shape(), wt.Shape(), yt.Shape()
	window, _, err := op.Fit(xs, ws)
	if err != nil {
		return err
	}
	ax, err := axes(window, xs, ys)
	if err != nil {
		return err
	}
	w, y := tensor.Data[float32](wt), tensor.Data[float32](yt)
	channels, maps := ws[1], ys[1]
	mapsPerGroup := maps / max(1, op.Group)
	picture, filter := ax[0].in*ax[1].in*ax[2].in, channels*ax[0].kernel*ax[1].kernel*ax[2].kernel
	acc := make([]float64, ax[2].out)
	for n := range ys[0] {
		for m := range maps {
			first := n*xs[1] + m/mapsPerGroup*channels
			x := tensor.Data[float32](xt)[first*picture : (first+channels)*picture]
			for d := range ax[0].out {
				for r := range ax[1].out {
					fill(acc, bias(bt, m))
					convRow(acc, x, w[m*filter:(m+1)*filter], channels, ax, d, r)
					for o, sum := range acc {
						y[o] = activate(op.Act, float32(sum))
					}
					y = y[len(acc):]
				}
			}
		}
	}
	return nil
}

// convRow adds to acc one row of one output map: row r of slice d. x holds the
// channels of the map's group, w its filter.
func convRow(acc []float64, x, w []float32, channels int, ax [mostSpatial]axis, d, r int) {
	for c := range channels {
		for kd := range ax[0].kernel {
			for kr := range ax[1].kernel {
				weights := w[((c*ax[0].kernel+kd)*ax[1].kernel+kr)*ax[2].kernel:][:ax[2].kernel]
				if !ax[0].inside(d, kd) || !ax[1].inside(r, kr) {
					continue
				}
				row := x[((c*ax[0].in+ax[0].at(d, kd))*ax[1].in+ax[1].at(r, kr))*ax[2].in:][:ax[2].in]
				for k, weight := range weights {
					lo, hi := ax[2].span(k)
					for o := lo; o < hi; o++ {
						acc[o] += float64(weight) * float64(row[ax[2].at(o, k)])
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
