package onnx

import "fmt"

// inOrder gives the nodes so that each stands after those that it reads: the
// file's own order, as the format demands, or else the nearest to it. A cycle
// is refused.
func inOrder(nodes []Node) ([]int, error) {
	o := ordering{nodes: nodes, giver: map[string]int{}, state: make([]visit, len(nodes))}
	for i, n := range nodes {
		for _, name := range n.Outputs {
			if name != "" {
				o.giver[name] = i // a second giver is refused on import
			}
		}
	}
	for i := range nodes {
		if err := o.visit(i); err != nil {
			return nil, err
		}
	}
	return o.done, nil
}

type visit uint8

const (
	unseen visit = iota
	open         // its inputs are being visited
	closed
)

type ordering struct {
	nodes []Node
	giver map[string]int
	state []visit
	done  []int
}

// visit puts a node after its givers. The recursion is as deep as the longest
// path of a graph in reverse order, which Limits.Nodes bounds.
func (o *ordering) visit(i int) error {
	switch o.state[i] {
	case closed:
		return nil
	case open:
		return fmt.Errorf("node %d (%s) depends on its own result", i, o.nodes[i].label())
	}
	o.state[i] = open
	for name := range o.nodes[i].reads() {
		if giver, ok := o.giver[name]; ok {
			if err := o.visit(giver); err != nil {
				return err
			}
		}
	}
	o.state[i] = closed
	o.done = append(o.done, i)
	return nil
}
