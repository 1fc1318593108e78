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

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// example is an operator worked out by hand; its outputs are as written gives
// them.
type example struct {
	name string
	op   ir.Operator
	in   []*tensor.Tensor
	want string
}

func examples(t *testing.T, list []example) {
	t.Helper()
	for _, e := range list {
		t.Run(e.name, func(t *testing.T) {
			out, err := reference.Eval(e.op, e.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, y := range out {
				got = append(got, printed(y))
			}
			if got := strings.Join(got, ", "); got != e.want {
				t.Errorf("got  %s\nwant %s", got, e.want)
			}
		})
	}
}

// refusal is an operator that does not fit its inputs.
type refusal struct {
	name string
	op   ir.Operator
	in   []*tensor.Tensor
	want string // of the error
}

func refusals(t *testing.T, list []refusal) {
	t.Helper()
	for _, r := range list {
		t.Run(r.name, func(t *testing.T) {
			out, err := reference.Eval(r.op, r.in)
			if err == nil {
				t.Fatalf("gave %v", out)
			}
			if !strings.Contains(err.Error(), r.want) {
				t.Errorf("%q does not say %q", err, r.want)
			}
		})
	}
}

// printed is a tensor's type, shape and elements, floats to 5 digits.
func printed(t *tensor.Tensor) string {
	if f, ok := tensor.FormatOf(t.DType()); ok {
		return fmt.Sprintf("%v %.5g", t, decoded(t, f))
	}
	switch t.DType() {
	case tensor.Float32:
		return fmt.Sprintf("%v %.5g", t, tensor.Data[float32](t))
	case tensor.Float64:
		return fmt.Sprintf("%v %.5g", t, tensor.Data[float64](t))
	case tensor.Bool:
		return fmt.Sprintf("%v %v", t, tensor.Data[bool](t))
	case tensor.String:
		return fmt.Sprintf("%v %q", t, tensor.Data[string](t))
	case tensor.Int8:
		return fmt.Sprintf("%v %d", t, tensor.Data[int8](t))
	case tensor.Int16:
		return fmt.Sprintf("%v %d", t, tensor.Data[int16](t))
	case tensor.Int32:
		return fmt.Sprintf("%v %d", t, tensor.Data[int32](t))
	case tensor.Int64:
		return fmt.Sprintf("%v %d", t, tensor.Data[int64](t))
	case tensor.Uint8:
		return fmt.Sprintf("%v %d", t, tensor.Data[uint8](t))
	case tensor.Uint16:
		return fmt.Sprintf("%v %d", t, tensor.Data[uint16](t))
	case tensor.Uint32:
		return fmt.Sprintf("%v %d", t, tensor.Data[uint32](t))
	case tensor.Uint64:
		return fmt.Sprintf("%v %d", t, tensor.Data[uint64](t))
	case tensor.Int4:
		return fmt.Sprintf("%v %d", t, tensor.Data[tensor.I4](t))
	case tensor.Uint4:
		return fmt.Sprintf("%v %d", t, tensor.Data[tensor.U4](t))
	}
	return t.String()
}

// decoded are the elements of a float type of at most 16 bits.
func decoded(t *tensor.Tensor, f tensor.Format) []float64 {
	raw, err := t.Bytes()
	if err != nil {
		panic(err)
	}
	v := make([]float64, t.Len())
	for i := range v {
		switch t.DType().Bits() {
		case 16:
			v[i] = f.Decode(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8)
		case 8:
			v[i] = f.Decode(uint16(raw[i]))
		default:
			v[i] = f.Decode(uint16(raw[i/2]>>(4*(i%2))) & 15)
		}
	}
	return v
}

// vector is a tensor of one dimension, its elements of type T.
func vector[T tensor.Element](v ...T) *tensor.Tensor { return must(tensor.Of(v, len(v))) }

// scalar is a tensor of rank 0.
func scalar[T tensor.Element](v T) *tensor.Tensor { return must(tensor.Of([]T{v})) }

// valued is a tensor of a type that Go lacks, or of any other, of numbers that it
// holds exactly.
func valued(d tensor.DType, shape []int, v ...float64) *tensor.Tensor {
	f, ok := tensor.FormatOf(d)
	if !ok {
		wide := must(tensor.Of(v, shape...))
		out, err := reference.Eval(ir.Cast{To: d}, []*tensor.Tensor{wide})
		if err != nil {
			panic(err)
		}
		return out[0]
	}
	var raw []byte
	for i, x := range v {
		switch c := f.Encode(x, false); {
		case d.Bits() == 16:
			raw = append(raw, byte(c), byte(c>>8))
		case d.Bits() == 8:
			raw = append(raw, byte(c))
		case i%2 == 0:
			raw = append(raw, byte(c))
		default:
			raw[i/2] |= byte(c) << 4
		}
	}
	return must(tensor.FromBytes(d, raw, shape...))
}

func halves(v ...float64) *tensor.Tensor { return valued(tensor.Float16, []int{len(v)}, v...) }

func list(t ...*tensor.Tensor) []*tensor.Tensor { return t }
