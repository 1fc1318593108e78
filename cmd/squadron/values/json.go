package values

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// decodeJSON reads nested lists of numbers, bools or strings as a tensor, or a list
// of them as a sequence.
func decodeJSON(data []byte, typ tensor.Type) (tensor.Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // integers of 64 bits stay whole
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return fromJSON(v, typ)
}

func fromJSON(v any, typ tensor.Type) (tensor.Value, error) {
	switch typ.Kind {
	case tensor.IsSequence:
		list, ok := v.([]any)
		if !ok {
			return nil, errors.New("a sequence is a list")
		}
		out := &tensor.Sequence{Elem: *typ.Elem}
		for i, e := range list {
			elem, err := fromJSON(e, *typ.Elem)
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
			out.Values = append(out.Values, elem)
		}
		return out, nil
	case tensor.IsOptional:
		out := &tensor.Optional{Elem: *typ.Elem}
		if v == nil {
			return out, nil
		}
		var err error
		out.Value, err = fromJSON(v, *typ.Elem)
		return out, err
	case tensor.IsMap:
		return nil, errors.New("a map cannot be given as JSON")
	}
	var shape tensor.Shape
	for e := v; ; {
		list, ok := e.([]any)
		if !ok {
			break
		}
		shape = append(shape, len(list))
		if len(list) == 0 {
			break
		}
		e = list[0]
	}
	t, err := tensor.New(typ.DType, shape...)
	if err != nil {
		return nil, err
	}
	f := filling{t: t}
	return t, f.fill(v, shape)
}

// filling puts the leaves of nested lists into a tensor, in order.
type filling struct {
	t  *tensor.Tensor
	at int
}

func (f *filling) fill(v any, shape tensor.Shape) error {
	if len(shape) == 0 {
		if err := f.put(v); err != nil {
			return fmt.Errorf("element %d: %w", f.at, err)
		}
		f.at++
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) != shape[0] {
		return fmt.Errorf("the lists are not all as long as the first of them (%v)", f.t.Shape())
	}
	for _, e := range list {
		if err := f.fill(e, shape[1:]); err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) put(v any) error {
	one, err := scalar(v, f.t.DType())
	if err != nil {
		return err
	}
	return tensor.Copy(f.t, f.at, one, 0, 1)
}

// scalar is a number, bool or string of JSON as a tensor of one element.
func scalar(v any, dtype tensor.DType) (*tensor.Tensor, error) {
	text, isText := v.(string)
	flag, isFlag := v.(bool)
	number, isNumber := v.(json.Number)
	switch {
	case isText && dtype == tensor.String:
		return tensor.Of([]string{text})
	case isFlag && dtype == tensor.Bool:
		return tensor.Of([]bool{flag})
	case !isNumber:
		return nil, fmt.Errorf("%v is not a %v", v, dtype)
	case dtype == tensor.Float32:
		n, err := strconv.ParseFloat(number.String(), 32)
		return of(float32(n), err)
	case dtype == tensor.Float64:
		n, err := number.Float64()
		return of(n, err)
	case dtype.IsUnsigned():
		n, err := strconv.ParseUint(number.String(), 10, dtype.Bits())
		return integer(int64(n), dtype, err)
	case dtype.IsSigned():
		n, err := strconv.ParseInt(number.String(), 10, dtype.Bits())
		return integer(n, dtype, err)
	}
	format, ok := tensor.FormatOf(dtype)
	if !ok {
		return nil, fmt.Errorf("%v cannot be given as JSON", dtype)
	}
	n, err := number.Float64()
	if err != nil {
		return nil, err
	}
	code := format.Encode(n, false)
	return tensor.FromBytes(dtype, []byte{byte(code), byte(code >> 8)}[:(dtype.Bits()+7)/8])
}

func of[T tensor.Element](v T, err error) (*tensor.Tensor, error) {
	if err != nil {
		return nil, err
	}
	return tensor.Of([]T{v})
}

func integer(v int64, dtype tensor.DType, err error) (*tensor.Tensor, error) {
	if err != nil {
		return nil, err
	}
	raw := []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24), byte(v >> 32), byte(v >> 40), byte(v >> 48), byte(v >> 56)}
	if dtype.Bits() == 4 {
		raw[0] &= 15
	}
	return tensor.FromBytes(dtype, raw[:(dtype.Bits()+7)/8])
}

