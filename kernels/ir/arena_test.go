package ir_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// randomGraph has Concat nodes that read any earlier values, of any sizes.
func randomGraph(r *rand.Rand) *ir.Graph {
	g := &ir.Graph{Name: "random"}
	add := func(n int) ir.ValueID {
		g.Values = append(g.Values, ir.Value{
			Name: fmt.Sprint("v", len(g.Values)),
			Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{n}},
		})
		return ir.ValueID(len(g.Values) - 1)
	}
	g.Inputs = []ir.ValueID{add(r.Intn(40))}
	for range 2 + r.Intn(40) {
		reads := make([]ir.ValueID, 1+r.Intn(3))
		size := 0
		for i := range reads {
			back := min(len(g.Values), 1+r.Intn(6))
			reads[i] = ir.ValueID(len(g.Values) - back)
			size += g.Values[reads[i]].Shape[0]
		}
		if size > 1000 { // a detour keeps the sizes from exploding
			reads, size = g.Inputs, g.Values[0].Shape[0]
		}
		g.Nodes = append(g.Nodes, ir.Node{Op: ir.Concat{}, Inputs: reads, Outputs: []ir.ValueID{add(size)}})
	}
	last := ir.ValueID(len(g.Values) - 1)
	g.Outputs = []ir.ValueID{last, ir.ValueID(1 + r.Intn(int(last)))}
	return g
}

// TestNoLiveValueIsOverwritten plays a plan as an engine would: each node
// checks that what it reads is still what was written.
func TestNoLiveValueIsOverwritten(t *testing.T) {
	for seed := range int64(300) {
		plan, err := ir.NewPlan(randomGraph(rand.New(rand.NewSource(seed))))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		arena := make([]ir.ValueID, plan.ArenaBytes)
		for i, n := range plan.Graph.Nodes {
			out := n.Outputs[0]
			for at := range span(plan, out) {
				arena[at] = out
			}
			for _, in := range n.Inputs {
				for at := range span(plan, in) {
					if arena[at] != in {
						t.Fatalf("seed %d: node %d reads value %d where value %d was written", seed, i, in, arena[at])
					}
				}
			}
		}
	}
}

// span yields the arena's bytes that hold the value.
func span(plan *ir.Plan, id ir.ValueID) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		place := plan.Place[id]
		if !place.InArena() {
			return
		}
		for at := place.Offset; at < place.Offset+place.Bytes; at++ {
			if !yield(at) {
				return
			}
		}
	}
}

func TestPlacesAreAlignedAndLeaveInputsAndOutputsOut(t *testing.T) {
	for seed := range int64(50) {
		plan, err := ir.NewPlan(randomGraph(rand.New(rand.NewSource(seed))))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for id, p := range plan.Place {
			if p.InArena() && (p.Offset%ir.Alignment != 0 || p.Offset+p.Bytes > plan.ArenaBytes) {
				t.Errorf("seed %d: value %d lies at %+v of %d", seed, id, p, plan.ArenaBytes)
			}
		}
		for _, id := range append(plan.Graph.Inputs, plan.Graph.Outputs...) {
			if plan.Place[id].InArena() {
				t.Errorf("seed %d: the graph's input or output %d is in the arena", seed, id)
			}
		}
	}
}

func TestAChainTakesTwoBuffers(t *testing.T) {
	g := chain(ir.Relu{}, ir.Relu{}, ir.Relu{}, ir.Relu{}, ir.Relu{}, ir.Relu{})
	plan, err := ir.NewPlan(g)
	if err != nil {
		t.Fatal(err)
	}
	if plan.ArenaBytes != 2*ir.Alignment {
		t.Errorf("the arena takes %d bytes, want two buffers of %d", plan.ArenaBytes, ir.Alignment)
	}
}

// chain applies operators to one input of 16 floats, one after the other.
func chain(ops ...ir.Operator) *ir.Graph {
	value := func(i int) ir.Value {
		return ir.Value{Name: fmt.Sprint("v", i), Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{16}}}
	}
	g := &ir.Graph{Name: "chain", Values: []ir.Value{value(0)}, Inputs: []ir.ValueID{0}}
	for i, op := range ops {
		g.Values = append(g.Values, value(i+1))
		g.Nodes = append(g.Nodes, ir.Node{Op: op, Inputs: []ir.ValueID{ir.ValueID(i)}, Outputs: []ir.ValueID{ir.ValueID(i + 1)}})
	}
	g.Outputs = []ir.ValueID{ir.ValueID(len(ops))}
	return g
}
