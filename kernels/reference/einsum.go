package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// einsum is Σ Π Xᵢ over the dimensions that Y lacks (ONNX Einsum-12).
func einsum(w *ir.Watch, op ir.Einsum, in args, yt *tensor.Tensor) error {
	var given args
	for _, t := range in {
		if t != nil {
			given = append(given, t)
		}
	}
	all := make([]tensor.Shape, len(given))
	for i, t := range given {
		all[i] = t.Shape()
	}
	s, err := op.Subscripts(all)
	if err != nil {
		return err
	}
	if yt.DType().IsInteger() {
		x := make([][]int64, len(given))
		for i, t := range given {
			x[i] = wholes(t)
		}
		y := make([]int64, yt.Len())
		einsumOf(w, s, all, x, y)
		putWholes(yt, y)
		return nil
	}
	x := make([][]float64, len(given))
	for i, t := range given {
		x[i] = reals(t)
	}
	y := make([]float64, yt.Len())
	einsumOf(w, s, all, x, y)
	putReals(yt, y)
	return nil
}

func einsumOf[T sum](w *ir.Watch, s *ir.Subscripts, shapes []tensor.Shape, x [][]T, y []T) {
	steps := make([][]int, len(x)) // of each input along each extent
	for i, shape := range shapes {
		steps[i] = make([]int, len(s.Extents))
		step := 1
		for d := len(shape) - 1; d >= 0; d-- {
			if shape[d] != 1 {
				steps[i][s.Inputs[i][d]] += step
			}
			step *= shape[d]
		}
	}
	under := size(s.Extents[s.Outputs:])
	for o := range y {
		for k := range under {
			if w.Over(len(x)) {
				return
			}
			product := T(1)
			for i := range x {
				product *= x[i][offset(o, s.Extents[:s.Outputs], steps[i])+offset(k, s.Extents[s.Outputs:], steps[i][s.Outputs:])]
			}
			y[o] += product
		}
	}
}

// det is the determinant of square matrices (ONNX Det-22), by elimination with the
// largest pivot of each column.
func det(w *ir.Watch, xt, yt *tensor.Tensor) error {
	n := xt.Shape()[len(xt.Shape())-1]
	x, y := reals(xt), make([]float64, yt.Len())
	for i := range y {
		y[i] = determinant(w, x[i*n*n:][:n*n], n)
	}
	putReals(yt, y)
	return nil
}

// determinant uses up the rows of a matrix.
func determinant(w *ir.Watch, m []float64, n int) float64 {
	d := 1.0
	for c := range n {
		pivot := c
		for r := c + 1; r < n; r++ {
			if math.Abs(m[r*n+c]) > math.Abs(m[pivot*n+c]) {
				pivot = r
			}
		}
		if m[pivot*n+c] == 0 {
			return 0
		}
		if pivot != c {
			d = -d
			for k := range n {
				m[c*n+k], m[pivot*n+k] = m[pivot*n+k], m[c*n+k]
			}
		}
		d *= m[c*n+c]
		for r := c + 1; r < n; r++ {
			if w.Over(n - c) {
				return 0
			}
			factor := m[r*n+c] / m[c*n+c]
			for k := c; k < n; k++ {
				m[r*n+k] -= factor * m[c*n+k]
			}
		}
	}
	return d
}
