package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Transpose gives X's dimensions another order: the i-th of the output is
// Perm[i] of X. A nil Perm reverses them. (ONNX Transpose-24.)
type Transpose struct{ Perm []int }

// Type is "Transpose".
func (Transpose) Type() string { return "Transpose" }

// Infer permutes the extents.
func (op Transpose) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}); err != nil {
		return nil, err
	}
	perm, err := op.Order(len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(perm))
	for i, d := range perm {
		out[i] = in[0].Shape[d]
	}
	return result(in[0].DType, out)
}

// Order is the permutation for a tensor of the rank.
func (op Transpose) Order(rank int) ([]int, error) {
	perm := make([]int, rank)
	for i := range perm {
		perm[i] = rank - 1 - i
	}
	if op.Perm == nil {
		return perm, nil
	}
	if len(op.Perm) != rank {
		return nil, fmt.Errorf("attribute perm is %v for a tensor of rank %d", op.Perm, rank)
	}
	seen := make([]bool, rank)
	for i, d := range op.Perm {
		if d < 0 || d >= rank || seen[d] {
			return nil, fmt.Errorf("attribute perm is %v, not an order of %d dimensions", op.Perm, rank)
		}
		perm[i], seen[d] = d, true
	}
	return perm, nil
}

// Tile repeats X along each dimension. Inputs: X, int64 repeats [rank of X].
// (ONNX Tile-13.)
type Tile struct{}

// Type is "Tile".
func (Tile) Type() string { return "Tile" }

// Infer multiplies the extents.
func (Tile) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "repeats", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	repeats, known, err := operands(in).list(1, "repeats")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	if len(repeats) != len(in[0].Shape) {
		return nil, fmt.Errorf("input 1 (repeats) is %v for a tensor of rank %d", repeats, len(in[0].Shape))
	}
	out := in[0].Shape.Clone()
	for i, n := range repeats {
		if out[i], err = repeated(out[i], n); err != nil {
			return nil, fmt.Errorf("input 1 (repeats): %w", err)
		}
	}
	return result(in[0].DType, out)
}

func repeated(d int, n int64) (int, error) {
	times, err := extent(n)
	if err != nil {
		return 0, err
	}
	return multiply(d, times)
}

// TileAlong repeats X along one dimension. Inputs: X, tiles and axis, each one
// number. (ONNX Tile-1, which has no newer form: tiles may be a float.)
type TileAlong struct{}

// Type is "Tile".
func (TileAlong) Type() string { return "Tile" }

// Infer multiplies the extent.
func (TileAlong) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"},
		parameter{name: "tiles", class: tileNumbers}, parameter{name: "axis", class: tileNumbers}); err != nil {
		return nil, err
	}
	tiles, known, err := wholeNumber(in[1], "1 (tiles)")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	along, known, err := wholeNumber(in[2], "2 (axis)")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	axis, err := Axis(int(along), len(in[0].Shape))
	if err != nil {
		return nil, fmt.Errorf("input 2 (axis): %w", err)
	}
	out := in[0].Shape.Clone()
	if out[axis], err = repeated(out[axis], tiles); err != nil {
		return nil, fmt.Errorf("input 1 (tiles): %w", err)
	}
	return result(in[0].DType, out)
}

var tileNumbers = class{"int64, int32, float32 or float64", func(d tensor.DType) bool {
	return indices.has(d) || d == tensor.Float32 || d == tensor.Float64
}}

// wholeNumber is the one element of a value of the types that tileNumbers admits.
func wholeNumber(v Info, name string) (n int64, known bool, err error) {
	if count, err := v.Shape.Elements(); err != nil || count != 1 {
		return 0, false, fmt.Errorf("input %s has shape %v, want one element", name, v.Shape)
	}
	if v.Const == nil {
		return 0, false, nil
	}
	f := 0.0
	switch v.DType {
	case tensor.Float32:
		f = float64(tensor.Data[float32](v.Const)[0])
	case tensor.Float64:
		f = tensor.Data[float64](v.Const)[0]
	default:
		return indexElements(v.Const)[0], true, nil
	}
	if f != float64(int32(f)) {
		return 0, false, fmt.Errorf("input %s is %v, want a whole number", name, f)
	}
	return int64(f), true, nil
}

// Expand broadcasts X with a shape: both may be stretched. Inputs: X, int64 shape.
// (ONNX Expand-13.)
type Expand struct{}

// Type is "Expand".
func (Expand) Type() string { return "Expand" }

