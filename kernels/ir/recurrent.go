package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Recurrent is a layer whose cells carry a state H from each element of a sequence
// to the next: an RNN, GRU or LSTM, as Cell says, of which gates have weights one
// below another, in ONNX's order (GRU: z, r, h; LSTM: i, o, f, c).
//
// Inputs: X [length×batch×inputs], W [directions×gates·Hidden×inputs], R
// [directions×gates·Hidden×Hidden]; optional: B [directions×2·gates·Hidden], int32
// lengths [batch], the first H [directions×batch×Hidden], and of an LSTM the first C,
// likewise, and peepholes P [directions×3·Hidden], of i, o and f. Outputs: all H
// [length×directions×batch×Hidden], 0 past a sequence's length; the last H and, of an
// LSTM, C [directions×batch×Hidden]. With BatchFirst X is [batch×length×inputs], the
// outputs [batch×length×directions×Hidden] and states [batch×directions×Hidden].
// (ONNX RNN-22, GRU-22, LSTM-22.)
type Recurrent struct {
	Cell       Cell
	Hidden     int
	Directions []Direction
	Clip       float32 // bounds what functions are applied to; 0 does not
	BatchFirst bool
	// LinearBeforeReset has a GRU apply its reset gate after the product.
	LinearBeforeReset bool
	// InputForget has an LSTM forget as much as it does not take in.
	InputForget bool
}

// Cell is the kind of a Recurrent layer, by its ONNX name.
type Cell string

// The cells.
const (
	RNN  Cell = "RNN"
	GRU  Cell = "GRU"
	LSTM Cell = "LSTM"
)

// Direction is one pass over the sequences.
type Direction struct {
	Reverse   bool
	Functions []CellFunction // RNN: f; GRU: f, g; LSTM: f, g, h
}

// CellFunction is a function of a cell by its ONNX name, such as "Tanh".
type CellFunction struct {
	Name        string
	Alpha, Beta float32
}

// Gates is how many gates a cell has.
func (c Cell) Gates() int {
	switch c {
	case GRU:
		return 3
	case LSTM:
		return 4
	}
	return 1
}

// Functions is how many functions a cell has.
func (c Cell) Functions() int {
	switch c {
	case GRU:
		return 2
	case LSTM:
		return 3
	}
	return 1
}

// CellFunctions are the functions that a cell may have, with the defaults of those
// parameters that they have.
var CellFunctions = map[string]struct {
	Alpha, Beta       float32
	HasAlpha, HasBeta bool
}{
	"Relu": {}, "Tanh": {}, "Sigmoid": {}, "Softsign": {}, "Softplus": {},
	"Affine":          {Alpha: 1, HasAlpha: true, HasBeta: true},
	"LeakyRelu":       {Alpha: 0.01, HasAlpha: true},
	"ThresholdedRelu": {Alpha: 1, HasAlpha: true},
	"ScaledTanh":      {Alpha: 1, Beta: 1, HasAlpha: true, HasBeta: true},
	"HardSigmoid":     {Alpha: 0.2, Beta: 0.5, HasAlpha: true, HasBeta: true},
	"Elu":             {Alpha: 1, HasAlpha: true},
}

// Type is the cell's name.
func (op Recurrent) Type() string { return string(op.Cell) }

// Infer checks that the weights are Hidden wide.
func (op Recurrent) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	want := []parameter{
		{name: "X", class: realNumbers}, {name: "W", dtype: t}, {name: "R", dtype: t}, {name: "B", dtype: t, optional: true},
		{name: "sequence_lens", dtype: tensor.Int32, optional: true}, {name: "initial_h", dtype: t, optional: true},
	}
	if op.Cell == LSTM {
		want = append(want, parameter{name: "initial_c", dtype: t, optional: true}, parameter{name: "P", dtype: t, optional: true})
	}
	if err := operands(in).match(want...); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) != 3 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want 3 dimensions", x)
	}
	length, batch := x[0], x[1]
	if op.BatchFirst {
		length, batch = batch, length
	}
	if err := op.check(in, batch); err != nil {
		return nil, err
	}
	d := len(op.Directions)
	all, last := tensor.Shape{length, d, batch, op.Hidden}, tensor.Shape{d, batch, op.Hidden}
	if op.BatchFirst {
		all, last = tensor.Shape{batch, length, d, op.Hidden}, tensor.Shape{batch, d, op.Hidden}
	}
	out := []Info{{DType: t, Shape: all}, {DType: t, Shape: last}}
	if op.Cell == LSTM {
		out = append(out, Info{DType: t, Shape: last.Clone()})
	}
	return out, nil
}

// check compares the weights and states with the attributes.
func (op Recurrent) check(in operands, batch int) error {
	d, h, x := len(op.Directions), op.Hidden, in[0].Shape
	if h < 1 || h > MaxValueBytes || d < 1 || d > 2 {
		return fmt.Errorf("attribute hidden_size is %d", h)
	}
	rows := op.Cell.Gates() * h
	state := tensor.Shape{d, batch, h}
	if op.BatchFirst {
		state = tensor.Shape{batch, d, h}
	}
	for i, want := range []struct {
		name  string
		shape tensor.Shape
	}{
		{"X", x}, {"W", tensor.Shape{d, rows, x[2]}}, {"R", tensor.Shape{d, rows, h}}, {"B", tensor.Shape{d, 2 * rows}},
		{"sequence_lens", tensor.Shape{batch}}, {"initial_h", state}, {"initial_c", state}, {"P", tensor.Shape{d, 3 * h}},
	} {
		if err := in.is(i, want.name, want.shape); err != nil {
			return err
		}
	}
	for _, direction := range op.Directions {
		if len(direction.Functions) != op.Cell.Functions() {
			return fmt.Errorf("attribute activations names %d functions for a direction, want %d", len(direction.Functions), op.Cell.Functions())
		}
		for _, f := range direction.Functions {
			if _, known := CellFunctions[f.Name]; !known {
				return fmt.Errorf("attribute activations names %q, which is not supported", f.Name)
			}
		}
	}
	return nil
}

func (op Recurrent) multiplyAdds(in, _ []Info) int {
	x := in[0].Shape
	return times(x[0], x[1], len(op.Directions), op.Cell.Gates(), op.Hidden, plus(x[2], op.Hidden))
}
