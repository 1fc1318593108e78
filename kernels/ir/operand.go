package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// dtypeOf is the element type of input i, with which others must agree; Invalid if
// it is absent.
func (in operands) dtypeOf(i int) tensor.DType { return in.at(i).DType }

// integer reads input i as one int64 or int32, if its element is known.
func (in operands) integer(i int, name string) (v int, known bool, err error) {
	x := in.at(i)
	switch n, err := x.Shape.Elements(); {
	case x.DType != tensor.Int64 && x.DType != tensor.Int32:
		return 0, false, fmt.Errorf("input %d (%s) is %v; supported is %s", i, name, x.DType, indices.name)
	case err != nil:
		return 0, false, err
	case n != 1:
		return 0, false, fmt.Errorf("input %d (%s) has shape %v, want a scalar", i, name, x.Shape)
	case x.Const == nil:
		return 0, false, nil
	}
	if x.DType == tensor.Int32 {
		return int(tensor.Data[int32](x.Const)[0]), true, nil
	}
	return int(tensor.Data[int64](x.Const)[0]), true, nil
}

// extent reads input i as an integer that becomes a dimension.
func (in operands) extent(i int, name string) (v int, known bool, err error) {
	v, known, err = in.integer(i, name)
	if err == nil && known && (v < 0 || v > MaxValueBytes) {
		return 0, false, fmt.Errorf("input %d (%s) is %d, which is no extent", i, name, v)
	}
	return v, known, err
}

// fits refuses input i if it does not broadcast to a shape.
func (in operands) fits(i int, name string, to tensor.Shape) error {
	x := in.at(i)
	if x.Shape == nil {
		return nil
	}
	if both, err := Broadcast(to, x.Shape); err != nil || !both.Equal(to) {
		return fmt.Errorf("input %d (%s) has shape %v, which does not broadcast to %v", i, name, x.Shape, to)
	}
	return nil
}

// is refuses input i, if it is there, unless it has a shape.
func (in operands) is(i int, name string, want tensor.Shape) error {
	if x := in.at(i); x.Shape != nil && !x.Shape.Equal(want) {
		return fmt.Errorf("input %d (%s) has shape %v, want %v", i, name, x.Shape, want)
	}
	return nil
}
