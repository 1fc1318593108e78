package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// line is the elements along one axis of a tensor that agree in all other indices.
type line struct{ first, step, length int }

// at is where element k lies.
func (l line) at(k int) int { return l.first + k*l.step }

// lines visits each line along an axis, in the row-major order of the others, as
// long as visit wants to go on. Lines of no elements are visited too.
func lines(s tensor.Shape, axis int, visit func(i int, l line) bool) {
	outer, length, step := size(s[:axis]), s[axis], size(s[axis+1:])
	for o := range outer {
		for k := range step {
			if !visit(o*step+k, line{o*length*step + k, step, length}) {
				return
			}
		}
	}
}

// eachLine computes Y from X line by line along an axis; flattened, a line is all
// elements from the axis on.
func eachLine(w *ir.Watch, xt, yt *tensor.Tensor, axis int, flatten bool, compute func(x, y []float64)) error {
	if yt.Len() == 0 {
		return nil
	}
	s := xt.Shape()
	axis = axisOf(axis, len(s))
	if flatten {
		s = tensor.Shape{size(s[:axis]), size(s[axis:])}
		axis = 1
	}
	x, y := reals(xt), make([]float64, yt.Len())
	row, result := make([]float64, s[axis]), make([]float64, s[axis])
	lines(s, axis, func(_ int, l line) bool {
		for k := range row {
			row[k] = x[l.at(k)]
		}
		compute(row, result)
		for k, v := range result {
			y[l.at(k)] = v
		}
		return !w.Over(l.length)
	})
	putReals(yt, y)
	return nil
}

// softmax is exp(x)/Σexp(x) (ONNX Softmax-13). The largest element is subtracted
// first, so that nothing overflows.
func softmax(x, y []float64) {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, v)
	}
	for i, v := range x {
		y[i] = math.Exp(v - largest)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
}

// logSoftmax is x − ln Σexp(x) (ONNX LogSoftmax-13).
func logSoftmax(x, y []float64) {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, v)
	}
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	for i, v := range x {
		y[i] = v - largest - math.Log(sum)
	}
}

// hardmax is 1 at the first of the largest elements (ONNX Hardmax-13).
func hardmax(x, y []float64) {
	best := 0
	for i, v := range x {
		if y[i] = 0; v > x[best] {
			best = i
		}
	}
	if len(y) > 0 {
		y[best] = 1
	}
}

// lpNormalization divides by the P-norm (ONNX LpNormalization-22).
func lpNormalization(p int) func(x, y []float64) {
	return func(x, y []float64) {
		norm := 0.0
		for _, v := range x {
			if p == 1 {
				norm += math.Abs(v)
			} else {
				norm = math.Hypot(norm, v)
			}
		}
		for i, v := range x {
			if y[i] = v; norm != 0 {
				y[i] = v / norm
			}
		}
	}
}
