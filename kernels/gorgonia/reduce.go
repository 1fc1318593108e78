package gorgonia

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// fitGlobalAveragePool averages each channel, which lies contiguous.
func fitGlobalAveragePool(s site) kernel {
	area := size(s.shape(0)[2:])
	return func(w *workspace, in [][]float32, out []float32) {
		for i := range out {
			if w.Over(area) {
				return
			}
			sum := float32(0)
			for _, v := range in[0][i*area : (i+1)*area] {
				sum += v
			}
			out[i] = sum / float32(area)
		}
	}
}

// fitReduceMean adds each row of the input to where the kept dimensions put it
// in the output, which is "broadcast" to the input's shape.
func fitReduceMean(s site, op ir.Reduce) (kernel, error) {
	x := s.shape(0)
	reduced, err := op.Reduced(s.integers(1), len(x))
	if err != nil {
		return nil, s.refuse("has axes that do not fit: %w", err)
	}
	kept := x.Clone()
	for i, gone := range reduced {
		if gone {
			kept[i] = 1
		}
	}
	rows := newRows(x, kept)
	count := float32(size(x)) / float32(size(kept))
	return func(w *workspace, in [][]float32, out []float32) {
		clear(out)
		for rows.reset(); rows.more() && !w.Over(rows.length); rows.next() {
			to := &rows.operands[0]
			for i, v := range in[0][rows.at : rows.at+rows.length] {
				out[to.at+i*to.step] += v
			}
		}
		for i := range out {
			out[i] /= count
		}
	}, nil
}

// fitSoftmax normalises the exponentials along one axis, or from it on.
func fitSoftmax(s site, op ir.Softmax) kernel {
	x := s.output()
	axis := axisOf(op.Axis, len(x))
	length, inner := size(x[axis:]), 1
	if !op.Flatten {
		length, inner = x[axis], size(x[axis+1:])
	}
	return func(w *workspace, in [][]float32, out []float32) {
		for o := 0; o < len(out); o += length * inner {
			for i := range inner {
				if w.Over(length) {
					return
				}
				softmax(in[0][o+i:], out[o+i:], length, inner)
			}
		}
	}
}

// softmax normalises length elements that lie step apart. The largest is
// subtracted first, so that nothing overflows.
func softmax(x, y []float32, length, step int) {
	largest := float32(math.Inf(-1))
	for i := range length {
		largest = max(largest, x[i*step])
	}
	sum := 0.0
	for i := range length {
		e := math.Exp(float64(x[i*step] - largest))
		y[i*step] = float32(e)
		sum += e
	}
	for i := range length {
		y[i*step] = float32(float64(y[i*step]) / sum)
	}
}
