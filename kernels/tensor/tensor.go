// Package tensor holds the one value that every engine reads and writes: a
// dense, row-major, contiguous array with a shape and an element type.
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

import "fmt"

// DType names the type of a tensor's elements.
type DType uint8

// The element types that the engines know.
const (
	Invalid DType = iota
	Float32
	Int64
)

// Element lists the Go types that store a DType.
type Element interface{ float32 | int64 }

// Size is the storage of one element in bytes.
func (d DType) Size() int {
	switch d {
	case Float32:
		return 4
	case Int64:
		return 8
	}
	return 0
}

func (d DType) String() string {
	switch d {
	case Float32:
		return "float32"
	case Int64:
		return "int64"
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Tensor is a dense row-major array. A Tensor of rank 0 is a scalar with one
// element; a dimension of 0 is allowed and makes it empty.
//
// A Tensor is not safe for concurrent writes; concurrent reads are.
type Tensor struct {
	dtype   DType
	shape   Shape
	float32 []float32
	int64   []int64
}

// New allocates a zeroed tensor.
// It fails if a dimension is negative or the size in bytes overflows an int.
func New(dtype DType, shape ...int) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, fmt.Errorf("allocate %v tensor %v: %w", dtype, Shape(shape), err)
	}
	t := &Tensor{dtype: dtype, shape: Shape(shape).Clone()}
	switch dtype {
	case Float32:
		t.float32 = make([]float32, n)
	case Int64:
		t.int64 = make([]int64, n)
	default:
		return nil, fmt.Errorf("allocate tensor %v: element type %v is not supported", Shape(shape), dtype)
	}
	return t, nil
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
	t := &Tensor{shape: Shape(shape).Clone()}
	switch d := any(data).(type) {
	case []float32:
		t.dtype, t.float32 = Float32, d
	case []int64:
		t.dtype, t.int64 = Int64, d
	}
	return t, nil
}

// Data is the tensor's own storage, in row-major order; writing to it writes
// to the tensor. It is nil if the tensor's elements are not of type T.
func Data[T Element](t *Tensor) []T {
	var zero []T
	switch p := any(&zero).(type) {
	case *[]float32:
		*p = t.float32
	case *[]int64:
		*p = t.int64
	}
	return zero
}

// DType is the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Shape is the extent of each dimension, outermost first. The caller must not
// change it.
func (t *Tensor) Shape() Shape { return t.shape }

// Len is the number of elements.
func (t *Tensor) Len() int { return len(t.float32) + len(t.int64) }

// Clone copies the tensor and its elements.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{
		dtype:   t.dtype,
		shape:   t.shape.Clone(),
		float32: append([]float32(nil), t.float32...),
		int64:   append([]int64(nil), t.int64...),
	}
}

func (t *Tensor) String() string { return fmt.Sprintf("%v%v", t.dtype, t.shape) }
