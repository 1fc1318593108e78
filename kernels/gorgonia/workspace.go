package gorgonia

import "github.com/squadron-edge/squadron/kernels/ir"

// workspace is what the kernels of one program share besides the plan's arena,
// since one runs after the other: the watch over the run, and memory to pack
// operands in. That memory is bounded by construction, whatever extents a file
// asks for: kernels work through operands in blocks, so that floats holds
// panelElements (256 KiB), or, for a convolution with a longer line, 4 lines of
// its window; spans holds one for each column of a window. A window has at most
// 2²⁰ columns: 16 MiB each.
type workspace struct {
	ir.Watch
	budget ir.Budget // of what the plan could not place
	floats []float32
	spans  [][2]int
}

// panelElements is what stays in the second-level cache while all rows pass over
// it.
const panelElements = 1 << 16

// reserve makes room for a kernel that is being fitted.
func (w *workspace) reserve(floats, spans int) {
	if floats > len(w.floats) {
		w.floats = make([]float32, floats)
	}
	if spans > len(w.spans) {
		w.spans = make([][2]int, spans)
	}
}
