package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// info is the declared type of a value. A file that declares none leaves it to
// inference.
func (t *TypeInfo) info() (ir.Info, error) {
	if t.Kind != TensorType {
		compound, err := t.typeOf()
		return ir.Info{Compound: &compound}, err
	}
	if t.Type == 0 {
		return ir.Info{}, nil
	}
	dtype, err := t.Type.dtype()
	if err != nil {
		return ir.Info{}, err
	}
	info := ir.Info{DType: dtype}
	if t.Shape == nil {
		return info, nil
	}
	info.Shape = tensor.Shape{}
	for i, d := range t.Shape {
		switch {
		case d.Value < 0, d.Value > ir.MaxValueBytes:
			return ir.Info{}, fmt.Errorf("dimension %d is %d", i, d.Value)
		case d.Value == 0 && !d.Given:
			info.Shape = append(info.Shape, ir.Unknown)
		default:
			info.Shape = append(info.Shape, int(d.Value))
		}
	}
	return info, nil
}

// typeOf is the type in memory, without shapes.
func (t *TypeInfo) typeOf() (tensor.Type, error) {
	var elem tensor.Type
	if t.Kind != TensorType {
		if t.Elem == nil {
			return tensor.Type{}, fmt.Errorf("its type names no type of elements, or is neither a tensor, a sequence, an optional nor a map")
		}
		var err error
		if elem, err = t.Elem.typeOf(); err != nil {
			return tensor.Type{}, err
		}
	}
	switch t.Kind {
	case TensorType:
		dtype, err := t.Type.dtype()
		return tensor.Type{DType: dtype}, err
	case SequenceType:
		return tensor.SequenceOf(elem), nil
	case OptionalType:
		return tensor.OptionalOf(elem), nil
	case MapType:
		key, err := t.Key.dtype()
		return tensor.Type{Kind: tensor.IsMap, Key: key, Elem: &elem}, err
	}
	return tensor.Type{}, fmt.Errorf("it is neither a tensor, a sequence, an optional nor a map")
}
