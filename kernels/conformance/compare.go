package conformance

import (
	"fmt"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// The tolerances of the suite's own runner: |got-want| may be absolute +
// relative·|want|.
const (
	relative = 1e-3
	absolute = 1e-7
)

// Compare says how a value differs from the wanted one. Types, shapes, integers,
// bools and strings must be the same, real and complex numbers near; NaN is NaN.
func Compare(got, want tensor.Value) error {
	if !got.Type().Equal(want.Type()) {
		return fmt.Errorf("it is a %v, want %v", got.Type(), want.Type())
	}
	switch want := want.(type) {
	case *tensor.Tensor:
		return compareTensors(got.(*tensor.Tensor), want)
	case *tensor.Sequence:
		return compareAll(got.(*tensor.Sequence).Values, want.Values)
	case *tensor.Optional:
		got := got.(*tensor.Optional)
		if (got.Value == nil) != (want.Value == nil) {
			return fmt.Errorf("it is %v, want %v", got, want)
		}
		if want.Value != nil {
			return Compare(got.Value, want.Value)
		}
	case *tensor.Map:
		got := got.(*tensor.Map)
		return compareAll([]tensor.Value{got.Keys, got.Values}, []tensor.Value{want.Keys, want.Values})
	}
	return nil
}

// compareForms says how a value differs from the wanted one in type or shape.
func compareForms(got, want tensor.Value) error {
	g, isTensor := got.(*tensor.Tensor)
	w, ok := want.(*tensor.Tensor)
	if !isTensor || !ok || !g.Type().Equal(w.Type()) || !g.Shape().Equal(w.Shape()) {
		return fmt.Errorf("it is %v, want %v", got, want)
	}
	return nil
}

func compareAll(got, want []tensor.Value) error {
	if len(got) != len(want) {
		return fmt.Errorf("it has %d elements, want %d", len(got), len(want))
	}
	for i := range want {
		if err := Compare(got[i], want[i]); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func compareTensors(got, want *tensor.Tensor) error {
	if !got.Shape().Equal(want.Shape()) {
		return fmt.Errorf("its shape is %v, want %v", got.Shape(), want.Shape())
	}
	if near, ok := nearness(got, want); ok {
		for i := range want.Len() {
			if a, b, ok := near(i); !ok {
				return fmt.Errorf("element %d of %v is %v, want %v", i, got, a, b)
			}
		}
		return nil
	}
	if want.DType() == tensor.String {
		if g, w := tensor.Data[string](got), tensor.Data[string](want); !slices.Equal(g, w) {
			return fmt.Errorf("it is %q, want %q", g, w)
		}
		return nil
	}
	g, err := got.Bytes()
	if err != nil {
		return err
	}
	w, err := want.Bytes()
	if err != nil {
		return err
	}
	for i := range w {
		if g[i] != w[i] {
			return fmt.Errorf("%v differs in byte %d of %d (element %d): %d, want %d", got, i, len(w), i*got.Len()/len(w), g[i], w[i])
		}
	}
	return nil
}

// nearness compares element i of tensors of real or complex numbers.
func nearness(got, want *tensor.Tensor) (func(i int) (a, b any, ok bool), bool) {
	if f, ok := tensor.FormatOf(want.DType()); ok {
		g, w := codes(got), codes(want)
		return func(i int) (any, any, bool) {
			a, b := f.Decode(g[i]), f.Decode(w[i])
			return a, b, near(a, b)
		}, true
	}
	switch want.DType() {
	case tensor.Float32:
		g, w := tensor.Data[float32](got), tensor.Data[float32](want)
		return func(i int) (any, any, bool) { return g[i], w[i], near(float64(g[i]), float64(w[i])) }, true
	case tensor.Float64:
		g, w := tensor.Data[float64](got), tensor.Data[float64](want)
		return func(i int) (any, any, bool) { return g[i], w[i], near(g[i], w[i]) }, true
	case tensor.Complex64:
		g, w := tensor.Data[complex64](got), tensor.Data[complex64](want)
		return func(i int) (any, any, bool) { return g[i], w[i], nearComplex(complex128(g[i]), complex128(w[i])) }, true
	case tensor.Complex128:
		g, w := tensor.Data[complex128](got), tensor.Data[complex128](want)
		return func(i int) (any, any, bool) { return g[i], w[i], nearComplex(g[i], w[i]) }, true
	}
	return nil, false
}

// codes are the elements of a float type of at most 16 bits.
func codes(t *tensor.Tensor) []uint16 {
	out := make([]uint16, t.Len())
	raw, err := t.Bytes()
	if err != nil {
		return out
	}
	switch t.DType().Bits() {
	case 16:
		for i := range out {
			out[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
		}
	case 8:
		for i := range out {
			out[i] = uint16(raw[i])
		}
	case 4:
		for i := range out {
			out[i] = uint16(raw[i/2] >> (4 * (i % 2)) & 15)
		}
	}
	return out
}

func near(a, b float64) bool {
	switch {
	case a == b:
		return true
	case a != a || b != b:
		return a != a && b != b
	case math.IsInf(a, 0) || math.IsInf(b, 0):
		return false
	}
	return math.Abs(a-b) <= absolute+relative*math.Abs(b)
}

func nearComplex(a, b complex128) bool {
	d := a - b
	return math.Hypot(real(d), imag(d)) <= absolute+relative*math.Hypot(real(b), imag(b))
}
