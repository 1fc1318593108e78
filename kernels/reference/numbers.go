package reference

import "github.com/squadron-edge/squadron/kernels/tensor"

// reals are the elements of a tensor of real numbers, integers or bools, each of
// which a float64 holds exactly (but for 64-bit integers beyond 2^53).
func reals(t *tensor.Tensor) []float64 { return listed(t, realAt(t)) }

// wholes are the elements of a tensor of integers or bools; a uint64 keeps its
// bits.
func wholes(t *tensor.Tensor) []int64 { return listed(t, wholeAt(t)) }

func listed[N float64 | int64](t *tensor.Tensor, at func(i int) N) []N {
	out := make([]N, t.Len())
	for i := range out {
		out[i] = at(i)
	}
	return out
}

// putReals rounds each number to the nearest of the tensor's float type, ties to
// even; too large a number becomes infinite where the type has that.
func putReals(t *tensor.Tensor, v []float64) { put(realTo(t, false), v) }

// putWholes stores each integer modulo the tensor's type; a bool is true unless it
// is 0.
func putWholes(t *tensor.Tensor, v []int64) { put(wholeTo(t), v) }

func put[N float64 | int64](to func(i int, v N), all []N) {
	for i, v := range all {
		to(i, v)
	}
}
