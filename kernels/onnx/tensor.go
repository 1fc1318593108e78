package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// TensorOf is t in the file format, with its elements copied to Raw.
func TensorOf(name string, t *tensor.Tensor) Tensor {
	out := Tensor{Name: name}
	for _, d := range t.Shape() {
		out.Dims = append(out.Dims, int64(d))
	}
	switch t.DType() {
	case tensor.Float32:
		out.Type = Float
		out.Raw = make([]byte, 0, 4*t.Len())
		for _, v := range tensor.Data[float32](t) {
			out.Raw = binary.LittleEndian.AppendUint32(out.Raw, math.Float32bits(v))
		}
	case tensor.Int64:
		out.Type = Int64
		out.Raw = make([]byte, 0, 8*t.Len())
		for _, v := range tensor.Data[int64](t) {
			out.Raw = binary.LittleEndian.AppendUint64(out.Raw, uint64(v))
		}
	}
	return out
}

// Decode gives the elements in memory. It shares Raw where that is aligned for
// the element type on a little-endian machine, so that a model's weights are
// in memory once.
func (t *Tensor) Decode() (*tensor.Tensor, error) {
	fail := func(err error) (*tensor.Tensor, error) {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if t.External {
		return fail(errors.New("its data are in another file; only models in one file are supported"))
	}
	dtype, err := t.Type.dtype()
	if err != nil {
		return fail(err)
	}
	shape, err := dims(t.Dims)
	if err != nil {
		return fail(err)
	}
	if err := t.complete(shape, dtype); err != nil {
		return fail(err)
	}
	if dtype == tensor.Int64 {
		return tensor.Of(elements(t.Raw, t.Int64s, func(b []byte) int64 {
			return int64(binary.LittleEndian.Uint64(b))
		}), shape...)
	}
	return tensor.Of(elements(t.Raw, t.Floats, func(b []byte) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}), shape...)
}

// complete checks that the tensor holds exactly its shape's elements.
func (t *Tensor) complete(shape tensor.Shape, dtype tensor.DType) error {
	want, err := shape.Elements()
	if err != nil {
		return err
	}
	if t.Raw != nil {
		if len(t.Raw)/dtype.Size() != want || len(t.Raw)%dtype.Size() != 0 {
			return fmt.Errorf("%d bytes of data for %v elements of shape %v", len(t.Raw), dtype, shape)
		}
		return nil
	}
	have := len(t.Floats)
	if dtype == tensor.Int64 {
		have = len(t.Int64s)
	}
	if have != want {
		return fmt.Errorf("%d elements for shape %v, which holds %d", have, shape, want)
	}
	return nil
}

// elements are raw's, in place if possible, or if there is no raw, the list's.
func elements[T tensor.Element](raw []byte, list []T, decode func([]byte) T) []T {
	if len(raw) == 0 {
		return list
	}
	size := int(unsafe.Sizeof(*new(T)))
	first := unsafe.Pointer(unsafe.SliceData(raw))
	if littleEndian() && uintptr(first)%uintptr(size) == 0 {
		return unsafe.Slice((*T)(first), len(raw)/size)
	}
	out := make([]T, len(raw)/size)
	for i := range out {
		out[i] = decode(raw[i*size:])
	}
	return out
}

func littleEndian() bool {
	return binary.NativeEndian.Uint16([]byte{1, 0}) == 1
}

// dtype is the element type in memory; it refuses all that engines lack.
func (d DataType) dtype() (tensor.DType, error) {
	switch d {
	case Float:
		return tensor.Float32, nil
	case Int64:
		return tensor.Int64, nil
	}
	return tensor.Invalid, fmt.Errorf("element type %v is not supported; supported are float32 and int64", d)
}

// dataTypeNames are the names of TensorProto.DataType, by value.
var dataTypeNames = [...]string{
	"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64",
	"string", "bool", "float16", "float64", "uint32", "uint64", "complex64",
	"complex128", "bfloat16",
}

func (d DataType) String() string {
	if d >= 0 && int(d) < len(dataTypeNames) {
		return dataTypeNames[d]
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
