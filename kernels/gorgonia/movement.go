package gorgonia

import "github.com/squadron-edge/squadron/kernels/ir"

// pass gives the elements another shape. Where the plan lets both share a
// place, there is nothing to move.
func pass(_ *workspace, in [][]float32, out []float32) { copy(out, in[0]) }

// fitConcat copies one block of each operand in turn, as often as there are
// elements before the axis.
func fitConcat(s site, op ir.Concat) kernel {
	axis := axisOf(op.Axis, len(s.output()))
	outer, row := size(s.output()[:axis]), size(s.output()[axis:])
	return func(w *workspace, in [][]float32, out []float32) {
		for o := range outer {
			if w.Over(row) {
				return
			}
			for _, x := range in {
				block := len(x) / outer
				out = out[copy(out, x[o*block:(o+1)*block]):]
			}
		}
	}
}

// fitGather copies one slice of the operand for each constant index.
func fitGather(s site, op ir.Gather) kernel {
	x := s.shape(0)
	axis := axisOf(op.Axis, len(x))
	extent, inner, outer := x[axis], size(x[axis+1:]), size(x[:axis])
	at := s.integers(1)
	return func(w *workspace, in [][]float32, out []float32) {
		for o := range outer {
			if w.Over(len(at) * inner) {
				return
			}
			for _, i := range at {
				a := axisOf(int(i), extent)
				out = out[copy(out, in[0][(o*extent+a)*inner:][:inner]):]
			}
		}
	}
}

// axisOf is axis counted from the front of a given number of dimensions.
func axisOf(axis, rank int) int {
	if axis < 0 {
		return axis + rank
	}
	return axis
}

// size is the number of elements of extents that the plan has checked.
func size(extents []int) int {
	n := 1
	for _, d := range extents {
		n *= d
	}
	return n
}
