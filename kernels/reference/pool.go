package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// maxPool is the largest element under each window (ONNX MaxPool-12). X and Y
// are [N×C×spatial…]. Padding never wins.
func maxPool(watch *ir.Watch, op ir.MaxPool, xt, yt *tensor.Tensor) error {
	w, _, err := op.Fit(xt.Shape())
	if err != nil {
		return err
	}
	return slide(watch, w, xt, yt, func(picture []float32, o window) float32 {
		best := float32(math.Inf(-1))
		o.each(func(at int) { best = max(best, picture[at]) })
		return best
	})
}

// averagePool is the mean of the elements under each window (ONNX
// AveragePool-19). X and Y are [N×C×spatial…]. Padding counts as zeros if
// CountIncludePad says so; what ceil mode adds past the padding never counts.
func averagePool(watch *ir.Watch, op ir.AveragePool, xt, yt *tensor.Tensor) error {
	w, _, err := op.Fit(xt.Shape())
	if err != nil {
		return err
	}
	return slide(watch, w, xt, yt, func(picture []float32, o window) float32 {
		sum, n := 0.0, 0
		o.each(func(at int) { sum += float64(picture[at]); n++ })
		if op.CountIncludePad {
			n = o.padded()
		}
		return float32(sum / float64(n))
	})
}

// globalAveragePool is the mean over all spatial dimensions (ONNX
// GlobalAveragePool-1). X is [N×C×spatial…], Y [N×C×1…].
func globalAveragePool(xt, yt *tensor.Tensor) error {
	x, y := tensor.Data[float32](xt), tensor.Data[float32](yt)
	area := size(xt.Shape()[2:])
	for i := range y {
		sum := 0.0
		for _, v := range x[i*area : (i+1)*area] {
			sum += float64(v)
		}
		y[i] = float32(sum / float64(area))
	}
	return nil
}

// slide computes each element of y from the window of x that it stands for.
func slide(watch *ir.Watch, w ir.Window, xt, yt *tensor.Tensor, reduce func(picture []float32, o window) float32) error {
	ax, err := axes(w, xt.Shape(), yt.Shape())
	if err != nil {
		return err
	}
	x, y := tensor.Data[float32](xt), tensor.Data[float32](yt)
	area, windows := ax[0].in*ax[1].in*ax[2].in, ax[0].out*ax[1].out*ax[2].out
	under := size(w.Kernel)
	for i := range y {
		if watch.Over(under) {
			return nil
		}
		picture, o := x[i/windows*area:][:area], i%windows
		at := [mostSpatial]int{o / (ax[1].out * ax[2].out), o / ax[2].out % ax[1].out, o % ax[2].out}
		y[i] = reduce(picture, window{ax, at})
	}
	return nil
}

// window is one position of a sliding window over one channel.
type window struct {
	axes [mostSpatial]axis
	o    [mostSpatial]int
}

// each visits the offset within the channel of every element that lies on the
// input.
func (w window) each(visit func(at int)) {
	d, r, c := w.axes[0], w.axes[1], w.axes[2]
	for kd := range d.kernel {
		for kr := range r.kernel {
			for kc := range c.kernel {
				if d.inside(w.o[0], kd) && r.inside(w.o[1], kr) && c.inside(w.o[2], kc) {
					visit((d.at(w.o[0], kd)*r.in+r.at(w.o[1], kr))*c.in + c.at(w.o[2], kc))
				}
			}
		}
	}
}

// padded is the number of elements that lie on the input or its padding.
func (w window) padded() int {
	n := 1
	for i, a := range w.axes {
		count := 0
		for k := range a.kernel {
			if a.padded(w.o[i], k) {
				count++
			}
		}
		n *= count
	}
	return n
}
