package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// gemm is act(alpha·A'·B' + beta·C) (ONNX Gemm-13). A' is [M×K], B' [K×N], C
// is absent or broadcast to Y, which is [M×N].
func gemm(w *ir.Watch, op ir.Gemm, at, bt, ct, yt *tensor.Tensor) error {
	a := matrixOf(tensor.Data[float32](at), at.Shape(), op.TransA)
	b := matrixOf(tensor.Data[float32](bt), bt.Shape(), op.TransB)
	y := tensor.Data[float32](yt)
	for i := range y {
		if w.Over(a.columns) {
			return nil
		}
		sum := float64(op.Alpha) * dot(a, b, i/b.columns, i%b.columns)
		if ct != nil {
			c := tensor.Data[float32](ct)[offset(i, yt.Shape(), strides(ct.Shape(), yt.Shape()))]
			sum += float64(op.Beta) * float64(c)
		}
		y[i] = activate(op.Act, float32(sum))
	}
	return nil
}

// matMul multiplies matrices as numpy.matmul does (ONNX MatMul-13): A is
// […×M×K], B […×K×N], Y […×M×N] with the leading dimensions broadcast. A vector
// A is taken as one row, a vector B as one column, and that dimension is absent
// from Y.
func matMul(w *ir.Watch, at, bt, yt *tensor.Tensor) error {
	as, bs := at.Shape(), bt.Shape()
	if len(as) == 1 {
		as = tensor.Shape{1, as[0]}
	}
	if len(bs) == 1 {
		bs = tensor.Shape{bs[0], 1}
	}
	rows, columns := as[len(as)-2], bs[len(bs)-1]
	batch := yt.Shape()[:max(len(as), len(bs))-2]
	aStrides, bStrides := strides(as[:len(as)-2], batch), strides(bs[:len(bs)-2], batch)
	y := tensor.Data[float32](yt)
	for i := range y {
		if w.Over(as[len(as)-1]) {
			return nil
		}
		n, element := i/(rows*columns), i%(rows*columns)
		a := matrixOf(tensor.Data[float32](at)[offset(n, batch, aStrides)*rows*as[len(as)-1]:], as[len(as)-2:], false)
		b := matrixOf(tensor.Data[float32](bt)[offset(n, batch, bStrides)*columns*bs[len(bs)-2]:], bs[len(bs)-2:], false)
		y[i] = float32(dot(a, b, element/columns, element%columns))
	}
	return nil
}

// matrix is a view of a row-major matrix, transposed or not.
type matrix struct {
	data          []float32
	rows, columns int
	rowStep, step int // from one row, one column, to the next
}

func matrixOf(data []float32, s tensor.Shape, transposed bool) matrix {
	if transposed {
		return matrix{data: data, rows: s[1], columns: s[0], rowStep: 1, step: s[1]}
	}
	return matrix{data: data, rows: s[0], columns: s[1], rowStep: s[1], step: 1}
}

// dot is the product of row r of a and column c of b, summed in float64.
func dot(a, b matrix, r, c int) float64 {
	sum := 0.0
	for k := range a.columns {
		sum += float64(a.data[r*a.rowStep+k*a.step]) * float64(b.data[k*b.rowStep+c*b.step])
	}
	return sum
}
