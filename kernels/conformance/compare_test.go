package conformance_test

import (
	"math"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/conformance"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func of[T tensor.Element](t *testing.T, data []T, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestCompareToleratesWhatTheSuiteDoes(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	typ := tensor.Type{DType: tensor.Int64}
	half := func(codes ...tensor.F16) *tensor.Tensor { return of(t, codes, len(codes)) }
	for name, c := range map[string]struct {
		got, want tensor.Value
		differs   string // "" if it does not
	}{
		"near":             {of(t, []float32{1.0009}, 1), of(t, []float32{1}, 1), ""},
		"far":              {of(t, []float32{1.0011}, 1), of(t, []float32{1}, 1), "element 0"},
		"near zero":        {of(t, []float32{9e-8}, 1), of(t, []float32{0}, 1), ""},
		"not near zero":    {of(t, []float32{2e-7}, 1), of(t, []float32{0}, 1), "element 0"},
		"NaN is NaN":       {of(t, []float32{nan}, 1), of(t, []float32{nan}, 1), ""},
		"NaN is no number": {of(t, []float32{nan}, 1), of(t, []float32{1}, 1), "NaN"},
		"infinities":       {of(t, []float32{inf}, 1), of(t, []float32{inf}, 1), ""},
		"other infinity":   {of(t, []float32{-inf}, 1), of(t, []float32{inf}, 1), "Inf"},
		"large, not inf":   {of(t, []float32{3e38}, 1), of(t, []float32{inf}, 1), "Inf"},
		"integers":         {of(t, []int64{100000}, 1), of(t, []int64{100001}, 1), "element 0"},
		"bools":            {of(t, []bool{true, false}, 2), of(t, []bool{true, true}, 2), "element 1"},
		"strings":          {of(t, []string{"a"}, 1), of(t, []string{"b"}, 1), `"b"`},
		"shape":            {of(t, []float32{1}, 1), of(t, []float32{1}), "shape"},
		"type":             {of(t, []float32{1}, 1), of(t, []float64{1}, 1), "float64"},
		"half near":        {half(0x3c01), half(0x3c00), ""},
		"half far":         {half(0x3c02), half(0x3c00), "element 0"},
		"complex":          {of(t, []complex64{1 + 0.0005i}, 1), of(t, []complex64{1}, 1), ""},
		"a sequence":       {&tensor.Sequence{Elem: typ, Values: []tensor.Value{of(t, []int64{1})}}, &tensor.Sequence{Elem: typ}, "1 elements, want 0"},
		"an optional":      {&tensor.Optional{Elem: typ}, &tensor.Optional{Elem: typ, Value: of(t, []int64{1})}, "want"},
		"a kind":           {&tensor.Optional{Elem: typ}, of(t, []int64{1}), "optional"},
		"a map": {
			&tensor.Map{Keys: of(t, []int64{1}, 1), Values: of(t, []float32{2}, 1)},
			&tensor.Map{Keys: of(t, []int64{1}, 1), Values: of(t, []float32{3}, 1)}, "element 1",
		},
	} {
		err := conformance.Compare(c.got, c.want)
		if (err == nil) != (c.differs == "") || err != nil && !strings.Contains(err.Error(), c.differs) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.differs)
		}
	}
}
