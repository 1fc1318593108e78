package reference

import "github.com/squadron-edge/squadron/kernels/tensor"

// size is the number of elements of a shape that a tensor already has.
func size(s []int) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// strides gives, for each dimension of to, how far apart its neighbours lie in
// a tensor of shape from that is broadcast to to: 0 where it is repeated.
func strides(from, to tensor.Shape) []int {
	s := make([]int, len(to))
	step := 1
	for i := 1; i <= len(from); i++ {
		extent := from[len(from)-i]
		if extent != 1 {
			s[len(to)-i] = step
		}
		step *= extent
	}
	return s
}

// offset is where strides put the i-th element, in row-major order, of shape.
func offset(i int, shape tensor.Shape, strides []int) int {
	at := 0
	for d := len(shape) - 1; d >= 0; d-- {
		at += i % shape[d] * strides[d]
		i /= shape[d]
	}
	return at
}

// axisOf is axis as an index from the front of a shape of the given rank;
// negative counts from the end.
func axisOf(axis, rank int) int {
	if axis < 0 {
		return axis + rank
	}
	return axis
}
