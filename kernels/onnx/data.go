package onnx

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// UnmarshalValue decodes a value that stands alone in a file, as ONNX's test data
// are: a TensorProto, SequenceProto or OptionalProto, as its type says. Tensors may
// share data.
func UnmarshalValue(data []byte, typ tensor.Type, limits Limits) (tensor.Value, error) {
	if err := atMost(len(data), limits.FileBytes, "bytes"); err != nil {
		return nil, fmt.Errorf("decode a %v: %w", typ, err)
	}
	d := decoder{spending: spending{limits: limits}}
	v, err := d.value(data, typ)
	if err != nil {
		return nil, fmt.Errorf("decode a %v: %w", typ, err)
	}
	return v, nil
}

// UnmarshalTensor decodes a TensorProto that stands alone in a file.
func UnmarshalTensor(data []byte, limits Limits) (*Tensor, error) {
	if err := atMost(len(data), limits.FileBytes, "bytes"); err != nil {
		return nil, fmt.Errorf("decode a tensor: %w", err)
	}
	d := decoder{spending: spending{limits: limits}}
	t := new(Tensor)
	if err := d.tensor(data, t); err != nil {
		return nil, fmt.Errorf("decode a tensor: %w", err)
	}
	return t, nil
}

// MarshalTensor encodes a TensorProto that stands alone.
func MarshalTensor(t *Tensor) []byte { return t.marshal() }

func (d *decoder) value(b []byte, typ tensor.Type) (tensor.Value, error) {
	d.depth++
	defer func() { d.depth-- }()
	if err := atMost(d.depth, d.limits.Depth, "values within each other"); err != nil {
		return nil, err
	}
	switch typ.Kind {
	case tensor.IsSequence:
		return d.sequenceValue(b, *typ.Elem)
	case tensor.IsOptional:
		return d.optionalValue(b, *typ.Elem)
	case tensor.IsMap:
		return d.mapValue(b, typ)
	}
	var t Tensor
	if err := d.tensor(b, &t); err != nil {
		return nil, err
	}
	return t.Decode()
}

// valueField is the number of a SequenceProto's and an OptionalProto's field for
// elements of a kind.
var valueField = map[tensor.Kind]protowire.Number{tensor.IsTensor: 3, tensor.IsSequence: 5, tensor.IsMap: 6, tensor.IsOptional: 7}

func (d *decoder) sequenceValue(b []byte, elem tensor.Type) (tensor.Value, error) {
	out := &tensor.Sequence{Elem: elem}
	err := eachField(b, func(f field) error {
		if f.number != valueField[elem.Kind] {
			return nil
		}
		if err := d.item(); err != nil {
			return err
		}
		v, err := d.value(f.bytes, elem)
		out.Values = append(out.Values, v)
		return err
	})
	return out, err
}

func (d *decoder) optionalValue(b []byte, elem tensor.Type) (tensor.Value, error) {
	out := &tensor.Optional{Elem: elem}
	err := eachField(b, func(f field) error {
		if f.number != valueField[elem.Kind] {
			return nil
		}
		var err error
		out.Value, err = d.value(f.bytes, elem)
		return err
	})
	return out, err
}

// mapValue reads a MapProto whose values are a sequence of scalars.
func (d *decoder) mapValue(b []byte, typ tensor.Type) (tensor.Value, error) {
	var whole []int64
	var text []string
	var values []tensor.Value
	err := eachField(b, func(f field) error {
		switch f.number {
		case 3:
			return d.int64s(f, &whole)
		case 4:
			return d.datas(f, &text)
		case 5:
			v, err := d.sequenceValue(f.bytes, *typ.Elem)
			if err == nil {
				values = v.(*tensor.Sequence).Values
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	keys, err := tensor.Of(whole, len(whole))
	if typ.Key == tensor.String {
		keys, err = tensor.Of(text, len(text))
	}
	if err != nil {
		return nil, err
	}
	if keys.Len() != len(values) {
		return nil, fmt.Errorf("%d keys for %d values", keys.Len(), len(values))
	}
	all, err := tensor.New(typ.Elem.DType, len(values))
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		t, ok := v.(*tensor.Tensor)
		if !ok || t.Len() != 1 {
			return nil, fmt.Errorf("value %d is %v, want one number", i, v)
		}
		if err := tensor.Copy(all, i, t, 0, 1); err != nil {
			return nil, err
		}
	}
	return &tensor.Map{Keys: keys, Values: all}, nil
}
