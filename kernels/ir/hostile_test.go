package ir_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
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

// Each rewrite that scales weights makes a copy of them: a file must not get more
// of them than it has weights.
func TestNormalisationsOneAfterTheOtherScaleTheWeightsOnce(t *testing.T) {
	const channels = 1 << 8
	b := build(t)
	x := b.node(ir.Conv{Group: 1}, "conv", b.input("x", f(1, channels, 1, 1)), b.weights("w", channels, channels, 1, 1))
	statistics := b.weights("s", channels)
	for range 200 {
		x = b.node(ir.BatchNormalization{Epsilon: 1}, "norm", x, statistics, statistics, statistics, statistics)
	}
	b.output(x)
	if got := fusing(t, b.folded()); got > 8<<20 {
		t.Errorf("it takes %d bytes to scale %d", got, 4*channels*channels)
	}
}

// A convolution of no channels has weights of no bytes, whatever its maps.
func TestConvolutionsOfNothingGetNoBiasEach(t *testing.T) {
	const maps = 1 << 16
	b := build(t)
	statistics := b.weights("s", maps)
	x := b.input("x", f(1, 0, 1, 1))
	var all []ir.ValueID
	for range 100 {
		conv := b.node(ir.Conv{Group: 1}, "conv", x, b.weights("w", maps, 0, 1, 1))
		norm := b.node(ir.BatchNormalization{Epsilon: 1}, "norm", conv, statistics, statistics, statistics, statistics)
		all = append(all, b.node(ir.Reduce{By: ir.ReduceMean}, "mean", norm))
	}
	b.output(all...)
	if got := fusing(t, b.folded()); got > 8<<20 {
		t.Errorf("it takes %d bytes to scale none", got)
	}
}

// fusing is the memory that Fuse allocates.
func fusing(t *testing.T, g *ir.Graph) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ir.Fuse(g, ir.Fusions{BatchNorm: true, Activation: true})
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Constant indices are checked against the extent where a node reads them: a list
// that is in the file once can have as many readers as there are nodes.
func TestOneListOfIndicesForThousandsOfNodesIsRefused(t *testing.T) {
	b := build(t)
	x := b.input("x", f(4, 0))
	list, err := tensor.New(tensor.Int64, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	indices := b.value("indices", ir.Info{DType: tensor.Int64, Shape: list.Shape(), Const: list})
	var last ir.ValueID
	for range 4000 {
		last = b.node(ir.Gather{}, "y", x, indices)
	}
	b.output(last)
	_, err = ir.Specialise(b.g, nil)
	refused(t, err, `Gather "y": with the nodes before it, it reads 269484032 constant indices, more than the limit of 268435456`)
}
