package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// filling finds the loops of an operator that makes elements of its own.
func filling(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.OneHot:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return oneHot(w, op, in[0], in[2], y) })
	case ir.Trilu:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return trilu(w, op, in[0], in[1], y) })
	case ir.EyeLike:
		return one(1, func(_ *ir.Watch, _ args, y *tensor.Tensor) error { return eyeLike(op, y) })
	case ir.Range:
		return one(3, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return countUp(in[0], in[2], y) })
	case ir.ConstantOfShape:
		return one(1, func(w *ir.Watch, _ args, y *tensor.Tensor) error {
			return rearrange(w, y, op.Value, func(int) int { return 0 })
		})
	}
	return kernel{}, false
}

// oneHot puts the second value at each index and the first elsewhere (ONNX
// OneHot-11). Y is [outer…×depth×inner…], the indices [outer…×inner…].
func oneHot(w *ir.Watch, op ir.OneHot, indices, values, yt *tensor.Tensor) error {
	axis := axisOf(op.Axis, len(yt.Shape()))
	depth, inner := yt.Shape()[axis], size(yt.Shape()[axis+1:])
	at := make([]int64, indices.Len())
	if indices.DType().IsFloat() {
		for i, f := range reals(indices) {
			if at[i] = -1 << 62; math.Abs(f) < 1<<53 {
				at[i] = int64(f)
			}
		}
	} else {
		at = wholes(indices)
	}
	return rearrange(w, yt, values, func(i int) int {
		want := at[i/inner/depth*inner+i%inner]
		if want < 0 && !op.PositiveOnly {
			want += int64(depth)
		}
		if want == int64(i/inner%depth) {
			return 1
		}
		return 0
	})
}

// trilu keeps a triangle of each matrix (ONNX Trilu-14).
func trilu(w *ir.Watch, op ir.Trilu, xt, diagonal, yt *tensor.Tensor) error {
	s := xt.Shape()
	rows, columns := s[len(s)-2], s[len(s)-1]
	k := int64(0)
	if diagonal != nil { // one beyond all elements is as far as any
		k = min(max(wholes(diagonal)[0], -int64(rows)-1), int64(columns)+1)
	}
	for i := range xt.Len() {
		if w.Over(1) {
			return nil
		}
		above := int64(i%columns-i/columns%rows) - k
		if op.Upper && above < 0 || !op.Upper && above > 0 {
			continue
		}
		if err := tensor.Copy(yt, i, xt, i, 1); err != nil {
			return err
		}
	}
	return nil
}

// eyeLike puts ones on a diagonal (ONNX EyeLike-22).
func eyeLike(op ir.EyeLike, yt *tensor.Tensor) error {
	one, err := tensor.New(yt.DType(), 1)
	if err != nil {
		return err
	}
	if yt.DType().IsFloat() {
		putReals(one, []float64{1})
	} else {
		putWholes(one, []int64{1})
	}
	rows, columns := yt.Shape()[0], yt.Shape()[1]
	for r := range rows {
		c := r + op.K
		if op.K > columns || op.K < -rows || c < 0 || c >= columns {
			continue
		}
		if err := tensor.Copy(yt, r*columns+c, one, 0, 1); err != nil {
			return err
		}
	}
	return nil
}

// countUp gives start + i·delta (ONNX Range-11).
func countUp(start, delta, yt *tensor.Tensor) error {
	if yt.DType().IsFloat() {
		first, step := reals(start)[0], reals(delta)[0]
		y := make([]float64, yt.Len())
		for i := range y {
			y[i] = first + float64(i)*step
		}
		putReals(yt, y)
		return nil
	}
	first, step := wholes(start)[0], wholes(delta)[0]
	y := make([]int64, yt.Len())
	for i := range y {
		y[i] = first + int64(i)*step
	}
	putWholes(yt, y)
	return nil
}

// nonZero gives the places of elements that are not zero (ONNX NonZero-13).
func nonZero(w *ir.Watch, xt *tensor.Tensor) (*tensor.Tensor, error) {
	set := setElements(xt)
	rank, n := len(xt.Shape()), 0
	for _, s := range set {
		if s {
			n++
		}
	}
	if err := (ir.Info{DType: tensor.Int64, Shape: tensor.Shape{rank, n}}).Check(); err != nil {
		return nil, err
	}
	yt, err := tensor.New(tensor.Int64, rank, n)
	if err != nil {
		return nil, err
	}
	y, at, column := tensor.Data[int64](yt), make([]int, rank), 0
	for i, s := range set {
		if w.Over(1) {
			return yt, nil
		}
		if !s {
			continue
		}
		position(at, i, xt.Shape())
		for d, p := range at {
			y[d*n+column] = int64(p)
		}
		column++
	}
	return yt, nil
}

// setElements tells of each element whether it is other than zero, false and
// empty.
func setElements(t *tensor.Tensor) []bool {
	set := make([]bool, t.Len())
	switch {
	case t.DType() == tensor.String:
		for i, s := range tensor.Data[string](t) {
			set[i] = s != ""
		}
	case t.DType() == tensor.Complex64:
		for i, c := range tensor.Data[complex64](t) {
			set[i] = c != 0
		}
	case t.DType() == tensor.Complex128:
		for i, c := range tensor.Data[complex128](t) {
			set[i] = c != 0
		}
	case t.DType().IsFloat():
		for i, f := range reals(t) {
			set[i] = f != 0
		}
	default:
		for i, v := range wholes(t) {
			set[i] = v != 0
		}
	}
	return set
}

// compress keeps what a condition is true for (ONNX Compress-11).
func compress(op ir.Compress, xt, condition *tensor.Tensor) (*tensor.Tensor, error) {
	if !op.HasAxis {
		flat, err := xt.Reshaped(xt.Len())
		if err != nil {
			return nil, err
		}
		xt = flat
	}
	axis, x := axisOf(op.Axis, len(xt.Shape())), xt.Shape()
	var keep []int
	for i, c := range tensor.Data[bool](condition) {
		if c && i >= x[axis] {
			return nil, fmt.Errorf("input 1 (condition) is true at %d, past an extent of %d", i, x[axis])
		}
		if c {
			keep = append(keep, i)
		}
	}
	return slicesAt(xt, axis, keep)
}

// slicesAt are some slices of X along an axis.
func slicesAt(xt *tensor.Tensor, axis int, at []int) (*tensor.Tensor, error) {
	shape := xt.Shape().Clone()
	shape[axis] = len(at)
	yt, err := tensor.New(xt.DType(), shape...)
	if err != nil || yt.Len() == 0 {
		return yt, err
	}
	inner, to := size(shape[axis+1:]), 0
	for o := range size(shape[:axis]) {
		for _, p := range at {
			if err := tensor.Copy(yt, to, xt, (o*xt.Shape()[axis]+p)*inner, inner); err != nil {
				return nil, err
			}
			to += inner
		}
	}
	return yt, nil
}
