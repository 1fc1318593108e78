package gorgonia

import "github.com/squadron-edge/squadron/kernels/tensor"

// rows walks the rows (the last dimension) of a shape in order, and with them
// the rows of operands that are broadcast to it. It is reset for each run and
// allocates nothing.
type rows struct {
	outer    []int // extents of all dimensions but the last
	index    []int // the row's position in them
	length   int   // elements of a row
	at, end  int   // where the row begins; where all of them end
	operands []operand
}

// operand is a tensor that is broadcast to the shape that rows walks.
type operand struct {
	strides []int // for each outer dimension; 0 where it is repeated
	step    int   // from one element of a row to the next; 0 where it is repeated
	at      int   // where its row begins
}

func newRows(shape tensor.Shape, operands ...tensor.Shape) *rows {
	if len(shape) == 0 {
		shape = tensor.Shape{1}
	}
	last := len(shape) - 1
	r := &rows{outer: shape[:last], index: make([]int, last), length: shape[last], end: size(shape)}
	for _, s := range operands {
		strides := broadcastStrides(s, shape)
		r.operands = append(r.operands, operand{strides: strides[:last], step: strides[last]})
	}
	return r
}

// broadcastStrides gives, for each dimension of to, how far apart neighbours
// lie in a tensor of shape from: 0 where it is repeated.
func broadcastStrides(from, to tensor.Shape) []int {
	strides, step := make([]int, len(to)), 1
	for i := 1; i <= len(from); i++ {
		if extent := from[len(from)-i]; extent != 1 {
			strides[len(to)-i] = step
			step *= extent
		}
	}
	return strides
}

// reset goes to the first row.
func (r *rows) reset() {
	clear(r.index)
	r.at = 0
	for i := range r.operands {
		r.operands[i].at = 0
	}
}

// more reports whether a row is left.
func (r *rows) more() bool { return r.at < r.end }

// next goes to the next row.
func (r *rows) next() {
	r.at += r.length
	for d := len(r.outer) - 1; d >= 0; d-- {
		r.index[d]++
		for i := range r.operands {
			r.operands[i].at += r.operands[i].strides[d]
		}
		if r.index[d] < r.outer[d] {
			return
		}
		for i := range r.operands {
			r.operands[i].at -= r.index[d] * r.operands[i].strides[d]
		}
		r.index[d] = 0
	}
}
