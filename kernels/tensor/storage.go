package tensor

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"
)

// storage is what a Go type does for the DType that it stores. The any are []T.
type storage struct {
	alloc func(n int) any
	copy  func(to any, i int, from any, j, n int)
	equal func(a, b any) bool
	// wrap shares bytes, which are aligned and a whole number of elements; nil
	// of strings.
	wrap func(bytes []byte) any
}

func stored[T Element]() storage {
	return storage{
		alloc: func(n int) any { return make([]T, n) },
		copy:  func(to any, i int, from any, j, n int) { copy(to.([]T)[i:i+n], from.([]T)[j:j+n]) },
		equal: func(a, b any) bool { return slices.Equal(a.([]T), b.([]T)) },
		wrap: func(bytes []byte) any {
			return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/int(unsafe.Sizeof(*new(T))))
		},
	}
}

var storages = [...]storage{
	Float32: stored[float32](), Int64: stored[int64](), Float64: stored[float64](),
	Float16: stored[F16](), BFloat16: stored[BF16](),
	Int8: stored[int8](), Int16: stored[int16](), Int32: stored[int32](),
	Uint8: stored[uint8](), Uint16: stored[uint16](), Uint32: stored[uint32](), Uint64: stored[uint64](),
	Bool: stored[bool](), String: stored[string](), Complex64: stored[complex64](), Complex128: stored[complex128](),
	Int4: stored[I4](), Uint4: stored[U4](),
	Float8E4M3FN: stored[E4M3FN](), Float8E4M3FNUZ: stored[E4M3FNUZ](),
	Float8E5M2: stored[E5M2](), Float8E5M2FNUZ: stored[E5M2FNUZ](),
	Float8E8M0: stored[E8M0](), Float4E2M1: stored[E2M1](),
}

func storageOf(d DType) storage {
	if int(d) < len(storages) {
		return storages[d]
	}
	return storage{}
}

// TypeFor is the DType that T stores.
func TypeFor[T Element]() DType {
	switch any(*new(T)).(type) {
	case float32:
		return Float32
	case int64:
		return Int64
	case float64:
		return Float64
	case F16:
		return Float16
	case BF16:
		return BFloat16
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case bool:
		return Bool
	case string:
		return String
	case complex64:
		return Complex64
	case complex128:
		return Complex128
	case I4:
		return Int4
	case U4:
		return Uint4
	case E4M3FN:
		return Float8E4M3FN
	case E4M3FNUZ:
		return Float8E4M3FNUZ
	case E5M2:
		return Float8E5M2
	case E5M2FNUZ:
		return Float8E5M2FNUZ
	case E8M0:
		return Float8E8M0
	}
	return Float4E2M1
}

// FromBytes gives a tensor its elements as a file stores them: little-endian,
// row-major, bools a byte each, and types of 4 bits two to a byte, the first in
// the low half. It shares raw where that is possible on this machine. Strings
// have no such form.
func FromBytes(dtype DType, raw []byte, shape ...int) (*Tensor, error) {
	fail := func(err error) (*Tensor, error) {
		return nil, fmt.Errorf("take %v%v from %d bytes: %w", dtype, Shape(shape), len(raw), err)
	}
	n, err := Shape(shape).Elements()
	if err != nil {
		return fail(err)
	}
	bits := dtype.Bits()
	if bits == 0 {
		return fail(fmt.Errorf("%v has no binary form", dtype))
	}
	if want := (n*bits + 7) / 8; len(raw) != want {
		return fail(fmt.Errorf("they take %d bytes", want))
	}
	if dtype == Bool && slices.ContainsFunc(raw, func(b byte) bool { return b > 1 }) {
		return fail(fmt.Errorf("a bool is neither 0 nor 1"))
	}
	if bits == 4 {
		raw = unpacked(raw, n, dtype == Int4)
	}
	size := dtype.Size()
	if size > 1 && (bigEndian || uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%uintptr(size) != 0) {
		raw = realigned(raw, scalarSize(dtype))
	}
	data := storageOf(dtype).alloc(0)
	if n > 0 {
		data = storageOf(dtype).wrap(raw)
	}
	return &Tensor{dtype: dtype, shape: Shape(shape).Clone(), data: data, len: n}, nil
}

