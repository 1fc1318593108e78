package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// arranging finds the loops of an operator each of whose outputs' elements is one of
// its input's.
func arranging(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Transpose:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return transpose(w, op, in[0], y) })
	case ir.Slice:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return slice(w, op, in, y) })
	case ir.Split:
		return kernel{needs: 1, run: func(_ *ir.Watch, in, out args) error { return split(op, in[0], out) }}, true
	case ir.Pad:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return padding(w, op, in, y) })
	case ir.CenterCropPad:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return centerCropPad(w, op, in[0], in[1], y) })
	case ir.Tile:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return tile(w, in[0], y) })
	case ir.TileAlong:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return tile(w, in[0], y) })
	case ir.Expand:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return expand(w, in[0], y) })
	case ir.DepthToSpace:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return depthToSpace(w, op, in[0], y) })
	case ir.SpaceToDepth:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return spaceToDepth(w, op, in[0], y) })
	case ir.ReverseSequence:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return reverseSequence(w, op, in[0], in[1], y) })
	case ir.Size:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error {
			tensor.Data[int64](y)[0] = int64(in[0].Len())
			return nil
		})
	}
	return kernel{}, false
}

// transpose gives X's dimensions another order (ONNX Transpose-24).
func transpose(w *ir.Watch, op ir.Transpose, xt, yt *tensor.Tensor) error {
	perm, err := op.Order(len(xt.Shape()))
	if err != nil {
		return err
	}
	steps, own := make([]int, len(perm)), rowMajor(xt.Shape())
	for i, d := range perm {
		steps[i] = own[d]
	}
	return rearrange(w, yt, xt, func(i int) int { return offset(i, yt.Shape(), steps) })
}

// slice takes every step-th element of some dimensions (ONNX Slice-13).
func slice(w *ir.Watch, op ir.Slice, in args, yt *tensor.Tensor) error {
	xt := in[0]
	cuts, err := op.Cuts(xt.Shape(), wholes(in[1]), wholes(in[2]), maybe(in[3]), maybe(in[4]))
	if err != nil {
		return err
	}
	first, steps := 0, rowMajor(xt.Shape())
	for d, c := range cuts {
		first += c.Start * steps[d]
		steps[d] *= c.Step
	}
	return rearrange(w, yt, xt, func(i int) int { return first + offset(i, yt.Shape(), steps) })
}

// split cuts X along Axis (ONNX Split-18). The outputs' extents are inferred.
func split(op ir.Split, xt *tensor.Tensor, out args) error {
	axis := axisOf(op.Axis, len(xt.Shape()))
	from := 0
	for o := range size(xt.Shape()[:axis]) {
		for _, yt := range out {
			block := size(yt.Shape()[axis:])
			if err := tensor.Copy(yt, o*block, xt, from, block); err != nil {
				return err
			}
			from += block
		}
	}
	return nil
}

// padding adds elements before and after X (ONNX Pad-24).
func padding(w *ir.Watch, op ir.Pad, in args, yt *tensor.Tensor) error {
	margins, err := op.Margins(in[0].Shape(), wholes(in[1]), maybe(in[3]))
	if err != nil {
		return err
	}
	value, err := tensor.New(yt.DType(), 1)
	if err != nil {
		return err
	}
	switch {
	case in[2] == nil:
	case in[2].DType() == yt.DType():
		err = tensor.Copy(value, 0, in[2], 0, 1)
	default:
		putReals(value, reals(in[2]))
	}
	if err != nil {
		return err
	}
	return surround(w, in[0], value, yt, margins, op.Mode)
}

// centerCropPad cuts X or fills it up with zeros (ONNX CenterCropPad-18).
func centerCropPad(w *ir.Watch, op ir.CenterCropPad, xt, shape, yt *tensor.Tensor) error {
	margins, err := op.Margins(xt.Shape(), wholes(shape))
	if err != nil {
		return err
	}
	zero, err := tensor.New(yt.DType(), 1)
	if err != nil {
		return err
	}
	return surround(w, xt, zero, yt, margins, ir.PadConstant)
}

