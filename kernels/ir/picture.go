package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// The classes of operators that slide windows or look at samples of a picture.
var (
	poolable  = class{"a float type, int8 or uint8", func(d tensor.DType) bool { return d.IsFloat() || d == tensor.Int8 || d == tensor.Uint8 }}
	pixels    = class{"int8 or uint8", func(d tensor.DType) bool { return d == tensor.Int8 || d == tensor.Uint8 }}
	notString = class{"a type of numbers or bool", func(d tensor.DType) bool { return d.IsFloat() || d.IsInteger() || d == tensor.Bool }}
)

// matchAlike is match for inputs that must all have the type of the first.
func (in operands) matchAlike(want ...parameter) error {
	if err := in.match(want...); err != nil {
		return err
	}
	for i := range in {
		if in.has(i) && in[i].DType != in[0].DType {
			return fmt.Errorf("input %d (%s) is %v and input 0 (%s) is %v", i, want[i].name, in[i].DType, want[0].name, in[0].DType)
		}
	}
	return nil
}

// picture refuses what is not N×C×spatial.
func (in operands) picture(i int, name string) error {
	if len(in.at(i).Shape) < 3 {
		return fmt.Errorf("input %d (%s) has shape %v, want N×C×spatial", i, name, in.at(i).Shape)
	}
	return nil
}

// shaped refuses an input that is there with another shape.
func (in operands) shaped(i int, name string, want ...int) error {
	if in.has(i) && !in[i].Shape.Equal(want) {
		return fmt.Errorf("input %d (%s) has shape %v, want %v", i, name, in[i].Shape, tensor.Shape(want))
	}
	return nil
}