// Over lays a tensor over memory, which it shares: elements as this machine
// stores them, 8 bytes or their size in line. What is there before is the
// tensor's. Strings cannot be laid over memory.
func Over(memory []byte, dtype DType, shape ...int) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, fmt.Errorf("lay %v%v over memory: %w", dtype, Shape(shape), err)
	}
	size := dtype.Size()
	at := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	if dtype.Bits() == 0 || len(memory) != n*size || at%uintptr(min(size, 8)) != 0 {
		return nil, fmt.Errorf("lay %v%v over %d bytes: they are not its elements, or out of line", dtype, Shape(shape), len(memory))
	}
	data := storageOf(dtype).alloc(0)
	if n > 0 {
		data = storageOf(dtype).wrap(memory)
	}
	return &Tensor{dtype: dtype, shape: Shape(shape).Clone(), data: data, len: n}, nil
}

// Bytes are the elements as FromBytes takes them. The caller must not change
// them: they may be the tensor's own.
func (t *Tensor) Bytes() ([]byte, error) {
	bits := t.dtype.Bits()
	if bits == 0 {
		return nil, fmt.Errorf("write %v as bytes: it has no binary form", t)
	}
	if t.len == 0 {
		return nil, nil
	}
	own := t.memory()
	switch {
	case bits == 4:
		return packed(own), nil
	case bigEndian && t.dtype.Size() > 1:
		return realigned(own, scalarSize(t.dtype)), nil
	}
	return own, nil
}

// memory is the tensor's storage as bytes.
func (t *Tensor) memory() []byte {
	n := t.len * t.dtype.Size()
	switch d := t.data.(type) {
	case []float32:
		return bytesOf(d, n)
	case []int64:
		return bytesOf(d, n)
	case []float64:
		return bytesOf(d, n)
	case []F16:
		return bytesOf(d, n)
	case []BF16:
		return bytesOf(d, n)
	case []int8:
		return bytesOf(d, n)
	case []int16:
		return bytesOf(d, n)
	case []int32:
		return bytesOf(d, n)
	case []uint8:
		return d
	case []uint16:
		return bytesOf(d, n)
	case []uint32:
		return bytesOf(d, n)
	case []uint64:
		return bytesOf(d, n)
	case []bool:
		return bytesOf(d, n)
	case []complex64:
		return bytesOf(d, n)
	case []complex128:
		return bytesOf(d, n)
	case []I4:
		return bytesOf(d, n)
	case []U4:
		return bytesOf(d, n)
	case []E4M3FN:
		return bytesOf(d, n)
	case []E4M3FNUZ:
		return bytesOf(d, n)
	case []E5M2:
		return bytesOf(d, n)
	case []E5M2FNUZ:
		return bytesOf(d, n)
	case []E8M0:
		return bytesOf(d, n)
	case []E2M1:
		return bytesOf(d, n)
	}
	return nil
}

func bytesOf[T Element](d []T, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(d))), n)
}

var bigEndian = binary.NativeEndian.Uint16([]byte{1, 0}) != 1

// scalarSize is the size of what has an order of bytes: of a complex number, its
// halves.
func scalarSize(d DType) int {
	switch d {
	case Complex64, Complex128:
		return d.Size() / 2
	}
	return d.Size()
}

// realigned copies bytes to memory that is aligned for every type,
// each scalar in this machine's order.
func realigned(raw []byte, scalar int) []byte {
	if len(raw) == 0 {
		return nil
	}
	words := make([]uint64, (len(raw)+7)/8)
	out := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(raw))
	copy(out, raw)
	if bigEndian {
		for i := 0; i < len(out); i += scalar {
			slices.Reverse(out[i : i+scalar])
		}
	}
	return out
}

// unpacked gives each element of 4 bits a byte, extended by its sign if signed.
func unpacked(raw []byte, n int, signed bool) []byte {
	out := make([]byte, n)
	for i := range out {
		v := raw[i/2] >> (4 * (i % 2)) & 15
		if signed {
			v = byte(int8(v<<4) >> 4)
		}
		out[i] = v
	}
	return out
}

func packed(own []byte) []byte {
	out := make([]byte, (len(own)+1)/2)
	for i, v := range own {
		out[i/2] |= v & 15 << (4 * (i % 2))
	}
	return out
}
