package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func recurrents(op ir.Operator) (kernel, bool) {
	if op, ok := op.(ir.Recurrent); ok {
		return kernel{needs: 3, run: func(w *ir.Watch, in, out args) error { return recurrent(w, op, in, out) }}, true
	}
	return kernel{}, false
}

// recurrent runs each sequence of a batch in each direction (ONNX RNN-22, GRU-22,
// LSTM-22).
func recurrent(w *ir.Watch, op ir.Recurrent, in, out args) error {
	s := in[0].Shape()
	length, batch := s[0], s[1]
	if op.BatchFirst {
		length, batch = batch, length
	}
	y := make([][]float64, len(out))
	for i, t := range out {
		y[i] = make([]float64, t.Len())
	}
	x, firstH, firstC := reals(in[0]), realsOf(in[5]), []float64(nil)
	if op.Cell == ir.LSTM {
		firstC = realsOf(in[6])
	}
	for d, direction := range op.Directions {
		c := cellOf(w, op, d, direction, in)
		for b := range batch {
			n, err := sequenceLength(in[4], b, length)
			if err != nil {
				return err
			}
			state := (d*batch + b) * op.Hidden
			if op.BatchFirst {
				state = (b*len(op.Directions) + d) * op.Hidden
			}
			c.start(firstH, firstC, state)
			for i := range n {
				t := i
				if direction.Reverse {
					t = n - 1 - i
				}
				from, to := t*batch+b, (t*len(op.Directions)+d)*batch+b
				if op.BatchFirst {
					from, to = b*length+t, (b*length+t)*len(op.Directions)+d
				}
				if !c.step(x[from*c.inputs:][:c.inputs]) {
					return nil
				}
				copy(y[0][to*op.Hidden:], c.h)
			}
			copy(y[1][state:], c.h)
			if op.Cell == ir.LSTM {
				copy(y[2][state:], c.c)
			}
		}
	}
	for i, t := range out {
		putReals(t, y[i])
	}
	return nil
}

// sequenceLength is that of one sequence of a batch.
func sequenceLength(lengths *tensor.Tensor, b, longest int) (int, error) {
	if lengths == nil {
		return longest, nil
	}
	n := int(tensor.Data[int32](lengths)[b])
	if n < 0 || n > longest {
		return 0, fmt.Errorf("input 4 (sequence_lens): element %d is %d, want 0 to %d", b, n, longest)
	}
	return n, nil
}

// cell is the weights and the state of one direction.
type cell struct {
	ir.Recurrent
	watch                *ir.Watch
	functions            []ir.CellFunction
	inputs               int
	w, r                 []float64 // [gates·hidden×inputs], [gates·hidden×hidden]
	wb, rb               []float64 // [gates·hidden]
	peepholes            []float64 // [3·hidden], of i, o and f; nil for none
	h, c                 []float64 // the state
	fromInput, fromState []float64 // of all gates, the bias with it
}

// cellOf takes the weights of direction d.
func cellOf(watch *ir.Watch, op ir.Recurrent, d int, direction ir.Direction, in args) *cell {
	rows := op.Cell.Gates() * op.Hidden
	c := &cell{
		Recurrent: op, watch: watch, functions: direction.Functions, inputs: in[1].Shape()[2],
		wb: make([]float64, rows), rb: make([]float64, rows),
		fromInput: make([]float64, rows), fromState: make([]float64, rows),
		h: make([]float64, op.Hidden), c: make([]float64, op.Hidden),
	}
	c.w = reals(in[1])[d*rows*c.inputs:][:rows*c.inputs]
	c.r = reals(in[2])[d*rows*op.Hidden:][:rows*op.Hidden]
	if in[3] != nil {
		b := reals(in[3])[d*2*rows:]
		c.wb, c.rb = b[:rows], b[rows:2*rows]
	}
	if op.Cell == ir.LSTM && in[7] != nil {
		c.peepholes = reals(in[7])[d*3*op.Hidden:][:3*op.Hidden]
	}
	return c
}

