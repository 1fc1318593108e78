package ir_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

var everything = ir.Fusions{BatchNorm: true, Activation: true}

// norm adds a BatchNormalization of channels.
func (b *builder) norm(name string, x ir.ValueID, channels int) ir.ValueID {
	return b.node(ir.BatchNormalization{Epsilon: 1e-5}, name, x,
		b.weights("scale", channels), b.weights("shift", channels), b.weights("mean", channels), b.weights("variance", channels))
}

// TestFusionKeepsTheResult runs each graph as it is and fused.
func TestFusionKeepsTheResult(t *testing.T) {
	conv := ir.Conv{Group: 1}
	for name, c := range map[string]struct {
		make func(b *builder, x ir.ValueID) // x is [1×2×3×3]
		left string
	}{
		"normalised convolution with bias, clipped": {func(b *builder, x ir.ValueID) {
			y := b.norm("n", b.node(conv, "c", x, b.weights("w", 4, 2, 2, 2), b.weights("b", 4)), 4)
			b.output(b.node(ir.Clip{}, "y", y, b.scalar("min", 0), b.scalar("max", 6)))
		}, "Conv"},
		"depthwise without bias, rectified": {func(b *builder, x ir.ValueID) {
			y := b.norm("n", b.node(ir.Conv{Group: 2}, "c", x, b.weights("w", 2, 1, 3, 3)), 2)
			b.output(b.node(ir.Relu{}, "y", y))
		}, "Conv"},
		"not: another convolution reads the weights": {func(b *builder, x ir.ValueID) {
			w := b.weights("w", 2, 2, 1, 1)
			y := b.norm("n", b.node(conv, "c", x, w), 2)
			b.output(b.node(conv, "d", y, w))
		}, "Conv BatchNormalization Conv"},
		"the first of two normalisations": {func(b *builder, x ir.ValueID) {
			y := b.norm("n", b.node(conv, "c", x, b.weights("w", 2, 2, 1, 1)), 2)
			b.output(b.norm("m", y, 2))
		}, "Conv BatchNormalization"},
		"residual": {func(b *builder, x ir.ValueID) {
			y := b.norm("n", b.node(conv, "c", x, b.weights("w", 2, 2, 1, 1)), 2)
			b.output(b.node(ir.Relu{}, "y", b.node(ir.Add{}, "sum", y, x)))
		}, "Conv Add"},
		"classifier": {func(b *builder, x ir.ValueID) {
			flat := b.node(ir.Flatten{Axis: 1}, "flat", x)
			b.output(b.node(ir.Relu{}, "y", b.node(ir.Gemm{Alpha: 1, Beta: 1}, "sum", flat, b.weights("w", 18, 3))))
		}, "Flatten Gemm"},
		"open clip": {func(b *builder, x ir.ValueID) {
			b.output(b.node(ir.Clip{}, "y", b.node(ir.Add{}, "sum", x, x), ir.NoValue, b.scalar("max", 1.5)))
		}, "Add"},
		"after an identity": {func(b *builder, x ir.ValueID) {
			b.output(b.node(ir.Relu{}, "y", b.node(ir.Identity{}, "i", b.node(conv, "c", x, b.weights("w", 1, 2, 1, 1)))))
		}, "Conv"},
		"not: the producer has another reader": {func(b *builder, x ir.ValueID) {
			y := b.node(conv, "c", x, b.weights("w", 2, 2, 1, 1))
			b.output(b.node(ir.Add{}, "sum", b.node(ir.Relu{}, "r", y), y))
		}, "Conv Relu Add"},
		"not: the producer is an output": {func(b *builder, x ir.ValueID) {
			y := b.norm("c n", b.node(conv, "c", x, b.weights("w", 2, 2, 1, 1)), 2)
			b.output(y, b.node(ir.Relu{}, "r", y))
		}, "Conv Relu"},
		"not: the convolution is an output": {func(b *builder, x ir.ValueID) {
			y := b.node(conv, "c", x, b.weights("w", 2, 2, 1, 1))
			b.output(y, b.norm("n", y, 2))
		}, "Conv BatchNormalization"},
		"not: a rectifier stands between": {func(b *builder, x ir.ValueID) {
			y := b.node(ir.Relu{}, "r", b.node(conv, "c", x, b.weights("w", 2, 2, 1, 1)))
			b.output(b.norm("n", y, 2))
		}, "Conv BatchNormalization"},
		"not: a bound is computed": {func(b *builder, x ir.ValueID) {
			bound := b.input("bound", f())
			b.output(b.node(ir.Clip{}, "y", b.node(ir.Add{}, "sum", x, x), bound))
		}, "Add Clip"},
		"not: a bound is not a number": {func(b *builder, x ir.ValueID) {
			zero := b.scalar("zero", 0)
			nan := b.g.Values[zero].Const
			tensor.Data[float32](nan)[0] /= tensor.Data[float32](nan)[0]
			b.output(b.node(ir.Clip{}, "y", b.node(ir.Add{}, "sum", x, x), ir.NoValue, zero))
		}, "Add Clip"},
		"not: a pool takes no epilogue": {func(b *builder, x ir.ValueID) {
			b.output(b.node(ir.Relu{}, "y", b.node(ir.MaxPool{Window: pool(2)}, "p", x)))
		}, "MaxPool Relu"},
		"one activation only": {func(b *builder, x ir.ValueID) {
			y := b.node(ir.Relu{}, "r", b.node(ir.Add{}, "sum", x, x))
			b.output(b.node(ir.Clip{}, "y", y, ir.NoValue, b.scalar("max", 1.5)))
		}, "Add Clip"},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t)
			c.make(b, b.input("x", f(1, 2, 3, 3)))
			plain := b.folded()
			fused := ir.Fuse(plain, everything)
			if err := fused.Validate(); err != nil {
				t.Fatal(err)
			}
			if types(fused) != c.left {
				t.Errorf("left are %q, want %q", types(fused), c.left)
			}
			var inputs []*tensor.Tensor
			for _, id := range plain.Inputs {
				inputs = append(inputs, b.random(plain.Values[id].Shape...))
			}
			for i, x := range tensor.Data[float32](inputs[0]) { // both signs
				tensor.Data[float32](inputs[0])[i] = 4*x - 4
			}
			want, got := run(t, plain, inputs...), run(t, fused, inputs...)
			for i := range want {
				if !same(want[i], got[i], 1e-4) {
					t.Errorf("output %d: got %v, want %v", i, tensor.Data[float32](got[i]), tensor.Data[float32](want[i]))
				}
			}
		})
	}
}