// surround puts what the margins keep of X into Y, with others around it.
func surround(w *ir.Watch, xt, value, yt *tensor.Tensor, margins []ir.Margin, mode ir.PadMode) error {
	at, steps := make([]int, len(margins)), rowMajor(xt.Shape())
	for i := range yt.Len() {
		if w.Over(1) {
			return nil
		}
		position(at, i, yt.Shape())
		from, source := 0, xt
		for d, m := range margins {
			p := at[d] - m.Before
			if p < 0 || p >= m.Count {
				p = padSource(p, m.Count, mode)
			}
			if p < 0 {
				from, source = 0, value
				break
			}
			from += (m.Start + p) * steps[d]
		}
		if err := tensor.Copy(yt, i, source, from, 1); err != nil {
			return err
		}
	}
	return nil
}

// padSource is which of n elements stands at position p outside them; -1 for none.
// Reflection goes to and fro over more than one length.
func padSource(p, n int, mode ir.PadMode) int {
	switch mode {
	case ir.PadEdge:
		return min(max(p, 0), n-1)
	case ir.PadWrap:
		return (p%n + n) % n
	case ir.PadReflect:
		if n == 1 {
			return 0
		}
		period := 2 * (n - 1)
		p = (p%period + period) % period
		return min(p, period-p)
	}
	return -1
}

// tile repeats X along each dimension (ONNX Tile-13), as often as Y's extent says.
func tile(w *ir.Watch, xt, yt *tensor.Tensor) error {
	at, steps := make([]int, len(yt.Shape())), rowMajor(xt.Shape())
	return rearrange(w, yt, xt, func(i int) int {
		position(at, i, yt.Shape())
		from := 0
		for d, p := range at {
			from += p % xt.Shape()[d] * steps[d]
		}
		return from
	})
}

// expand broadcasts X to Y's shape (ONNX Expand-13).
func expand(w *ir.Watch, xt, yt *tensor.Tensor) error {
	steps := strides(xt.Shape(), yt.Shape())
	return rearrange(w, yt, xt, func(i int) int { return offset(i, yt.Shape(), steps) })
}

// depthToSpace moves channels into blocks (ONNX DepthToSpace-13).
func depthToSpace(w *ir.Watch, op ir.DepthToSpace, xt, yt *tensor.Tensor) error {
	at, steps, b := make([]int, 4), rowMajor(xt.Shape()), op.Block
	depth := yt.Shape()[1]
	return rearrange(w, yt, xt, func(i int) int {
		position(at, i, yt.Shape())
		block := at[2]%b*b + at[3]%b
		channel := block*depth + at[1]
		if op.ColumnRow {
			channel = at[1]*b*b + block
		}
		return at[0]*steps[0] + channel*steps[1] + at[2]/b*steps[2] + at[3]/b*steps[3]
	})
}

// spaceToDepth moves blocks into channels (ONNX SpaceToDepth-13).
func spaceToDepth(w *ir.Watch, op ir.SpaceToDepth, xt, yt *tensor.Tensor) error {
	at, steps, b := make([]int, 4), rowMajor(xt.Shape()), op.Block
	depth := xt.Shape()[1]
	return rearrange(w, yt, xt, func(i int) int {
		position(at, i, yt.Shape())
		block := at[1] / depth
		return at[0]*steps[0] + at[1]%depth*steps[1] + (at[2]*b+block/b)*steps[2] + (at[3]*b+block%b)*steps[3]
	})
}

// reverseSequence turns round the first elements along the time axis (ONNX
// ReverseSequence-10).
func reverseSequence(w *ir.Watch, op ir.ReverseSequence, xt, lens, yt *tensor.Tensor) error {
	length := wholes(lens)
	for _, n := range length {
		if n < 0 || n > int64(xt.Shape()[op.TimeAxis]) {
			return fmt.Errorf("input 1 (sequence_lens): %d is outside [0, %d]", n, xt.Shape()[op.TimeAxis])
		}
	}
	at, steps := make([]int, len(xt.Shape())), rowMajor(xt.Shape())
	return rearrange(w, yt, xt, func(i int) int {
		position(at, i, yt.Shape())
		if t, n := at[op.TimeAxis], int(length[at[op.BatchAxis]]); t < n {
			return i + (n-1-2*t)*steps[op.TimeAxis]
		}
		return i
	})
}
