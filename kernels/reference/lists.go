package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// rearrange gives element i of Y the element from(i) of X.
func rearrange(w *ir.Watch, yt, xt *tensor.Tensor, from func(i int) int) error {
	for i := range yt.Len() {
		if w.Over(1) {
			return nil
		}
		if err := tensor.Copy(yt, i, xt, from(i), 1); err != nil {
			return err
		}
	}
	return nil
}

// rowMajor are the strides of a tensor of the shape.
func rowMajor(shape tensor.Shape) []int {
	s := make([]int, len(shape))
	step := 1
	for d := len(shape) - 1; d >= 0; d-- {
		s[d] = step
		step *= shape[d]
	}
	return s
}

// position writes the place of the i-th element, in row-major order, of shape.
func position(at []int, i int, shape tensor.Shape) {
	for d := len(shape) - 1; d >= 0; d-- {
		at[d] = i % shape[d]
		i /= shape[d]
	}
}

// indexIn counts a negative index from the end of an extent, and refuses one
// outside it.
func indexIn(i int64, extent int, name string) (int, error) {
	if i < -int64(extent) || i >= int64(extent) {
		return 0, fmt.Errorf("%s: %d is outside an extent of %d", name, i, extent)
	}
	return axisOf(int(i), extent), nil
}

// maybe are the elements of an optional list; nil if it is absent.
func maybe(t *tensor.Tensor) []int64 {
	if t == nil {
		return nil
	}
	return wholes(t)
}