func TestOnlyTheFusionsAskedForAreMade(t *testing.T) {
	make := func() *ir.Graph {
		b := build(t)
		y := b.node(ir.Conv{Group: 1}, "c", b.input("x", f(1, 2, 3, 3)), b.weights("w", 2, 2, 1, 1))
		b.output(b.node(ir.Relu{}, "y", b.norm("n", y, 2)))
		return b.folded()
	}
	for want, f := range map[string]ir.Fusions{
		"Conv BatchNormalization Relu": {},
		"Conv Relu":                    {BatchNorm: true},
		"Conv":                         {BatchNorm: true, Activation: true},
	} {
		if got := types(ir.Fuse(make(), f)); got != want {
			t.Errorf("%+v: left are %q, want %q", f, got, want)
		}
	}
}

func TestFusingLeavesTheGivenGraphAlone(t *testing.T) {
	b := build(t)
	w := b.weights("w", 2, 2, 1, 1)
	before := b.g.Values[w].Const.Clone()
	b.output(b.norm("n", b.node(ir.Conv{Group: 1}, "c", b.input("x", f(1, 2, 3, 3)), w), 2))
	g := b.folded()
	ir.Fuse(g, everything)
	if types(g) != "Conv BatchNormalization" || !same(before, b.g.Values[w].Const, 0) {
		t.Error("the graph or its weights were changed")
	}
}
