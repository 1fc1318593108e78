package ir_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// of is a value of a type and shape.
func of(d tensor.DType, shape ...int) ir.Info {
	return ir.Info{DType: d, Shape: tensor.Shape(shape).Clone()}
}

// zeros adds a constant.
func (b *builder) zeros(name string, d tensor.DType, shape ...int) ir.ValueID {
	x, err := tensor.New(d, shape...)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.value(name, ir.Info{DType: d, Shape: x.Shape(), Const: x})
}

// What engines fuse is of float32.
func TestOnlyFloat32IsFused(t *testing.T) {
	for name, c := range map[string]struct {
		make func(b *builder)
		left string
	}{
		"a sum of float16": {func(b *builder) {
			x := b.input("x", of(tensor.Float16, 3))
			b.output(b.node(ir.Relu{}, "y", b.node(ir.Add{}, "sum", x, x)))
		}, "Add Relu"},
		"a sum of integers": {func(b *builder) {
			x := b.input("x", of(tensor.Int32, 3))
			b.output(b.node(ir.Clip{}, "y", b.node(ir.Add{}, "sum", x, x), b.zeros("min", tensor.Int32)))
		}, "Add Clip"},
		"a sum of float64 with limits of float32": {func(b *builder) {
			x := b.input("x", of(tensor.Float64, 3))
			b.output(b.node(ir.Clip{}, "y", b.node(ir.Add{}, "sum", x, x), b.scalar("min", 0)))
		}, "Add Clip"},
		"statistics of float64": {func(b *builder) {
			y := b.node(ir.Conv{Group: 1}, "c", b.input("x", f(1, 2, 3, 3)), b.weights("w", 2, 2, 1, 1))
			mean, variance := b.zeros("mean", tensor.Float64, 2), b.zeros("variance", tensor.Float64, 2)
			b.output(b.node(ir.BatchNormalization{Epsilon: 1}, "n", y, b.weights("scale", 2), b.weights("shift", 2), mean, variance))
		}, "Conv BatchNormalization"},
		"training": {func(b *builder) {
			y := b.node(ir.Conv{Group: 1}, "c", b.input("x", f(1, 2, 3, 3)), b.weights("w", 2, 2, 1, 1))
			b.output(b.node(ir.BatchTraining{Epsilon: 1}, "n", y, b.weights("scale", 2), b.weights("shift", 2), b.weights("mean", 2), b.weights("variance", 2)))
		}, "Conv BatchNormalization"},
	} {
		b := build(t)
		c.make(b)
		if got := types(ir.Fuse(b.folded(), everything)); got != c.left {
			t.Errorf("%s: left are %q, want %q", name, got, c.left)
		}
	}
}

// A constant would be one draw for all runs.
func TestNumbersAreNotDrawnAhead(t *testing.T) {
	uniform := ir.Random{High: 1, DType: tensor.Float32, Shape: tensor.Shape{1, 2}}
	for _, c := range []struct {
		op ir.Operator
		in func(b *builder) []ir.ValueID
	}{
		{uniform, func(*builder) []ir.ValueID { return nil }},
		{ir.RandomLike{Random: uniform}, func(b *builder) []ir.ValueID { return []ir.ValueID{b.weights("w", 1, 2)} }},
		{ir.Bernoulli{}, func(b *builder) []ir.ValueID { return []ir.ValueID{b.weights("w", 1, 2)} }},
		{ir.Multinomial{Samples: 1, DType: tensor.Int32}, func(b *builder) []ir.ValueID { return []ir.ValueID{b.weights("w", 1, 2)} }},
		{ir.Dropout{}, func(b *builder) []ir.ValueID { return []ir.ValueID{b.weights("w", 1, 2)} }},
	} {
		b := build(t)
		b.output(b.node(c.op, "y", c.in(b)...))
		if got := types(b.folded()); got != c.op.Type() {
			t.Errorf("of %s, left is %q", c.op.Type(), got)
		}
	}
}
