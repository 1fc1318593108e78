package ir_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
)

func TestAPlanCountsItsMultiplyAdds(t *testing.T) {
	over := ir.Window{Kernel: []int{2, 3}}
	for name, c := range map[string]struct {
		op   ir.Operator
		in   []ir.Info
		want int
	}{
		"conv":                 {ir.Conv{Group: 1}, []ir.Info{f(2, 3, 5, 5), f(7, 3, 2, 2)}, 2 * 7 * 4 * 4 * 3 * 2 * 2},
		"conv in groups":       {ir.Conv{Group: 3}, []ir.Info{f(1, 3, 5, 5), f(6, 1, 3, 3)}, 6 * 3 * 3 * 3 * 3},
		"conv of no channels":  {ir.Conv{Group: 1}, []ir.Info{f(1, 0, 5, 5), f(2, 0, 3, 3)}, 2 * 3 * 3},
		"gemm":                 {ir.Gemm{}, []ir.Info{f(2, 3), f(3, 5)}, 2 * 3 * 5},
		"gemm turned":          {ir.Gemm{TransA: true, TransB: true}, []ir.Info{f(3, 2), f(5, 3)}, 2 * 3 * 5},
		"matmul":               {ir.MatMul{}, []ir.Info{f(4, 1, 2, 3), f(6, 3, 5)}, 4 * 6 * 2 * 3 * 5},
		"matmul of a vector":   {ir.MatMul{}, []ir.Info{f(3), f(3)}, 3},
		"max pool":             {ir.MaxPool{Window: over}, []ir.Info{f(1, 2, 4, 4)}, 2 * 3 * 2 * 2 * 3},
		"average pool":         {ir.AveragePool{Window: over}, []ir.Info{f(1, 2, 4, 4)}, 2 * 3 * 2 * 2 * 3},
		"global average":       {ir.GlobalAveragePool{}, []ir.Info{f(1, 2, 4, 4)}, 32},
		"mean":                 {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(5, 7)}, 35},
		"norm pool":            {ir.LpPool{Window: over, P: 2}, []ir.Info{f(1, 2, 4, 4)}, 2 * 3 * 2 * 2 * 3},
		"global maximum":       {ir.GlobalMaxPool{}, []ir.Info{f(1, 2, 4, 4)}, 32},
		"conv transposed":      {ir.ConvTranspose{Group: 1}, []ir.Info{f(1, 3, 4, 4), f(3, 5, 2, 2)}, 3 * 4 * 4 * 5 * 2 * 2},
		"conv deformed":        {ir.DeformConv{Group: 1, OffsetGroup: 1}, []ir.Info{f(1, 3, 4, 4), f(5, 3, 2, 2), f(1, 8, 3, 3)}, 5 * 3 * 3 * 3 * 2 * 2 * 4},
		"grid":                 {ir.GridSample{Mode: "cubic"}, []ir.Info{f(1, 3, 4, 4), f(1, 5, 5, 2)}, 3 * 5 * 5 * 16},
		"boxes":                {ir.RoiAlign{Height: 2, Width: 3, Sampling: 2}, []ir.Info{f(1, 3, 4, 4), f(7, 4), i(7)}, 7 * 3 * 2 * 3 * 4 * 2 * 2},
		"trees":                {ir.TreeEnsemble{Targets: 1, Forest: ir.Forest{Nodes: []ir.Branch{{True: 1, False: ^0}, {True: ^0, False: ^0}}, Leaves: make([][]ir.Vote, 1), Roots: []int{0}}}, []ir.Info{f(5, 1)}, 5 * 3},
		"elementwise":          {ir.Add{}, []ir.Info{f(5, 1), f(7)}, 35},
		"nothing":              {ir.MatMul{}, []ir.Info{f(0, 3), f(3, 1<<20)}, 0},
		"a product of nothing": {ir.MatMul{}, []ir.Info{f(2, 0), f(0, 3)}, 6},
	} {
		plan, err := ir.NewPlan(single(t, c.op, c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if plan.MultiplyAdds != c.want {
			t.Errorf("%s: %d multiply-adds, want %d", name, plan.MultiplyAdds, c.want)
		}
	}
}

// Each of these is a few small tensors that a core would compute for hours, or
// for longer than an int can count.
func TestMoreWorkThanASelfTestHasTimeForIsRefused(t *testing.T) {
	const most = "multiply-adds a run, more than the limit of 4398046511104"
	over := ir.MaxPool{Window: ir.Window{Kernel: []int{2048, 2048}}} // 1024×1024 times: the limit
	for _, c := range map[string]struct {
		op   ir.Operator
		in   []ir.Info
		want string
	}{
		"conv": {ir.Conv{Group: 1}, []ir.Info{f(1, 16, 1024, 1024), f(16, 16, 512, 512)}, `Conv "y" and the nodes before it take `},
		"pool": {over, []ir.Info{f(1, 1, 3071, 3072)}, ""},
		"no int": {ir.MaxPool{Window: ir.Window{
			Kernel: []int{1 << 19, 1 << 19, 1 << 19, 1 << 19}, Pads: []int{1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18},
		}}, []ir.Info{f(1, 1, 1, 1, 1, 1)}, "take 9223372036854775807 "},
	} {
		_, err := ir.NewPlan(single(t, c.op, c.in))
		refused(t, err, c.want)
		refused(t, err, most)
	}
	if _, err := ir.NewPlan(single(t, over, []ir.Info{f(1, 1, 3071, 3071)})); err != nil {
		t.Errorf("the limit itself: %v", err)
	}
}

// single is one operator, and its inputs those of the graph.
func single(t *testing.T, op ir.Operator, in []ir.Info) *ir.Graph {
	b := build(t)
	var ids []ir.ValueID
	for _, i := range in {
		ids = append(ids, b.input(string(rune('a'+len(ids))), i))
	}
	b.output(b.node(op, "y", ids...))
	return b.folded()
}
