package reference_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// worked is one operator worked out by hand, with all its outputs, as text: type,
// shape and elements to 5 digits.
type worked struct {
	name string
	op   ir.Operator
	in   []*tensor.Tensor
	want []string
}

func checkAll(t *testing.T, cases []worked) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := reference.Eval(c.op, c.in)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				if got := written(got[i]); got != want {
					t.Errorf("output %d: %s, want %s", i, got, want)
				}
			}
		})
	}
}

// typed is a tensor of any type of numbers or bool.
func typed(dtype tensor.DType, shape []int, v ...float64) *tensor.Tensor {
	t := must(tensor.New(dtype, shape...))
	for i, x := range v {
		switch dtype {
		case tensor.Float32:
			tensor.Data[float32](t)[i] = float32(x)
		case tensor.Float64:
			tensor.Data[float64](t)[i] = x
		case tensor.Float16:
			tensor.Data[tensor.F16](t)[i] = tensor.F16(encoded(dtype, x))
		case tensor.BFloat16:
			tensor.Data[tensor.BF16](t)[i] = tensor.BF16(encoded(dtype, x))
		case tensor.Int64:
			tensor.Data[int64](t)[i] = int64(x)
		case tensor.Int32:
			tensor.Data[int32](t)[i] = int32(x)
		case tensor.Int8:
			tensor.Data[int8](t)[i] = int8(x)
		case tensor.Uint8:
			tensor.Data[uint8](t)[i] = uint8(x)
		case tensor.Uint64:
			tensor.Data[uint64](t)[i] = uint64(x)
		case tensor.Bool:
			tensor.Data[bool](t)[i] = x != 0
		}
	}
	return t
}

func encoded(dtype tensor.DType, x float64) uint16 {
	f, _ := tensor.FormatOf(dtype)
	return f.Encode(x, false)
}

// written is a tensor with its elements; what rounding leaves of 0 is 0.
func written(t *tensor.Tensor) string {
	real := func(n int, at func(i int) float64) string {
		v := make([]float64, n)
		for i := range v {
			if v[i] = at(i); math.Abs(v[i]) < 1e-12 {
				v[i] = 0
			}
		}
		return fmt.Sprintf("%v %.5g", t, v)
	}
	f, _ := tensor.FormatOf(t.DType())
	var list any
	switch t.DType() {
	case tensor.Float32:
		return real(t.Len(), func(i int) float64 { return float64(tensor.Data[float32](t)[i]) })
	case tensor.Float64:
		return real(t.Len(), func(i int) float64 { return tensor.Data[float64](t)[i] })
	case tensor.Float16:
		return real(t.Len(), func(i int) float64 { return f.Decode(uint16(tensor.Data[tensor.F16](t)[i])) })
	case tensor.BFloat16:
		return real(t.Len(), func(i int) float64 { return f.Decode(uint16(tensor.Data[tensor.BF16](t)[i])) })
	case tensor.Int64:
		list = tensor.Data[int64](t)
	case tensor.Int32:
		list = tensor.Data[int32](t)
	case tensor.Int8:
		list = tensor.Data[int8](t)
	case tensor.Uint8:
		list = tensor.Data[uint8](t)
	case tensor.Uint64:
		list = tensor.Data[uint64](t)
	case tensor.Bool:
		list = tensor.Data[bool](t)
	}
	return fmt.Sprintf("%v %v", t, list)
}

func contains(err error, part string) bool { return strings.Contains(err.Error(), part) }

// misuse is an operator that must not be computed, and a part of why.
type misuse struct {
	op    ir.Operator
	in    []*tensor.Tensor
	wants string
}

func refused(t *testing.T, cases []misuse) {
	t.Helper()
	for _, c := range cases {
		out, err := reference.Eval(c.op, c.in)
		if err == nil {
			t.Errorf("%s %+v of %v gave %v", c.op.Type(), c.op, c.in, out)
		} else if !contains(err, c.wants) {
			t.Errorf("%q does not say %q", err, c.wants)
		}
	}
}
