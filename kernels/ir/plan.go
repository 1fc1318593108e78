package ir

import "fmt"

// Plan is a graph ready for an engine. Every shape is known, nodes stand in
// the order of execution, and each graph output is written by a node and
// listed once.
type Plan struct {
	Graph *Graph
	// Place tells where each value lies, by ValueID.
	Place []Place
	// LastUse is, by ValueID, the node after which nothing needs a value of the
	// arena any more: its last reader, or without one the node that writes it.
	LastUse []int
	// ArenaBytes is the size of the arena that holds all intermediate values.
	ArenaBytes int
	// MultiplyAdds is the work of one run, at most MaxMultiplyAdds: the products
	// of convolutions and matrices, with those in the padding; the elements under
	// each window of a pool; the inputs of a mean; the outputs of all else.
	MultiplyAdds int
}

// Place is a range of the arena. Values that are alive at the same time never
// share a byte, and neither do a node's inputs and outputs.
type Place struct {
	// Offset is a multiple of Alignment, or -1 for a graph input, a graph
	// output and a constant, which are not in the arena.
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
	for _, n := range out.Nodes {
		if err := out.planned(n); err != nil {
			return nil, fmt.Errorf("plan graph %q: %w", g.Name, err)
		}
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
	plan := &Plan{Graph: out, Place: place, LastUse: make([]int, len(lives)), ArenaBytes: bytes, MultiplyAdds: work}
	for id, l := range lives {
		plan.LastUse[id] = l.last
	}
	return plan, nil
}

// bytes is the storage of known values together.
func (g *Graph) bytes(ids []ValueID) int {
	sum := 0
	for _, id := range ids {
		sum += g.Values[id].bytes()
	}
	return sum
}

// planned checks that nothing is left for a run to find out.
func (g *Graph) planned(n Node) error {
	for _, id := range n.Outputs {
		if id != NoValue && !g.Values[id].known() {
			return fmt.Errorf("%s: its shape %s depends on what is computed from the inputs; only shapes that follow from the inputs' shapes are supported", g.Label(n), FormatShape(g.Values[id].Shape))
		}
	}
	return nil
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
