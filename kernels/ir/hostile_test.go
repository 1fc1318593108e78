package ir_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// refused holds err to a word that says why.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

// Nothing is stored for a value with an extent of 0, but loops run over its
// other extents.
func TestAnEmptyValueOfHugeExtentIsRefused(t *testing.T) {
	const huge = 1 << 59
	asInput := build(t)
	asInput.output(asInput.node(ir.Relu{}, "y", asInput.input("x", f(huge, 0))))
	_, err := ir.Specialise(asInput.g, nil)
	refused(t, err, "more than the limit of 1073741824 bytes")

	asConstant := build(t)
	asConstant.output(asConstant.weights("w", huge, 0))
	refused(t, asConstant.g.Validate(), "more than the limit of 1073741824 bytes")
}

// Each output alone is within the limit of one value.
func TestManyLargeOutputsAreRefused(t *testing.T) {
	b := build(t)
	x := b.input("x", f(1<<27))
	for _, name := range []string{"a", "b", "c", "d"} {
		b.output(b.node(ir.Relu{}, name, x))
	}
	_, err := ir.NewPlan(b.folded())
	refused(t, err, "inputs, outputs and intermediate values take 2684354560 bytes")
}

func TestMoreDimensionsThanAnyNetworkHasAreRefused(t *testing.T) {
	ones := make([]int64, ir.MaxRank+1)
	for i := range ones {
		ones[i] = 1
	}
	_, err := ir.Reshape{}.Infer([]ir.Info{f(1), ints(ones...)})
	refused(t, err, "input 1 (shape) has 17 elements, more than the limit of 16 dimensions")

	b := build(t)
	x := b.input("x", f(1))
	indices := b.value("indices", i(1, 1, 1, 1, 1, 1, 1, 1, 1))
	b.g.Inputs = append(b.g.Inputs, indices)
	for range 2 {
		x = b.node(ir.Gather{}, "y", x, indices)
	}
	b.output(x)
	_, err = ir.Specialise(b.g, nil)
	refused(t, err, "17 dimensions, more than the limit of 16")
}
