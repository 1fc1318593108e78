package reference

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// growing is a chain of n nodes over one input, each of which adds the value
// before it and one of long ago.
func growing(n, long int) *ir.Graph {
	g := &ir.Graph{Name: "growing", Inputs: []ir.ValueID{0}}
	for i := range n + 1 {
		g.Values = append(g.Values, ir.Value{Name: fmt.Sprint(i), Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{1024}}})
		if i > 0 {
			before := ir.ValueID(max(0, i-long))
			g.Nodes = append(g.Nodes, ir.Node{Op: ir.Add{}, Inputs: []ir.ValueID{ir.ValueID(i - 1), before}, Outputs: []ir.ValueID{ir.ValueID(i)}})
		}
	}
	g.Outputs = []ir.ValueID{ir.ValueID(n / 2), ir.ValueID(n)}
	return g
}

func TestARunHoldsNoMoreThanItsPlan(t *testing.T) {
	for _, long := range []int{1, 2, 7} {
		plan, err := ir.NewPlan(growing(100, long))
		if err != nil {
			t.Fatal(err)
		}
		ready, err := Engine{}.Compile(plan)
		if err != nil {
			t.Fatal(err)
		}
		p := ready.(*program)
		x, y, z := zeros(t), zeros(t), zeros(t)
		tensor.Data[float32](x)[7] = 1
		if err := p.bind([]tensor.Value{x}, []tensor.Value{y, z}); err != nil {
			t.Fatal(err)
		}
		for i := range plan.Graph.Nodes {
			if err := p.step(i); err != nil {
				t.Fatal(err)
			}
			held := 0
			for id, v := range p.values {
				if v != nil && plan.Place[id].InArena() {
					held += plan.Place[id].Bytes
				}
			}
			if held > plan.ArenaBytes {
				t.Fatalf("after node %d it holds %d bytes, the plan's arena has %d", i, held, plan.ArenaBytes)
			}
		}
		if tensor.Data[float32](y)[7] < 2 || tensor.Data[float32](z)[7] < 2 {
			t.Error("the outputs were not filled")
		}
	}
}

// A wider copy of the input or the weights would be twice what the plan allows.
func TestAConvolutionTakesNoCopyOfItsInputs(t *testing.T) {
	x, err := tensor.New(tensor.Float32, 1, 1, 1<<10, 1<<12)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Eval(ir.Conv{Group: 1}, []*tensor.Tensor{x, x}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("it takes %d bytes to give one element", took)
	}
}

func zeros(t *testing.T) *tensor.Tensor {
	t.Helper()
	x, err := tensor.New(tensor.Float32, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
