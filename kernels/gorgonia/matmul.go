package gorgonia

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// fitGemm multiplies, then scales, adds C and applies the epilogue row by row.
func fitGemm(s site, op ir.Gemm) kernel {
	y := s.output()
	inner := s.shape(0)[1]
	if op.TransA {
		inner = s.shape(0)[0]
	}
	p := newProduct(s.shared, y[0], inner, y[1], op.TransA, op.TransB)
	c := s.shape(2)
	if !s.has(2) {
		c = tensor.Shape{}
	}
	rows := newRows(y, c)
	zero := []float32{0}
	return func(w *workspace, in [][]float32, out []float32) {
		p.run(w, in[0], in[1], out)
		addend := zero
		if len(in) == 3 {
			addend = in[2]
		}
		for rows.reset(); rows.more(); rows.next() {
			if w.Over(rows.length) {
				return
			}
			row, c := out[rows.at:rows.at+rows.length], &rows.operands[0]
			for i, v := range row {
				row[i] = op.Alpha*v + op.Beta*addend[c.at+i*c.step]
			}
			activate(op.Act, row)
		}
	}
}

// fitMatMul multiplies the matrices of each batch. A vector A is one row, a
// vector B one column.
func fitMatMul(s site) kernel {
	a, b := s.shape(0), s.shape(1)
	if len(a) == 1 {
		a = tensor.Shape{1, a[0]}
	}
	if len(b) == 1 {
		b = tensor.Shape{b[0], 1}
	}
	m, k, n := a[len(a)-2], a[len(a)-1], b[len(b)-1]
	batch := s.output()[:max(len(a), len(b))-2]
	// Each matrix is one element of a row of extent 1.
	batches := newRows(append(batch.Clone(), 1), append(a[:len(a)-2].Clone(), 1), append(b[:len(b)-2].Clone(), 1))
	p := newProduct(s.shared, m, k, n, false, false)
	return func(w *workspace, in [][]float32, out []float32) {
		for batches.reset(); batches.more() && !w.Over(0); batches.next() {
			x, y := batches.operands[0].at*m*k, batches.operands[1].at*k*n
			p.run(w, in[0][x:x+m*k], in[1][y:y+k*n], out[batches.at*m*n:][:m*n])
		}
	}
}
