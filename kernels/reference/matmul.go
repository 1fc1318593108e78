package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func linear(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Gemm:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return gemm(w, op, in[0], in[1], in[2], y) })
	case ir.MatMul:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return matMul(w, in[0], in[1], y) })
	case ir.Einsum:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return einsum(w, op, in, y) })
	case ir.Det:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return det(w, in[0], y) })
	}
	return kernel{}, false
}

// element is a type that products are of, and sum the type that they add up in,
// where the product of two float32 is exact.
type (
	element interface{ float32 | float64 | int64 }
	sum     interface{ float64 | int64 }
)

// gemm is act(alpha·A'·B' + beta·C) (ONNX Gemm-13). A' is [M×K], B' [K×N], C
// is absent or broadcast to Y, which is [M×N].
func gemm(w *ir.Watch, op ir.Gemm, at, bt, ct, yt *tensor.Tensor) error {
	switch {
	case yt.DType() == tensor.Float32:
		var c []float32
		if ct != nil {
			c = tensor.Data[float32](ct)
		}
		y := tensor.Data[float32](yt)
		gemmOf(w, op, tensor.Data[float32](at), tensor.Data[float32](bt), c, shapes(at, bt, ct, yt), y, scaled)
		for i := range y {
			y[i] = activate(op.Act, y[i])
		}
	case yt.DType().IsInteger():
		y := make([]int64, yt.Len())
		gemmOf(w, op, wholes(at), wholes(bt), wholesOf(ct), shapes(at, bt, ct, yt), y, scaledWhole)
		putWholes(yt, y)
	default:
		y := make([]float64, yt.Len())
		gemmOf(w, op, reals(at), reals(bt), realsOf(ct), shapes(at, bt, ct, yt), y, scaled)
		putReals(yt, y)
	}
	return nil
}

func gemmOf[T element, S sum](w *ir.Watch, op ir.Gemm, at, bt, c []T, s [4]tensor.Shape, y []T, scale func(float32, S) S) {
	a, b := matrixOf(at, s[0], op.TransA), matrixOf(bt, s[1], op.TransB)
	cStrides := strides(s[2], s[3])
	for i := range y {
		if w.Over(a.columns) {
			return
		}
		v := scale(op.Alpha, dot[T, S](a, b, i/b.columns, i%b.columns))
		if c != nil {
			v += scale(op.Beta, S(c[offset(i, s[3], cStrides)]))
		}
		y[i] = T(v)
	}
}

func scaled(factor float32, v float64) float64 { return float64(factor) * v }

// scaledWhole is exact for whole factors; others truncate.
func scaledWhole(factor float32, v int64) int64 {
	if float64(factor) == math.Trunc(float64(factor)) && math.Abs(float64(factor)) < 1<<62 {
		return int64(factor) * v
	}
	return int64(float64(factor) * float64(v))
}

// shapes are those of tensors of which some are absent.
func shapes(t ...*tensor.Tensor) (s [4]tensor.Shape) {
	for i := range t {
		if t[i] != nil {
			s[i] = t[i].Shape()
		}
	}
	return s
}

// realsOf is reals of a tensor that may be absent.
func realsOf(t *tensor.Tensor) []float64 {
	if t == nil {
		return nil
	}
	return reals(t)
}

// wholesOf is wholes of a tensor that may be absent.
func wholesOf(t *tensor.Tensor) []int64 {
	if t == nil {
		return nil
	}
	return wholes(t)
}

// matMul multiplies matrices as numpy.matmul does (ONNX MatMul-13): A is
// […×M×K], B […×K×N], Y […×M×N] with the leading dimensions broadcast. A vector
// A is taken as one row, a vector B as one column, and that dimension is absent
// from Y.
func matMul(w *ir.Watch, at, bt, yt *tensor.Tensor) error {
	as, bs, ys := at.Shape(), bt.Shape(), yt.Shape()
	switch {
	case yt.DType() == tensor.Float32:
		matMulOf[float32, float64](w, tensor.Data[float32](at), tensor.Data[float32](bt), tensor.Data[float32](yt), as, bs, ys)
	case yt.DType().IsInteger():
		y := make([]int64, yt.Len())
		matMulOf[int64, int64](w, wholes(at), wholes(bt), y, as, bs, ys)
		putWholes(yt, y)
	default:
		y := make([]float64, yt.Len())
		matMulOf[float64, float64](w, reals(at), reals(bt), y, as, bs, ys)
		putReals(yt, y)
	}
	return nil
}

func matMulOf[T element, S sum](w *ir.Watch, a, b, y []T, as, bs, ys tensor.Shape) {
	if len(as) == 1 {
		as = tensor.Shape{1, as[0]}
	}
	if len(bs) == 1 {
		bs = tensor.Shape{bs[0], 1}
	}
	rows, columns := as[len(as)-2], bs[len(bs)-1]
	batch := ys[:max(len(as), len(bs))-2]
	aStrides, bStrides := strides(as[:len(as)-2], batch), strides(bs[:len(bs)-2], batch)
	for i := range y {
		if w.Over(as[len(as)-1]) {
			return
		}
		n, element := i/(rows*columns), i%(rows*columns)
		left := matrixOf(a[offset(n, batch, aStrides)*rows*as[len(as)-1]:], as[len(as)-2:], false)
		right := matrixOf(b[offset(n, batch, bStrides)*columns*bs[len(bs)-2]:], bs[len(bs)-2:], false)
		y[i] = T(dot[T, S](left, right, element/columns, element%columns))
	}
}

// matrix is a view of a row-major matrix, transposed or not.
type matrix[T element] struct {
	data          []T
	rows, columns int
	rowStep, step int // from one row, one column, to the next
}

func matrixOf[T element](data []T, s tensor.Shape, transposed bool) matrix[T] {
	if transposed {
		return matrix[T]{data: data, rows: s[1], columns: s[0], rowStep: 1, step: s[1]}
	}
	return matrix[T]{data: data, rows: s[0], columns: s[1], rowStep: s[1], step: 1}
}

// dot is the product of row r of a and column c of b.
func dot[T element, S sum](a, b matrix[T], r, c int) S {
	var sum S
	for k := range a.columns {
		sum += S(a.data[r*a.rowStep+k*a.step]) * S(b.data[k*b.rowStep+c*b.step])
	}
	return sum
}
