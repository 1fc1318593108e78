package gorgonia

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// everything is the activation that changes nothing.
var everything = ir.Activation{Clip: true, Min: float32(math.Inf(-1)), Max: float32(math.Inf(1))}

// activate applies a fused epilogue to a finished row.
func activate(a ir.Activation, row []float32) {
	if !a.Clip {
		return
	}
	for i, v := range row {
		row[i] = limit(a, v)
	}
}

// limit is v within [a.Min, a.Max]; NaN stays NaN, and Max wins over Min.
func limit(a ir.Activation, v float32) float32 {
	if v < a.Min {
		v = a.Min
	}
	if v > a.Max {
		v = a.Max
	}
	return v
}

func relu(_ *workspace, in [][]float32, out []float32) {
	for i, v := range in[0] {
		if v < 0 {
			v = 0
		}
		out[i] = v
	}
}

// fitClip reads its limits at run time: they are inputs, if mostly constant.
func fitClip(s site) kernel {
	hasMin, hasMax := s.has(1), s.has(2)
	return func(_ *workspace, in [][]float32, out []float32) {
		a := everything
		if hasMin {
			a.Min = in[1][0]
		}
		if hasMax {
			a.Max = in[len(in)-1][0]
		}
		for i, v := range in[0] {
			out[i] = limit(a, v)
		}
	}
}

// fitAdd adds row by row, each operand repeated where it is broadcast.
func fitAdd(s site, op ir.Add) kernel {
	rows := newRows(s.output(), s.shape(0), s.shape(1))
	return func(w *workspace, in [][]float32, out []float32) {
		if len(in[0]) == len(out) && len(in[1]) == len(out) {
			addRow(out, in[0], in[1], 1, 1)
			activate(op.Act, out)
			return
		}
		for rows.reset(); rows.more() && !w.Over(rows.length); rows.next() {
			row := out[rows.at : rows.at+rows.length]
			a, b := &rows.operands[0], &rows.operands[1]
			addRow(row, in[0][a.at:], in[1][b.at:], a.step, b.step)
			activate(op.Act, row)
		}
	}
}

// addRow adds two rows whose elements lie aStep and bStep apart: 1, or 0 where
// one element is repeated.
func addRow(out, a, b []float32, aStep, bStep int) {
	if aStep == 1 && bStep == 1 {
		a, b = a[:len(out)], b[:len(out)]
		for i := range out {
			out[i] = a[i] + b[i]
		}
		return
	}
	for i := range out {
		out[i] = a[i*aStep] + b[i*bStep]
	}
}

// fitBatchNormalization applies one slope and offset to each channel.
func fitBatchNormalization(s site, op ir.BatchNormalization) kernel {
	channels, inner := s.output()[1], size(s.output()[2:])
	return func(w *workspace, in [][]float32, out []float32) {
		x, scale, bias, mean, variance := in[0], in[1], in[2], in[3], in[4]
		for i := 0; i < len(out) && !w.Over(inner); i += inner {
			c := i / inner % channels
			slope := scale[c] / float32(math.Sqrt(float64(variance[c])+float64(op.Epsilon)))
			row := out[i : i+inner]
			for j, v := range x[i : i+inner] {
				row[j] = (v-mean[c])*slope + bias[c]
			}
		}
	}
}
