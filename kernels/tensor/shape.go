package tensor

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ErrOverflow is returned for a shape whose size does not fit in memory's
// address range.
var ErrOverflow = errors.New("the shape's size overflows")

// maxElements keeps the byte size of elements of 8 bytes within an int.
const maxElements = math.MaxInt / 8

// Shape is the extent of each dimension, outermost first.
type Shape []int

// Elements is the product of the dimensions; 1 for a scalar. It fails on a
// negative dimension and on overflow.
func (s Shape) Elements() (int, error) {
	n, empty := 1, false
	for i, d := range s {
		switch {
		case d < 0:
			return 0, fmt.Errorf("dimension %d of %v is negative", i, s)
		case d == 0:
			empty = true
		case n > maxElements/d:
			return 0, fmt.Errorf("shape %v: %w", s, ErrOverflow)
		default:
			n *= d
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// Equal reports whether both have the same rank and extents.
func (s Shape) Equal(o Shape) bool { return slices.Equal(s, o) }

// Clone copies the shape; it is never nil, so that a scalar differs from an
// unknown shape.
func (s Shape) Clone() Shape { return append(Shape{}, s...) }

func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = fmt.Sprint(d)
	}
	return "[" + strings.Join(parts, "×") + "]"
}
