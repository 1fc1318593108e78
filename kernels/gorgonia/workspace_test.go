package gorgonia

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// What a program takes besides the plan's arena, inputs and outputs must not
// grow with extents that a file chooses.
func TestAProgramTakesNoMoreThanItsPlanAndABoundedWorkspace(t *testing.T) {
	const bound = 40 << 20
	wide := ir.Conv{Group: 1, Window: ir.Window{Pads: []int{1 << 19, 1 << 19}}}
	for name, g := range map[string]*ir.Graph{
		"inner extent of a gemm":   one(ir.Gemm{}, tensor.Shape{1, 1 << 24}, tensor.Shape{1 << 24, 1}),
		"A transposed":             one(ir.Gemm{TransA: true}, tensor.Shape{1 << 10, 1 << 14}, tensor.Shape{1 << 10, 1}),
		"inner extent of a matmul": one(ir.MatMul{}, tensor.Shape{1 << 24}, tensor.Shape{1 << 24}),
		"depth of a window":        one(ir.Conv{Group: 1}, tensor.Shape{1, 1 << 20, 4, 4}, tensor.Shape{1, 1 << 20, 4, 4}),
		"a large window":           one(ir.Conv{Group: 1}, tensor.Shape{1, 2, 1 << 12, 1 << 11}, tensor.Shape{1, 2, 1 << 12, 1 << 11}),
		"many wide windows":        many(8, wide, tensor.Shape{1, 1, 2}, weights(t, 1, 1, 1<<20)),
		"many long lists":          many(100, ir.Gather{}, tensor.Shape{1 << 18}, indices(t, 1<<18)),
	} {
		plan := planGraph(t, g)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		compiled(t, plan)
		runtime.ReadMemStats(&after)
		took := int(after.TotalAlloc - before.TotalAlloc)
		for _, id := range append(plan.Graph.Inputs, plan.Graph.Outputs...) {
			took -= 4 * size(plan.Graph.Values[id].Shape)
		}
		if took -= plan.ArenaBytes; took > bound {
			t.Errorf("%s: it takes %d MiB more than its plan", name, took>>20)
		}
	}
}

func weights(t *testing.T, shape ...int) *tensor.Tensor { return zeros(t, tensor.Float32, shape...) }

func indices(t *testing.T, n int) *tensor.Tensor { return zeros(t, tensor.Int64, n) }

func zeros(t *testing.T, dtype tensor.DType, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.New(dtype, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// one is a graph of one operator, whose inputs are the graph's.
func one(op ir.Operator, in ...tensor.Shape) *ir.Graph {
	g := &ir.Graph{Name: "one"}
	for i, shape := range in {
		g.Inputs = append(g.Inputs, ir.ValueID(i))
		g.Values = append(g.Values, ir.Value{Name: fmt.Sprint(i), Info: ir.Info{DType: tensor.Float32, Shape: shape}})
	}
	g.Outputs = []ir.ValueID{ir.ValueID(len(g.Values))}
	g.Values = append(g.Values, ir.Value{Name: "y"})
	g.Nodes = []ir.Node{{Op: op, Inputs: g.Inputs, Outputs: g.Outputs}}
	return g
}

// many is a chain of n nodes that share their second input.
func many(n int, op ir.Operator, x tensor.Shape, shared *tensor.Tensor) *ir.Graph {
	g := one(op, x, shared.Shape())
	g.Inputs = g.Inputs[:1]
	g.Values[1].Info = ir.Info{DType: shared.DType(), Shape: shared.Shape(), Const: shared}
	for range n - 1 {
		last := ir.ValueID(len(g.Values) - 1)
		g.Values = append(g.Values, ir.Value{Name: fmt.Sprint(last + 1)})
		g.Nodes = append(g.Nodes, ir.Node{Op: op, Inputs: []ir.ValueID{last, 1}, Outputs: []ir.ValueID{last + 1}})
	}
	g.Outputs = []ir.ValueID{ir.ValueID(len(g.Values) - 1)}
	return g
}