// Infer broadcasts.
func (Expand) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "shape", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	list, known, err := operands(in).list(1, "shape")
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	want := make(tensor.Shape, len(list))
	for i, d := range list {
		if want[i], err = extent(d); err != nil {
			return nil, fmt.Errorf("input 1 (shape): %w", err)
		}
	}
	out, err := Broadcast(in[0].Shape, want)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// DepthToSpace moves channels into blocks of Block×Block pixels. X is
// [N×C×H×W], the output [N×C/Block²×H·Block×W·Block]. Channels count block by
// block, or with ColumnRow ("CRD") depth by depth. (ONNX DepthToSpace-13.)
type DepthToSpace struct {
	Block     int
	ColumnRow bool
}

// Type is "DepthToSpace".
func (DepthToSpace) Type() string { return "DepthToSpace" }

// Infer divides the channels and multiplies the picture.
func (op DepthToSpace) Infer(in []Info) ([]Info, error) {
	if err := blocks(in, op.Block); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if x[1]%op.Block != 0 || x[1]/op.Block%op.Block != 0 {
		return nil, fmt.Errorf("input 0 has %d channels, which do not fill blocks of %d×%d", x[1], op.Block, op.Block)
	}
	out := tensor.Shape{x[0], x[1] / op.Block / op.Block, 0, 0}
	for i := 2; i < 4; i++ {
		var err error
		if out[i], err = multiply(x[i], op.Block); err != nil {
			return nil, err
		}
	}
	return result(in[0].DType, out)
}

// SpaceToDepth moves blocks of Block×Block pixels into channels, block by block.
// (ONNX SpaceToDepth-13.)
type SpaceToDepth struct{ Block int }

// Type is "SpaceToDepth".
func (SpaceToDepth) Type() string { return "SpaceToDepth" }

// Infer multiplies the channels and divides the picture.
func (op SpaceToDepth) Infer(in []Info) ([]Info, error) {
	if err := blocks(in, op.Block); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if x[2]%op.Block != 0 || x[3]%op.Block != 0 {
		return nil, fmt.Errorf("input 0 has shape %v, which blocks of %d×%d do not fill", x, op.Block, op.Block)
	}
	channels, err := multiply(x[1], op.Block)
	if err == nil {
		channels, err = multiply(channels, op.Block)
	}
	return []Info{{DType: in[0].DType, Shape: tensor.Shape{x[0], channels, x[2] / op.Block, x[3] / op.Block}}}, err
}

// blocks checks what DepthToSpace and SpaceToDepth have in common.
func blocks(in []Info, block int) error {
	if err := operands(in).match(parameter{name: "input"}); err != nil {
		return err
	}
	if len(in[0].Shape) != 4 {
		return fmt.Errorf("input 0 has shape %v, want four dimensions", in[0].Shape)
	}
	if block < 1 || block > MaxValueBytes {
		return fmt.Errorf("attribute blocksize is %d", block)
	}
	return nil
}

// ReverseSequence turns round the first elements along TimeAxis, as many as
// sequence_lens says for each along BatchAxis; one axis is 0 and the other 1.
// Inputs: X of rank 2 or more, int64 sequence_lens [batch].
// (ONNX ReverseSequence-10.)
type ReverseSequence struct{ BatchAxis, TimeAxis int }

// Type is "ReverseSequence".
func (ReverseSequence) Type() string { return "ReverseSequence" }

// Infer keeps the shape.
func (op ReverseSequence) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "sequence_lens", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("input 0 has shape %v, want two dimensions or more", x)
	}
	if op.BatchAxis != 0 && op.BatchAxis != 1 || op.TimeAxis != 1-op.BatchAxis {
		return nil, fmt.Errorf("attributes batch_axis and time_axis are %d and %d, want 0 and 1 or 1 and 0", op.BatchAxis, op.TimeAxis)
	}
	if want := (tensor.Shape{x[op.BatchAxis]}); !in[1].Shape.Equal(want) {
		return nil, fmt.Errorf("input 1 (sequence_lens) has shape %v, want %v", in[1].Shape, want)
	}
	return result(in[0].DType, x.Clone())
}

// Size is the number of X's elements, an int64 scalar. (ONNX Size-24.)
type Size struct{}

// Type is "Size".
func (Size) Type() string { return "Size" }

// Infer gives the number itself as Const.
func (Size) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}); err != nil {
		return nil, err
	}
	n, err := in[0].Shape.Elements()
	if err != nil {
		return nil, err
	}
	value, err := tensor.Of([]int64{int64(n)})
	return []Info{{DType: tensor.Int64, Shape: tensor.Shape{}, Const: value}}, err
}
