package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// maxPool is the largest element under each window, and where it lies (ONNX
// MaxPool-22). X and Y are [N×C×spatial…]. Padding never wins; the first of equals
// does.
func maxPool(watch *ir.Watch, op ir.MaxPool, xt *tensor.Tensor, out args) error {
	w, _, err := op.Fit(xt.Shape())
	if err != nil {
		return err
	}
	if xt.DType() == tensor.Float32 {
		return largest(watch, op, w, tensor.Data[float32](xt), xt, out)
	}
	return largest(watch, op, w, reals(xt), xt, out)
}

func largest[T summand](watch *ir.Watch, op ir.MaxPool, w ir.Window, x []T, xt *tensor.Tensor, out args) error {
	spatial, yt := xt.Shape()[2:], out[0]
	area := size(spatial)
	var err error
	slide(watch, w, x, xt.Shape(), yt.Shape(), func(i, channel int, picture []T, o window) {
		best := -1
		o.each(func(at int) {
			if v := picture[at]; best < 0 || v > picture[best] || v != v {
				best = at
			}
		})
		if e := tensor.Copy(yt, i, xt, channel*area+best, 1); e != nil {
			err = e
		}
		if !op.Indices {
			return
		}
		if op.ColumnMajor {
			best = columnMajor(best, spatial)
		}
		tensor.Data[int64](out[1])[i] = int64(channel*area + best)
	})
	return err
}

// columnMajor is the place of an element if the first dimension varied fastest.
func columnMajor(at int, shape []int) int {
	out, step := 0, size(shape)
	for d := len(shape) - 1; d >= 0; d-- {
		step /= shape[d]
		out += at % shape[d] * step
		at /= shape[d]
	}
	return out
}

// averagePool is the mean of the elements under each window (ONNX
// AveragePool-22). X and Y are [N×C×spatial…]. Padding counts as zeros if
// CountIncludePad says so; what ceil mode adds past the padding never counts.
func averagePool(watch *ir.Watch, op ir.AveragePool, xt, yt *tensor.Tensor) error {
	w, _, err := op.Fit(xt.Shape())
	if err != nil {
		return err
	}
	return pool(watch, w, xt, yt, func(v []float64, o window) float64 {
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		if op.CountIncludePad {
			return sum / float64(o.padded())
		}
		return sum / float64(len(v))
	})
}

// lpPool is the P-norm of the elements under each window (ONNX LpPool-22). X and
// Y are [N×C×spatial…].
func lpPool(watch *ir.Watch, op ir.LpPool, xt, yt *tensor.Tensor) error {
	w, _, err := op.Fit(xt.Shape())
	if err != nil {
		return err
	}
	return pool(watch, w, xt, yt, func(v []float64, _ window) float64 { return pNorm(v, op.P) })
}

// pNorm is (Σ|v|^p)^(1/p).
func pNorm(v []float64, p float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Pow(math.Abs(x), p)
	}
	return math.Pow(sum, 1/p)
}

// pool computes each element of y from the elements under a window of x.
func pool(watch *ir.Watch, w ir.Window, xt, yt *tensor.Tensor, reduce func(v []float64, o window) float64) error {
	if xt.DType() == tensor.Float32 {
		y := tensor.Data[float32](yt)
		poolOf(watch, w, tensor.Data[float32](xt), xt.Shape(), yt.Shape(), reduce, func(i int, v float64) { y[i] = float32(v) })
		return nil
	}
	y := make([]float64, yt.Len())
	poolOf(watch, w, reals(xt), xt.Shape(), yt.Shape(), reduce, func(i int, v float64) { y[i] = v })
	putReals(yt, y)
	return nil
}

func poolOf[T summand](watch *ir.Watch, w ir.Window, x []T, xs, ys tensor.Shape, reduce func([]float64, window) float64, put func(int, float64)) {
	var v []float64
	slide(watch, w, x, xs, ys, func(i, _ int, picture []T, o window) {
		v = v[:0]
		o.each(func(at int) { v = append(v, float64(picture[at])) })
		put(i, reduce(v, o))
	})
}

// globalPool reduces all spatial dimensions of each channel. X is
// [N×C×spatial…], Y [N×C×1…].
func globalPool(watch *ir.Watch, xt, yt *tensor.Tensor, reduce func(v []float64) float64) error {
	x := reals(xt)
	area := size(xt.Shape()[2:])
	y := make([]float64, yt.Len())
	for i := range y {
		if watch.Over(area) {
			return nil
		}
		y[i] = reduce(x[i*area : (i+1)*area])
	}
	putReals(yt, y)
	return nil
}

// meanOf is that of ONNX GlobalAveragePool-22.
func meanOf(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// largestOf is that of ONNX GlobalMaxPool-22.
func largestOf(v []float64) float64 {
	best := math.Inf(-1)
	for _, x := range v {
		best = max(best, x)
	}
	return best
}

// slide visits each element of the result with the channel of x that it is made
// of and the window that it stands for.
func slide[T summand](watch *ir.Watch, w ir.Window, x []T, xs, ys tensor.Shape, visit func(i, channel int, picture []T, o window)) {
	o := window{axes(w, xs, ys), make([]int, len(xs)-2)}
	area, windows := size(xs[2:]), size(ys[2:])
	taps := size(w.Kernel)
	for i := range size(ys) {
		if watch.Over(taps) {
			return
		}
		windowAt(i%windows, ys[2:], o.o)
		visit(i, i/windows, x[i/windows*area:][:area], o)
	}
}

// window is one position of a sliding window over one channel.
type window struct {
	axes []axis
	o    []int
}

// each visits the offset within the channel of every element that lies on the
// input.
func (w window) each(visit func(at int)) {
	under(w.axes, w.o, 0, 0, func(_, at int) { visit(at) })
}

// padded is the number of elements that lie on the input or its padding.
func (w window) padded() int {
	n := 1
	for i, a := range w.axes {
		n *= a.padded(w.o[i])
	}
	return n
}
