package ir

import (
	"context"
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Plan is a graph ready for an engine. Nodes stand in the order of execution,
// and each graph output is written by a node and listed once. A value whose shape
// is not known is given by the run: what it takes then, together with what lies in
// the arena, may be MaxArenaBytes too.
type Plan struct {
	Graph *Graph
	// Place tells where each value lies, by ValueID.
	Place []Place
	// LastUse is, by ValueID, the node after which nothing needs an intermediate
	// value any more: its last reader, or without one the node that writes it. It
	// is -1 for a graph input, a graph output and a constant.
	LastUse []int
	// ArenaBytes is the size of the arena that holds all intermediate values.
	ArenaBytes int
	// RunBytes is that and the inputs and outputs, as far as they are known.
	RunBytes int
	// MultiplyAdds is the work of one run, at most MaxMultiplyAdds: the products
	// of convolutions and matrices, with those in the padding; the elements under
	// each window of a pool; the inputs of a mean; the outputs of all else. What
	// depends on values that are not known before the run is not counted.
	MultiplyAdds int
}

// Place is a range of the arena. Values that are alive at the same time never
// share a byte, and neither do a node's inputs and outputs.
type Place struct {
	// Offset is a multiple of Alignment, or -1 for a graph input, a graph
	// output, a constant, and what is not known before the run, which are not in
	// the arena.
	Offset int
	Bytes  int
}

// InArena reports whether the value lies in the arena.
func (p Place) InArena() bool { return p.Offset >= 0 }

// Alignment is that of every value in the arena: a cache line, and the widest
// vector register.
const Alignment = 64

// MaxArenaBytes is the most that a plan's arena, inputs and outputs may take
// together: half of a Jetson Nano's memory.
const MaxArenaBytes = 2 << 30

// NewPlan places the values of a specialised, folded graph.
func NewPlan(g *Graph) (*Plan, error) {
	out := g.prune()
	out.separateOutputs()
	if err := out.Validate(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	work, err := out.work()
	if err != nil {
		return nil, fmt.Errorf("plan graph %q: %w", g.Name, err)
	}
	lives := out.lifetimes()
	place, bytes := layOut(lives)
	total := bytes + out.bytes(out.Inputs) + out.bytes(out.Outputs)
	if total > MaxArenaBytes {
		return nil, fmt.Errorf("plan graph %q: its inputs, outputs and intermediate values take %d bytes, more than the limit of %d", g.Name, total, MaxArenaBytes)
	}
	plan := &Plan{Graph: out, Place: place, LastUse: make([]int, len(lives)), ArenaBytes: bytes, RunBytes: total, MultiplyAdds: work}
	for id, l := range lives {
		plan.LastUse[id] = l.last
	}
	return plan, nil
}

// NewOutputs makes the tensors that a run fills; they are nil where only the run
// tells what an output is.
func (p *Plan) NewOutputs() ([]tensor.Value, error) {
	out := make([]tensor.Value, len(p.Graph.Outputs))
	for i, id := range p.Graph.Outputs {
		v := p.Graph.Values[id]
		if !v.Known() {
			continue
		}
		t, err := tensor.New(v.DType, v.Shape...)
		if err != nil {
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}

// CompileBodies compiles the bodies of a control node, each as a plan of its own.
func CompileBodies(op Control, fusions Fusions, compile func(*Plan) (Program, error)) ([]BodyProgram, error) {
	bodies := op.Bodies()
	programs := make([]BodyProgram, len(bodies))
	for i, b := range bodies {
		plan, err := NewPlan(Fuse(b.Graph, fusions))
		if err != nil {
			return nil, err
		}
		program, err := compile(plan)
		if err != nil {
			return nil, err
		}
		programs[i] = BodyProgram{plan, program}
	}
	return programs, nil
}

// BodyProgram is a compiled body.
type BodyProgram struct {
	plan *Plan
	Program
}

// Outputs runs the body and gives what it computes.
func (p BodyProgram) Outputs(ctx context.Context, in []tensor.Value) ([]tensor.Value, error) {
	out, err := p.plan.NewOutputs()
	if err != nil {
		return nil, err
	}
	return out, p.Run(ctx, in, out)
}

// bytes is the storage of those of the values that are known, together.
func (g *Graph) bytes(ids []ValueID) int {
	sum := 0
	for _, id := range ids {
		if v := g.Values[id]; v.Known() {
			sum += v.bytes()
		}
	}
	return sum
}

// separateOutputs gives each graph output a node of its own that writes it:
// an Identity where the output is an input, a constant or another output.
func (g *Graph) separateOutputs() {
	free := make([]bool, len(g.Values))
	for _, n := range g.Nodes {
		for _, id := range n.Outputs {
			if id != NoValue {
				free[id] = true
			}
		}
	}
	for i, id := range g.Outputs {
		if free[id] {
			free[id] = false
			continue
		}
		copied := g.Values[id]
		copied.Const = nil
		g.Values = append(g.Values, copied)
		g.Outputs[i] = ValueID(len(g.Values) - 1)
		g.Nodes = append(g.Nodes, Node{Name: copied.Name, Op: Identity{}, Inputs: []ValueID{id}, Outputs: []ValueID{g.Outputs[i]}})
	}
}
