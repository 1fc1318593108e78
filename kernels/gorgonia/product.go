package gorgonia

import "github.com/squadron-edge/squadron/kernels/ir"

// The inner loop computes a block of 2 rows by 4 columns in registers: 8 sums,
// 4 columns and one row's element fit the 16 of amd64.
const (
	blockRows    = 2
	blockColumns = 4
)

// block holds sums, row by row.
type block [blockRows * blockColumns]float32

// multiply is the product of two rows of K elements each and a panel: K groups
// of blockColumns elements, one of each column.
func multiply(row0, row1, panel []float32) (sums block) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	row1 = row1[:len(row0)]
	for k, x := range row0 {
		p := panel[blockColumns*k : blockColumns*k+blockColumns : blockColumns*k+blockColumns]
		c0, c1, c2, c3 := p[0], p[1], p[2], p[3]
		s00 += x * c0
		s01 += x * c1
		s02 += x * c2
		s03 += x * c3
		x = row1[k]
		s10 += x * c0
		s11 += x * c1
		s12 += x * c2
		s13 += x * c3
	}
	return block{s00, s01, s02, s03, s10, s11, s12, s13}
}

// product multiplies A' [rows×inner] by B' [inner×columns], row-major, either
// stored transposed. Its memory is its own and allocated once.
type product struct {
	rows, inner, columns int
	transA, transB       bool
	turned               []float32 // A', where A is stored transposed
	panel                []float32 // blockColumns columns of B'
}

func newProduct(rows, inner, columns int, transA, transB bool) *product {
	p := &product{rows: rows, inner: inner, columns: columns, transA: transA, transB: transB}
	p.panel = make([]float32, inner*blockColumns)
	if transA {
		p.turned = make([]float32, rows*inner)
	}
	return p
}

// run fills out [rows×columns].
func (p *product) run(w *ir.Watch, a, b, out []float32) {
	if p.transA {
		for r := range p.rows {
			for k := range p.inner {
				p.turned[r*p.inner+k] = a[k*p.rows+r]
			}
		}
		a = p.turned
	}
	for c := 0; c < p.columns; c += blockColumns {
		width := min(blockColumns, p.columns-c)
		if w.Over(width * p.inner) {
			return
		}
		p.pack(b, c, width)
		for r := 0; r < p.rows; r += blockRows {
			if w.Over(blockRows * blockColumns * p.inner) {
				return
			}
			height := min(blockRows, p.rows-r)
			row0, row1 := r*p.inner, (r+height-1)*p.inner
			sums := multiply(a[row0:row0+p.inner], a[row1:row1+p.inner], p.panel)
			for i := range height {
				copy(out[(r+i)*p.columns+c:][:width], sums[i*blockColumns:])
			}
		}
	}
}

// pack copies width columns of B' from column c on to the panel.
func (p *product) pack(b []float32, c, width int) {
	down, across := p.columns, 1
	if p.transB {
		down, across = 1, p.inner
	}
	for k := range p.inner {
		to := p.panel[k*blockColumns:][:blockColumns]
		for i := range width {
			to[i] = b[k*down+(c+i)*across]
		}
	}
}