// JSON writes a value as nested lists; what is not finite is the string "NaN",
// "Infinity" or "-Infinity".
func JSON(v tensor.Value) ([]byte, error) {
	tree, err := Tree(v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// Tree is a value as encoding/json takes it.
func Tree(v tensor.Value) (any, error) {
	switch v := v.(type) {
	case *tensor.Tensor:
		leaf, err := leaves(v)
		if err != nil {
			return nil, err
		}
		at := 0
		return nested(v.Shape(), leaf, &at), nil
	case *tensor.Sequence:
		out := make([]any, len(v.Values))
		for i, e := range v.Values {
			var err error
			if out[i], err = Tree(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *tensor.Optional:
		if v.Value == nil {
			return nil, nil
		}
		return Tree(v.Value)
	case *tensor.Map:
		keys, err := leaves(v.Keys)
		if err != nil {
			return nil, err
		}
		leaf, err := leaves(v.Values)
		if err != nil {
			return nil, err
		}
		out := map[string]any{}
		for i := range v.Keys.Len() {
			out[fmt.Sprint(keys(i))] = leaf(i)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%v has no form in JSON", v)
}

func nested(shape tensor.Shape, leaf func(int) any, at *int) any {
	if len(shape) == 0 {
		*at++
		return leaf(*at - 1)
	}
	out := make([]any, shape[0])
	for i := range out {
		out[i] = nested(shape[1:], leaf, at)
	}
	return out
}

// leaves gives the elements of a tensor as encoding/json takes them.
func leaves(t *tensor.Tensor) (func(i int) any, error) {
	switch t.DType() {
	case tensor.Float32:
		return leaf(tensor.Data[float32](t), func(v float32) any { return finite(float64(v), v) }), nil
	case tensor.Float64:
		return leaf(tensor.Data[float64](t), func(v float64) any { return finite(v, v) }), nil
	case tensor.Int64:
		return leaf(tensor.Data[int64](t), plain), nil
	case tensor.Int32:
		return leaf(tensor.Data[int32](t), plain), nil
	case tensor.Int16:
		return leaf(tensor.Data[int16](t), plain), nil
	case tensor.Int8:
		return leaf(tensor.Data[int8](t), plain), nil
	case tensor.Uint64:
		return leaf(tensor.Data[uint64](t), plain), nil
	case tensor.Uint32:
		return leaf(tensor.Data[uint32](t), plain), nil
	case tensor.Uint16:
		return leaf(tensor.Data[uint16](t), plain), nil
	case tensor.Uint8:
		return leaf(tensor.Data[uint8](t), plain), nil
	case tensor.Bool:
		return leaf(tensor.Data[bool](t), plain), nil
	case tensor.String:
		return leaf(tensor.Data[string](t), plain), nil
	case tensor.Int4:
		return leaf(tensor.Data[tensor.I4](t), plain), nil
	case tensor.Uint4:
		return leaf(tensor.Data[tensor.U4](t), plain), nil
	}
	format, ok := tensor.FormatOf(t.DType())
	if !ok {
		return nil, fmt.Errorf("%v has no form in JSON", t)
	}
	raw, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	return func(i int) any {
		var code uint16
		switch t.DType().Bits() {
		case 16:
			code = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
		case 8:
			code = uint16(raw[i])
		default:
			code = uint16(raw[i/2] >> (4 * (i % 2)) & 15)
		}
		v := format.Decode(code)
		return finite(v, v)
	}, nil
}

func leaf[T any](data []T, one func(T) any) func(int) any {
	return func(i int) any { return one(data[i]) }
}

func plain[T any](v T) any { return v }

// finite is as, unless v is not finite.
func finite(v float64, as any) any {
	switch {
	case v != v:
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return as
}
