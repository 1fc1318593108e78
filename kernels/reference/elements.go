package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// realAt reads elements as float64, without a copy of them: see reals.
func realAt(t *tensor.Tensor) func(i int) float64 {
	switch t.DType() {
	case tensor.Float32:
		return readReal(tensor.Data[float32](t))
	case tensor.Float64:
		return readReal(tensor.Data[float64](t))
	case tensor.Uint64:
		return readReal(tensor.Data[uint64](t))
	case tensor.Float16:
		return decode(t, tensor.Data[tensor.F16](t))
	case tensor.BFloat16:
		return decode(t, tensor.Data[tensor.BF16](t))
	case tensor.Float8E4M3FN:
		return decode(t, tensor.Data[tensor.E4M3FN](t))
	case tensor.Float8E4M3FNUZ:
		return decode(t, tensor.Data[tensor.E4M3FNUZ](t))
	case tensor.Float8E5M2:
		return decode(t, tensor.Data[tensor.E5M2](t))
	case tensor.Float8E5M2FNUZ:
		return decode(t, tensor.Data[tensor.E5M2FNUZ](t))
	case tensor.Float8E8M0:
		return decode(t, tensor.Data[tensor.E8M0](t))
	case tensor.Float4E2M1:
		return decode(t, tensor.Data[tensor.E2M1](t))
	}
	at := wholeAt(t)
	return func(i int) float64 { return float64(at(i)) }
}

// wholeAt reads elements as int64, without a copy of them: see wholes.
func wholeAt(t *tensor.Tensor) func(i int) int64 {
	switch t.DType() {
	case tensor.Int64:
		return readWhole(tensor.Data[int64](t))
	case tensor.Int32:
		return readWhole(tensor.Data[int32](t))
	case tensor.Int16:
		return readWhole(tensor.Data[int16](t))
	case tensor.Int8:
		return readWhole(tensor.Data[int8](t))
	case tensor.Int4:
		return readWhole(tensor.Data[tensor.I4](t))
	case tensor.Uint64:
		return readWhole(tensor.Data[uint64](t))
	case tensor.Uint32:
		return readWhole(tensor.Data[uint32](t))
	case tensor.Uint16:
		return readWhole(tensor.Data[uint16](t))
	case tensor.Uint8:
		return readWhole(tensor.Data[uint8](t))
	case tensor.Uint4:
		return readWhole(tensor.Data[tensor.U4](t))
	case tensor.Bool:
		d := tensor.Data[bool](t)
		return func(i int) int64 {
			if d[i] {
				return 1
			}
			return 0
		}
	}
	panic(fmt.Sprintf("%v does not hold whole numbers", t)) // inference gives such a kernel integers
}

// realTo writes elements as putReals says; with saturate, a float of 8 bits
// becomes the largest instead of infinite or NaN.
func realTo(t *tensor.Tensor, saturate bool) func(i int, v float64) {
	switch t.DType() {
	case tensor.Float32:
		d := tensor.Data[float32](t)
		return func(i int, v float64) { d[i] = float32(v) }
	case tensor.Float64:
		d := tensor.Data[float64](t)
		return func(i int, v float64) { d[i] = v }
	case tensor.Float16:
		return encode(t, tensor.Data[tensor.F16](t), false)
	case tensor.BFloat16:
		return encode(t, tensor.Data[tensor.BF16](t), false)
	case tensor.Float8E4M3FN:
		return encode(t, tensor.Data[tensor.E4M3FN](t), saturate)
	case tensor.Float8E4M3FNUZ:
		return encode(t, tensor.Data[tensor.E4M3FNUZ](t), saturate)
	case tensor.Float8E5M2:
		return encode(t, tensor.Data[tensor.E5M2](t), saturate)
	case tensor.Float8E5M2FNUZ:
		return encode(t, tensor.Data[tensor.E5M2FNUZ](t), saturate)
	case tensor.Float8E8M0:
		return encode(t, tensor.Data[tensor.E8M0](t), saturate)
	case tensor.Float4E2M1:
		return encode(t, tensor.Data[tensor.E2M1](t), saturate)
	}
	panic(fmt.Sprintf("%v does not hold real numbers", t)) // inference gives such a kernel float outputs
}

// wholeTo writes elements as putWholes says.
func wholeTo(t *tensor.Tensor) func(i int, v int64) {
	switch t.DType() {
	case tensor.Int64:
		return writeWhole(tensor.Data[int64](t))
	case tensor.Int32:
		return writeWhole(tensor.Data[int32](t))
	case tensor.Int16:
		return writeWhole(tensor.Data[int16](t))
	case tensor.Int8:
		return writeWhole(tensor.Data[int8](t))
	case tensor.Uint64:
		return writeWhole(tensor.Data[uint64](t))
	case tensor.Uint32:
		return writeWhole(tensor.Data[uint32](t))
	case tensor.Uint16:
		return writeWhole(tensor.Data[uint16](t))
	case tensor.Uint8:
		return writeWhole(tensor.Data[uint8](t))
	case tensor.Int4:
		d := tensor.Data[tensor.I4](t)
		return func(i int, v int64) { d[i] = tensor.I4(int8(v<<4) >> 4) }
	case tensor.Uint4:
		d := tensor.Data[tensor.U4](t)
		return func(i int, v int64) { d[i] = tensor.U4(v & 15) }
	case tensor.Bool:
		d := tensor.Data[bool](t)
		return func(i int, v int64) { d[i] = v != 0 }
	}
	panic(fmt.Sprintf("%v does not hold whole numbers", t)) // inference gives such a kernel integer outputs
}

func readReal[T float32 | float64 | uint64](d []T) func(int) float64 {
	return func(i int) float64 { return float64(d[i]) }
}

func decode[T smallFloat](t *tensor.Tensor, d []T) func(int) float64 {
	f, _ := tensor.FormatOf(t.DType())
	return func(i int) float64 { return f.Decode(uint16(d[i])) }
}

func encode[T smallFloat](t *tensor.Tensor, d []T, saturate bool) func(int, float64) {
	f, _ := tensor.FormatOf(t.DType())
	return func(i int, v float64) { d[i] = T(f.Encode(v, saturate)) }
}

func readWhole[T int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8 | tensor.I4 | tensor.U4](d []T) func(int) int64 {
	return func(i int) int64 { return int64(d[i]) }
}

func writeWhole[T int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8](d []T) func(int, int64) {
	return func(i int, v int64) { d[i] = T(v) }
}

// within tells which element of a tensor of shape from, which is broadcast to a
// shape, stands at the i-th place of that.
func within(from, to tensor.Shape) func(i int) int {
	switch {
	case from.Equal(to):
		return func(i int) int { return i }
	case size(from) == 1:
		return func(int) int { return 0 }
	}
	steps := strides(from, to)
	return func(i int) int { return offset(i, to, steps) }
}

// each calls f for every element of y until the run ends.
func each(w *ir.Watch, y *tensor.Tensor, f func(i int)) error {
	for i := range y.Len() {
		if w.Over(1) {
			return nil
		}
		f(i)
	}
	return nil
}

type smallFloat interface {
	tensor.F16 | tensor.BF16 | tensor.E4M3FN | tensor.E4M3FNUZ | tensor.E5M2 | tensor.E5M2FNUZ | tensor.E8M0 | tensor.E2M1
}
