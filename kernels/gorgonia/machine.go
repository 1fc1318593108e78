package gorgonia

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// machine is a gorgonia.VM for graphs whose operators own their outputs. It
// does what the tape machine does, in the same order and to the bit, without
// its goroutine, registers and allocations.
type machine struct {
	instructions []instruction
	leaves       []leaf
	values       []gorgonia.Value // one a node, in the order of execution
}

// instruction applies an operator to earlier values.
type instruction struct {
	op   gorgonia.Op
	from []int // indices of the operands in values
	in   []gorgonia.Value
	to   int
}

// leaf is a node that is not computed: an input or a weight.
type leaf struct {
	node  *gorgonia.Node
	value gorgonia.Value // nil if it is the node's own
	to    int
}

var _ gorgonia.VM = (*machine)(nil)

// newMachine orders g's nodes for execution; leaves have the values of those that
// Gorgonia cannot bind. The caller holds construction.
func newMachine(g *gorgonia.ExprGraph, leaves map[*gorgonia.Node]gorgonia.Value) (*machine, error) {
	sorted, err := gorgonia.Sort(g)
	if err != nil {
		return nil, fmt.Errorf("order the graph: %w", err)
	}
	m := &machine{values: make([]gorgonia.Value, len(sorted))}
	position := make(map[int64]int, len(sorted))
	for i := range sorted {
		n := sorted[len(sorted)-1-i] // Sort puts a node before its operands
		position[n.ID()] = i
		if n.Op() == nil {
			m.leaves = append(m.leaves, leaf{n, leaves[n], i})
			continue
		}
		operands := g.From(n.ID())
		inst := instruction{op: n.Op(), to: i}
		for operands.Next() {
			inst.from = append(inst.from, position[operands.Node().ID()])
		}
		inst.in = make([]gorgonia.Value, len(inst.from))
		m.instructions = append(m.instructions, inst)
	}
	return m, nil
}

// RunAll computes every node once.
func (m *machine) RunAll() error {
	for _, l := range m.leaves {
		if m.values[l.to] = l.value; l.value == nil {
			m.values[l.to] = l.node.Value()
		}
		if m.values[l.to] == nil {
			return fmt.Errorf("run %v: it has no value", l.node)
		}
	}
	for i := range m.instructions {
		inst := &m.instructions[i]
		for j, from := range inst.from {
			inst.in[j] = m.values[from]
		}
		v, err := inst.op.Do(inst.in...)
		if err != nil {
			return err
		}
		m.values[inst.to] = v
	}
	return nil
}

// Reset forgets the values of the last run.
func (m *machine) Reset() {
	clear(m.values)
	for _, inst := range m.instructions {
		clear(inst.in)
	}
}

// Close forgets the graph.
func (m *machine) Close() error {
	*m = machine{}
	return nil
}
