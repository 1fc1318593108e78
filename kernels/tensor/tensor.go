// Package tensor holds the values that every engine reads and writes: above all
// the Tensor, a dense, row-major, contiguous array with a shape and an element
// type, and the Sequence, Optional and Map that a few operators make of it.
//
// It owns the layout (row-major, no strides, no padding), the element types
// and the overflow-checked arithmetic on shapes. It refuses views, broadcasting
// and computation: those belong to the engines.
//
//	t, err := tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
//	if err != nil {
//		return err
//	}
//	row := tensor.Data[float32](t)[3:6] // shares t's memory
package tensor

import (
	"errors"
	"fmt"
)

// Tensor is a dense row-major array. A Tensor of rank 0 is a scalar with one
// element; a dimension of 0 is allowed and makes it empty.
//
// A Tensor is not safe for concurrent writes; concurrent reads are.
type Tensor struct {
	dtype DType
	shape Shape
	data  any // []T of dtype's T, never nil inside
	len   int
}

// New allocates a zeroed tensor.
// It fails if a dimension is negative or the size in bytes overflows an int.
func New(dtype DType, shape ...int) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, fmt.Errorf("allocate %v tensor %v: %w", dtype, Shape(shape), err)
	}
	alloc := storageOf(dtype).alloc
	if alloc == nil {
		return nil, fmt.Errorf("allocate tensor %v: element type %v is not supported", Shape(shape), dtype)
	}
	if n > maxElements/2 && dtype.Size() > 8 {
		return nil, fmt.Errorf("allocate %v tensor %v: %w", dtype, Shape(shape), ErrOverflow)
	}
	return &Tensor{dtype: dtype, shape: Shape(shape).Clone(), data: alloc(n), len: n}, nil
}

// Of wraps data, which the tensor then shares; len(data) must be the product
// of shape.
func Of[T Element](data []T, shape ...int) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, fmt.Errorf("wrap %d elements as tensor %v: %w", len(data), Shape(shape), err)
	}
	if n != len(data) {
		return nil, fmt.Errorf("wrap %d elements as tensor %v: the shape holds %d", len(data), Shape(shape), n)
	}
	return &Tensor{dtype: TypeFor[T](), shape: Shape(shape).Clone(), data: data, len: n}, nil
}

// Data is the tensor's own storage, in row-major order; writing to it writes
// to the tensor. It is nil if the tensor's elements are not of type T.
func Data[T Element](t *Tensor) []T {
	data, _ := t.data.([]T)
	return data
}

// DType is the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Shape is the extent of each dimension, outermost first. The caller must not
// change it.
func (t *Tensor) Shape() Shape { return t.shape }

// Len is the number of elements.
func (t *Tensor) Len() int { return t.len }

// Clone copies the tensor and its elements.
func (t *Tensor) Clone() *Tensor {
	s := storageOf(t.dtype)
	data := s.alloc(t.len)
	s.copy(data, 0, t.data, 0, t.len)
	return &Tensor{dtype: t.dtype, shape: t.shape.Clone(), data: data, len: t.len}
}

// Reshaped is a tensor of another shape that shares t's elements.
func (t *Tensor) Reshaped(shape ...int) (*Tensor, error) {
	if n, err := Shape(shape).Elements(); err != nil || n != t.len {
		return nil, errors.Join(fmt.Errorf("give %v the shape %v, which holds another number of elements", t, Shape(shape)), err)
	}
	return &Tensor{dtype: t.dtype, shape: Shape(shape).Clone(), data: t.data, len: t.len}, nil
}

// Copy copies n elements of from, beginning with the j-th, to the i-th of to and
// what follows. It fails if they are of different types or lie outside; a range
// that overlaps is copied as if it were read first.
func Copy(to *Tensor, i int, from *Tensor, j, n int) error {
	if to.dtype != from.dtype {
		return fmt.Errorf("copy elements of %v to %v", from, to)
	}
	if n < 0 || i < 0 || j < 0 || n > to.len-i || n > from.len-j {
		return fmt.Errorf("copy %d elements from %d of %v to %d of %v: they lie outside", n, j, from, i, to)
	}
	storageOf(to.dtype).copy(to.data, i, from.data, j, n)
	return nil
}

func (t *Tensor) String() string { return fmt.Sprintf("%v%v", t.dtype, t.shape) }
