package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// TensorOf is t in the file format, with its elements copied to Raw.
func TensorOf(name string, t *tensor.Tensor) Tensor {
	out := Tensor{Name: name}
	for _, d := range t.Shape() {
		out.Dims = append(out.Dims, int64(d))
	}
	for d, dtype := range dtypes {
		if dtype == t.DType() {
			out.Type = DataType(d)
		}
	}
	raw, err := t.Bytes()
	if err != nil { // strings have no binary form
		out.Strings = tensor.Data[string](t)
		return out
	}
	out.Raw = append([]byte{}, raw...)
	return out
}

// Decode gives the elements in memory. It shares Raw where that is aligned for
// the element type on a little-endian machine, so that a model's weights are
// in memory once. External data are Read's to find.
func (t *Tensor) Decode() (*tensor.Tensor, error) {
	if t.External {
		return nil, fmt.Errorf("tensor %q: its data are in another file", t.Name)
	}
	out, err := t.decode(t.Raw)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return out, nil
}

func (t *Tensor) decode(raw []byte) (*tensor.Tensor, error) {
	dtype, err := t.Type.dtype()
	if err != nil {
		return nil, err
	}
	shape, err := dims(t.Dims)
	if err != nil {
		return nil, err
	}
	if raw != nil {
		return tensor.FromBytes(dtype, raw, shape...)
	}
	switch dtype {
	case tensor.Float32:
		return tensor.Of(t.Floats, shape...)
	case tensor.Int64:
		return tensor.Of(t.Int64s, shape...)
	case tensor.Float64:
		return tensor.Of(t.Doubles, shape...)
	case tensor.Int32:
		return tensor.Of(t.Int32s, shape...)
	case tensor.Uint64:
		return tensor.Of(t.Uint64s, shape...)
	case tensor.String:
		return tensor.Of(t.Strings, shape...)
	case tensor.Complex64:
		return tensor.Of(pairs(t.Floats, func(re, im float32) complex64 { return complex(re, im) }), shape...)
	case tensor.Complex128:
		return tensor.Of(pairs(t.Doubles, func(re, im float64) complex128 { return complex(re, im) }), shape...)
	case tensor.Uint32:
		return tensor.Of(narrowed[uint32](t.Uint64s), shape...)
	}
	return t.fromInt32s(dtype, shape)
}

// fromInt32s decodes a type of at most 16 bits, which the list of int32 holds: its
// bits, or of types of 4 bits, two elements in the low byte.
func (t *Tensor) fromInt32s(dtype tensor.DType, shape tensor.Shape) (*tensor.Tensor, error) {
	bits := max(8, dtype.Bits())
	raw := make([]byte, 0, len(t.Int32s)*bits/8)
	for _, v := range t.Int32s {
		raw = append(raw, byte(v))
		if bits == 16 {
			raw = append(raw, byte(v>>8))
		}
	}
	return tensor.FromBytes(dtype, raw, shape...)
}

func pairs[F, C any](list []F, join func(re, im F) C) []C {
	out := make([]C, len(list)/2)
	for i := range out {
		out[i] = join(list[2*i], list[2*i+1])
	}
	return out
}

func narrowed[T, F int32 | uint32 | uint64](list []F) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = T(v)
	}
	return out
}

// dense gives all elements of a sparse tensor (SparseTensorProto): indices are
// either positions in row-major order, or one row of coordinates each.
func (s *SparseTensor) dense() (*tensor.Tensor, error) {
	fail := func(err error) (*tensor.Tensor, error) {
		return nil, fmt.Errorf("sparse tensor %q: %w", s.Values.Name, err)
	}
	values, err := s.Values.Decode()
	if err != nil {
		return fail(err)
	}
	indices, err := s.Indices.Decode()
	if err != nil {
		return fail(err)
	}
	shape, err := dims(s.Dims)
	if err != nil {
		return fail(err)
	}
	if n, err := shape.Elements(); err != nil || n > maxSparseElements {
		return fail(fmt.Errorf("its shape %v is too large", shape))
	}
	at := tensor.Data[int64](indices)
	coordinates := len(indices.Shape()) == 2
	if len(values.Shape()) != 1 || at == nil || coordinates && indices.Shape()[1] != len(shape) ||
		len(at) != values.Len() && !coordinates || coordinates && indices.Shape()[0] != values.Len() {
		return fail(fmt.Errorf("indices %v do not fit values %v of shape %v", indices, values, shape))
	}
	out, err := tensor.New(values.DType(), shape...)
	if err != nil {
		return fail(err)
	}
	for i := range values.Len() {
		position := 0
		if !coordinates {
			position = int(at[i])
		}
		for axis := 0; coordinates && axis < len(shape); axis++ {
			c := at[i*len(shape)+axis]
			if c < 0 || c >= int64(shape[axis]) {
				return fail(fmt.Errorf("index %d lies outside", i))
			}
			position = position*shape[axis] + int(c)
		}
		if err := tensor.Copy(out, position, values, i, 1); err != nil {
			return fail(err)
		}
	}
	return out, nil
}

// maxSparseElements bounds what a few bytes of a sparse tensor may take.
const maxSparseElements = 1 << 24

// dtypes are the element types in memory, by DataType.
var dtypes = [...]tensor.DType{
	Float: tensor.Float32, Uint8: tensor.Uint8, Int8: tensor.Int8, Uint16: tensor.Uint16, Int16: tensor.Int16,
	Int32: tensor.Int32, Int64: tensor.Int64, String: tensor.String, Bool: tensor.Bool, Float16: tensor.Float16,
	Double: tensor.Float64, Uint32: tensor.Uint32, Uint64: tensor.Uint64, Complex64: tensor.Complex64,
	Complex128: tensor.Complex128, BFloat16: tensor.BFloat16, Float8E4M3FN: tensor.Float8E4M3FN,
	Float8E4M3FNUZ: tensor.Float8E4M3FNUZ, Float8E5M2: tensor.Float8E5M2, Float8E5M2FNUZ: tensor.Float8E5M2FNUZ,
	Uint4: tensor.Uint4, Int4: tensor.Int4, Float4E2M1: tensor.Float4E2M1, Float8E8M0: tensor.Float8E8M0,
}

// dtype is the element type in memory.
func (d DataType) dtype() (tensor.DType, error) {
	if d > 0 && int(d) < len(dtypes) {
		return dtypes[d], nil
	}
	return tensor.Invalid, fmt.Errorf("element type %v is not known", d)
}

func (d DataType) String() string {
	if d > 0 && int(d) < len(dtypes) {
		return dtypes[d].String()
	}
	if d == 0 {
		return "undefined"
	}
	return fmt.Sprintf("%d", int32(d))
}

func dims(list []int64) (tensor.Shape, error) {
	shape := make(tensor.Shape, len(list))
	for i, d := range list {
		if d < 0 || int64(int(d)) != d {
			return nil, fmt.Errorf("dimension %d is %d", i, d)
		}
		shape[i] = int(d)
	}
	return shape, nil
}
