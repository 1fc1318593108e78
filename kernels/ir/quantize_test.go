package ir_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestQuantizedProductsAreCountedAndNotFolded(t *testing.T) {
	const u8 = tensor.Uint8
	for _, c := range []struct {
		op   ir.Operator
		in   []ir.Info
		want int
	}{
		{ir.MatMulInteger{}, []ir.Info{of(u8, 4, 2, 3), of(u8, 3, 5)}, 4 * 2 * 3 * 5},
		{ir.QLinearMatMul{}, []ir.Info{of(u8, 2, 3), f(), of(u8), of(u8, 3, 5), f(), of(u8), f(), of(u8)}, 2 * 3 * 5},
		{ir.QGemm{TransA: true}, []ir.Info{of(u8, 3, 2), f(), of(u8), of(u8, 3, 5), f(), of(u8)}, 2 * 3 * 5},
	} {
		plan, err := ir.NewPlan(single(t, c.op, c.in))
		if err != nil || plan.MultiplyAdds != c.want {
			t.Errorf("%s: %+v, %v", c.op.Type(), plan, err)
		}
		b := build(t)
		var constants []ir.ValueID
		for _, in := range c.in {
			constants = append(constants, b.zeros("w", in.DType, in.Shape...))
		}
		b.output(b.node(c.op, "y", constants...))
		if got := types(b.folded()); got != c.op.Type() {
			t.Errorf("of %s, left is %q", c.op.Type(), got)
		}
	}
}
