package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// reals are the elements of a tensor of real numbers, integers or bools, each of
// which a float64 holds exactly (but for 64-bit integers beyond 2^53).
func reals(t *tensor.Tensor) []float64 {
	out := make([]float64, t.Len())
	switch t.DType() {
	case tensor.Float32:
		widen(out, tensor.Data[float32](t))
	case tensor.Float64:
		copy(out, tensor.Data[float64](t))
	case tensor.Uint64:
		widen(out, tensor.Data[uint64](t))
	default:
		if f, ok := tensor.FormatOf(t.DType()); ok {
			for i, c := range codes(t) {
				out[i] = f.Decode(c)
			}
			return out
		}
		widen(out, wholes(t))
	}
	return out
}

// putReals rounds each number to the nearest of the tensor's float type, ties to
// even; too large a number becomes infinite where the type has that.
func putReals(t *tensor.Tensor, v []float64) {
	switch t.DType() {
	case tensor.Float32:
		for i, y := 0, tensor.Data[float32](t); i < len(y); i++ {
			y[i] = float32(v[i])
		}
	case tensor.Float64:
		copy(tensor.Data[float64](t), v)
	default:
		f, ok := tensor.FormatOf(t.DType())
		if !ok {
			panic(fmt.Sprintf("%v does not hold real numbers", t)) // inference gives such a kernel float outputs
		}
		out := make([]uint16, len(v))
		for i, x := range v {
			out[i] = f.Encode(x, false)
		}
		putCodes(t, out)
	}
}

// wholes are the elements of a tensor of integers or bools; a uint64 keeps its
// bits.
func wholes(t *tensor.Tensor) []int64 {
	out := make([]int64, t.Len())
	switch t.DType() {
	case tensor.Int64:
		copy(out, tensor.Data[int64](t))
	case tensor.Int32:
		extend(out, tensor.Data[int32](t))
	case tensor.Int16:
		extend(out, tensor.Data[int16](t))
	case tensor.Int8:
		extend(out, tensor.Data[int8](t))
	case tensor.Int4:
		extend(out, tensor.Data[tensor.I4](t))
	case tensor.Uint64:
		extend(out, tensor.Data[uint64](t))
	case tensor.Uint32:
		extend(out, tensor.Data[uint32](t))
	case tensor.Uint16:
		extend(out, tensor.Data[uint16](t))
	case tensor.Uint8:
		extend(out, tensor.Data[uint8](t))
	case tensor.Uint4:
		extend(out, tensor.Data[tensor.U4](t))
	case tensor.Bool:
		for i, v := range tensor.Data[bool](t) {
			if v {
				out[i] = 1
			}
		}
	}
	return out
}

// putWholes stores each integer modulo the tensor's type; a bool is true unless it
// is 0.
func putWholes(t *tensor.Tensor, v []int64) {
	switch t.DType() {
	case tensor.Int64:
		copy(tensor.Data[int64](t), v)
	case tensor.Int32:
		wrap(tensor.Data[int32](t), v)
	case tensor.Int16:
		wrap(tensor.Data[int16](t), v)
	case tensor.Int8:
		wrap(tensor.Data[int8](t), v)
	case tensor.Uint64:
		wrap(tensor.Data[uint64](t), v)
	case tensor.Uint32:
		wrap(tensor.Data[uint32](t), v)
	case tensor.Uint16:
		wrap(tensor.Data[uint16](t), v)
	case tensor.Uint8:
		wrap(tensor.Data[uint8](t), v)
	case tensor.Int4:
		for i, y := 0, tensor.Data[tensor.I4](t); i < len(y); i++ {
			y[i] = tensor.I4(int8(v[i]<<4) >> 4)
		}
	case tensor.Uint4:
		for i, y := 0, tensor.Data[tensor.U4](t); i < len(y); i++ {
			y[i] = tensor.U4(v[i] & 15)
		}
	case tensor.Bool:
		for i, y := 0, tensor.Data[bool](t); i < len(y); i++ {
			y[i] = v[i] != 0
		}
	}
}

func widen[T float32 | int64 | uint64](to []float64, from []T) {
	for i, v := range from {
		to[i] = float64(v)
	}
}

func extend[T int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8 | tensor.I4 | tensor.U4](to []int64, from []T) {
	for i, v := range from {
		to[i] = int64(v)
	}
}

func wrap[T int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8](to []T, from []int64) {
	for i, v := range from {
		to[i] = T(v)
	}
}

// codes are the elements of a float type of at most 16 bits, as its Format has
// them.
func codes(t *tensor.Tensor) []uint16 {
	out := make([]uint16, t.Len())
	switch t.DType() {
	case tensor.Float16:
		gather16(out, tensor.Data[tensor.F16](t))
	case tensor.BFloat16:
		gather16(out, tensor.Data[tensor.BF16](t))
	case tensor.Float8E4M3FN:
		gather16(out, tensor.Data[tensor.E4M3FN](t))
	case tensor.Float8E4M3FNUZ:
		gather16(out, tensor.Data[tensor.E4M3FNUZ](t))
	case tensor.Float8E5M2:
		gather16(out, tensor.Data[tensor.E5M2](t))
	case tensor.Float8E5M2FNUZ:
		gather16(out, tensor.Data[tensor.E5M2FNUZ](t))
	case tensor.Float8E8M0:
		gather16(out, tensor.Data[tensor.E8M0](t))
	case tensor.Float4E2M1:
		gather16(out, tensor.Data[tensor.E2M1](t))
	}
	return out
}

func putCodes(t *tensor.Tensor, v []uint16) {
	switch t.DType() {
	case tensor.Float16:
		scatter16(tensor.Data[tensor.F16](t), v)
	case tensor.BFloat16:
		scatter16(tensor.Data[tensor.BF16](t), v)
	case tensor.Float8E4M3FN:
		scatter16(tensor.Data[tensor.E4M3FN](t), v)
	case tensor.Float8E4M3FNUZ:
		scatter16(tensor.Data[tensor.E4M3FNUZ](t), v)
	case tensor.Float8E5M2:
		scatter16(tensor.Data[tensor.E5M2](t), v)
	case tensor.Float8E5M2FNUZ:
		scatter16(tensor.Data[tensor.E5M2FNUZ](t), v)
	case tensor.Float8E8M0:
		scatter16(tensor.Data[tensor.E8M0](t), v)
	case tensor.Float4E2M1:
		scatter16(tensor.Data[tensor.E2M1](t), v)
	}
}

type smallFloat interface {
	tensor.F16 | tensor.BF16 | tensor.E4M3FN | tensor.E4M3FNUZ | tensor.E5M2 | tensor.E5M2FNUZ | tensor.E8M0 | tensor.E2M1
}

func gather16[T smallFloat](to []uint16, from []T) {
	for i, v := range from {
		to[i] = uint16(v)
	}
}

func scatter16[T smallFloat](to []T, from []uint16) {
	for i, v := range from {
		to[i] = T(v)
	}
}
