package gorgonia

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

// store copies row i of the sums to out, or adds it.
func (s *block) store(i int, out []float32, add bool) {
	row := s[i*blockColumns:]
	if !add {
		copy(out, row)
		return
	}
	for c := range out {
		out[c] += row[c]
	}
}

// product multiplies A' [rows×inner] by B' [inner×columns], row-major, either
// stored transposed. It packs blockColumns columns of B', and where A is stored
// transposed blockRows rows of A', as much of them at a time as the panel holds:
// products of later slabs are added.
type product struct {
	rows, inner, columns int
	transA, transB       bool
}

// slab is how much of the inner extent is packed at a time.
const slab = panelElements / (blockRows + blockColumns)

func newProduct(w *workspace, rows, inner, columns int, transA, transB bool) *product {
	w.reserve(min(slab, inner)*(blockRows+blockColumns), 0)
	return &product{rows: rows, inner: inner, columns: columns, transA: transA, transB: transB}
}

// run fills out [rows×columns].
func (p *product) run(w *workspace, a, b, out []float32) {
	for c := 0; c < p.columns; c += blockColumns {
		width := min(blockColumns, p.columns-c)
		for k := 0; k == 0 || k < p.inner; k += slab { // sums of nothing are 0
			depth := min(slab, p.inner-k)
			if w.Over(width * depth) {
				return
			}
			columns := w.floats[:blockColumns*depth]
			p.packColumns(b, c, width, k, columns)
			for r := 0; r < p.rows; r += blockRows {
				if w.Over(blockRows * blockColumns * depth) {
					return
				}
				height := min(blockRows, p.rows-r)
				row0, row1 := p.rowsOf(a, r, r+height-1, k, depth, w.floats[blockColumns*depth:])
				sums := multiply(row0, row1, columns)
				for i := range height {
					sums.store(i, out[(r+i)*p.columns+c:][:width], k > 0)
				}
			}
		}
	}
}

// packColumns copies width columns of B' from column c and inner index k on.
func (p *product) packColumns(b []float32, c, width, k int, to []float32) {
	down, across := p.columns, 1
	if p.transB {
		down, across = 1, p.inner
	}
	for ; len(to) > 0; to, k = to[blockColumns:], k+1 {
		for i := range width {
			to[i] = b[k*down+(c+i)*across]
		}
	}
}

// rowsOf gives depth elements of two rows of A' from inner index k on; they are
// copied to memory if A is stored transposed.
func (p *product) rowsOf(a []float32, r0, r1, k, depth int, memory []float32) (row0, row1 []float32) {
	if !p.transA {
		return a[r0*p.inner+k:][:depth], a[r1*p.inner+k:][:depth]
	}
	row0, row1 = memory[:depth], memory[depth:2*depth]
	for i := range depth {
		row0[i], row1[i] = a[(k+i)*p.rows+r0], a[(k+i)*p.rows+r1]
	}
	return row0, row1
}