// start takes the first state, 0 if there is none.
func (c *cell) start(h, state []float64, at int) {
	clear(c.h)
	clear(c.c)
	if h != nil {
		copy(c.h, h[at:])
	}
	if state != nil {
		copy(c.c, state[at:])
	}
}

// step takes in one element of a sequence, unless the run is over.
func (c *cell) step(x []float64) bool {
	for row := range c.fromInput {
		if c.watch.Over(len(x) + len(c.h)) {
			return false
		}
		c.fromInput[row] = c.wb[row] + product(c.w[row*len(x):], x)
		c.fromState[row] = c.rb[row] + product(c.r[row*len(c.h):], c.h)
	}
	switch c.Cell {
	case ir.GRU:
		c.gru()
	case ir.LSTM:
		c.lstm()
	default:
		for i := range c.h {
			c.h[i] = c.apply(0, c.gate(0, i))
		}
	}
	return true
}

// product is that of a row, which may be longer, and a vector.
func product(row, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += row[i] * v
	}
	return sum
}

// gate is W·x + R·h with both biases, for element i of a gate.
func (c *cell) gate(g, i int) float64 {
	return c.fromInput[g*c.Hidden+i] + c.fromState[g*c.Hidden+i]
}

// gru computes
//
//	z = f(…), r = f(…), h' = g(Wx + R(r∘h)), or g(Wx + r∘(Rh)) if LinearBeforeReset
//	h = (1 − z)∘h' + z∘h
func (c *cell) gru() {
	n := c.Hidden
	z, reset := make([]float64, n), make([]float64, n)
	for i := range n {
		z[i] = c.apply(0, c.gate(0, i))
		reset[i] = c.apply(0, c.gate(1, i))
	}
	kept := make([]float64, n)
	for i := range n {
		kept[i] = reset[i] * c.h[i]
	}
	next := make([]float64, n)
	for i := range n {
		state := reset[i] * c.fromState[2*n+i]
		if !c.LinearBeforeReset {
			state = c.rb[2*n+i] + product(c.r[(2*n+i)*n:], kept)
		}
		next[i] = (1-z[i])*c.apply(1, c.fromInput[2*n+i]+state) + z[i]*c.h[i]
	}
	copy(c.h, next)
}

// lstm computes
//
//	i = f(… + Pi∘c), f = f(… + Pf∘c), or 1 − i if InputForget
//	c = f∘c + i∘g(…), o = f(… + Po∘c), h = o∘h(c)
func (c *cell) lstm() {
	n := c.Hidden
	peep := func(gate, i int) float64 {
		if c.peepholes == nil {
			return 0
		}
		return c.peepholes[gate*n+i] * c.c[i]
	}
	for k := range n {
		in := c.apply(0, c.gate(0, k)+peep(0, k))
		forget := 1 - in
		if !c.InputForget {
			forget = c.apply(0, c.gate(2, k)+peep(2, k))
		}
		c.c[k] = forget*c.c[k] + in*c.apply(1, c.gate(3, k))
		out := c.apply(0, c.gate(1, k)+peep(1, k))
		c.h[k] = out * c.apply(2, c.c[k])
	}
}

// apply is the cell's i-th function of a clipped number.
func (c *cell) apply(i int, x float64) float64 {
	if limit := float64(c.Clip); limit > 0 {
		x = min(max(x, -limit), limit)
	}
	f := c.functions[i]
	alpha, beta := float64(f.Alpha), float64(f.Beta)
	switch f.Name {
	case "Relu":
		return max(x, 0)
	case "Tanh":
		return math.Tanh(x)
	case "Sigmoid":
		return 1 / (1 + math.Exp(-x))
	case "Softsign":
		return x / (1 + math.Abs(x))
	case "Softplus":
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case "Affine":
		return alpha*x + beta
	case "LeakyRelu":
		if x < 0 {
			return alpha * x
		}
		return x
	case "ThresholdedRelu":
		if x > alpha {
			return x
		}
		return 0
	case "ScaledTanh":
		return alpha * math.Tanh(beta*x)
	case "HardSigmoid":
		return min(max(alpha*x+beta, 0), 1)
	}
	if x < 0 { // Elu
		return alpha * math.Expm1(x)
	}
	return x
}
