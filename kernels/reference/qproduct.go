package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// qmatrix is a batchOf of quantized matrices, whose lines (rows or columns) have
// zero points and scales of their own.
type qmatrix struct {
	at            func(i int) float64
	zero, scale   func(i int) float64 // of a line, counted through all matrices
	batch         tensor.Shape
	rows, columns int
	rowStep, step int // from one row, one column, to the next
	byRow         bool
}

// newQMatrix reads a tensor as matrices; a vector is one row or one column, as
// byRow says. Its zero point and scale may be absent.
func newQMatrix(t, zero, scale *tensor.Tensor, byRow, transposed bool) qmatrix {
	s := t.Shape()
	if len(s) == 1 {
		s = tensor.Shape{s[0], 1}
		if byRow {
			s = tensor.Shape{1, s[0]}
		}
	}
	k := len(s) - 2
	m := qmatrix{at: realAt(t), batch: s[:k], rows: s[k], columns: s[k+1], rowStep: s[k+1], step: 1, byRow: byRow}
	if transposed {
		m.rows, m.columns, m.rowStep, m.step = m.columns, m.rows, m.step, m.rowStep
	}
	m.zero, m.scale = m.lines(zero, 0), m.lines(scale, 1)
	return m
}

// lines reads what belongs to each line.
func (m qmatrix) lines(t *tensor.Tensor, absent float64) func(i int) float64 {
	switch {
	case t == nil:
		return func(int) float64 { return absent }
	case t.Len() == 1:
		v := realAt(t)(0)
		return func(int) float64 { return v }
	case len(t.Shape()) == 1:
		at, n := realAt(t), t.Len()
		return func(i int) float64 { return at(i % n) }
	}
	return realAt(t)
}

// count is the lines of one matrix.
func (m qmatrix) count() int {
	if m.byRow {
		return m.rows
	}
	return m.columns
}

// qproduct gives each element of a·b less the zero points, and the product of the
// scales of its row and column. Sums of integers are exact.
func qproduct(w *ir.Watch, a, b qmatrix, batch tensor.Shape, give func(i int, sum, scale float64)) {
	aSteps, bSteps := strides(a.batch, batch), strides(b.batch, batch)
	for i := range size(batch) * a.rows * b.columns {
		if w.Over(a.columns) {
			return
		}
		n, r, c := i/(a.rows*b.columns), i/b.columns%a.rows, i%b.columns
		na, nb := offset(n, batch, aSteps), offset(n, batch, bSteps)
		la, lb := na*a.count()+r, nb*b.count()+c
		sum, za, zb := 0.0, a.zero(la), b.zero(lb)
		fromA, fromB := na*a.rows*a.columns+r*a.rowStep, nb*b.rows*b.columns+c*b.step
		for k := range a.columns {
			sum += (a.at(fromA+k*a.step) - za) * (b.at(fromB+k*b.rowStep) - zb)
		}
		give(i, sum, a.scale(la)*b.scale(lb))
	}
}

// batchOf is the shape of the leading dimensions of a product.
func batchOf(a, b qmatrix) tensor.Shape {
	s, err := ir.Broadcast(a.batch, b.batch)
	if err != nil {
		panic(err) // inference refuses it
	}
	return s
}

// matMulInteger is (A − za)·(B − zb) modulo 2^32 (ONNX MatMulInteger-10).
func matMulInteger(w *ir.Watch, in args, yt *tensor.Tensor) error {
	a, b := newQMatrix(in[0], in[2], nil, true, false), newQMatrix(in[1], in[3], nil, false, false)
	y := tensor.Data[int32](yt)
	qproduct(w, a, b, batchOf(a, b), func(i int, sum, _ float64) { y[i] = int32(int64(sum)) })
	return nil
}

// qLinearMatMul quantizes the product of what a and b stand for (ONNX
// QLinearMatMul-21).
func qLinearMatMul(w *ir.Watch, in args, yt *tensor.Tensor) error {
	a, b := newQMatrix(in[0], in[2], in[1], true, false), newQMatrix(in[3], in[5], in[4], false, false)
	scale, zero, put := realAt(in[6])(0), realAt(in[7])(0), quantizeTo(yt, true)
	qproduct(w, a, b, batchOf(a, b), func(i int, sum, s float64) {
		put(i, float64(float32(sum*float64(float32(s/scale)))), zero)
	})
	return nil
}

// qGemm is Alpha·scaleA·scaleB·(A'·B' + C), quantized if y has a scale
// (com.microsoft QGemm-1).
func qGemm(w *ir.Watch, op ir.QGemm, in args, yt *tensor.Tensor) error {
	a, b := newQMatrix(in[0], in[2], in[1], true, op.TransA), newQMatrix(in[3], in[5], in[4], false, op.TransB)
	added := func(int) float64 { return 0 }
	if c := in[6]; c != nil {
		at, place := realAt(c), within(c.Shape(), yt.Shape())
		added = func(i int) float64 { return at(place(i)) }
	}
	give := func(i int, v float64) { tensor.Data[float32](yt)[i] = float32(v) }
	if in[7] != nil {
		scale, zero, put := realAt(in[7])(0), realAt(in[8])(0), quantizeTo(yt, true)
		give = func(i int, v float64) { put(i, float64(float32(v/scale)), zero) }
	}
	qproduct(w, a, b, nil, func(i int, sum, scale float64) { give(i, float64(op.Alpha)*scale*(sum+added(i))) })
	return nil
}
