package ir

import "github.com/squadron-edge/squadron/kernels/tensor"

// heavy is an operator that takes more time than its inputs and outputs are
// large: a plan counts its multiply-adds, and Fold leaves it to the run.
type heavy interface {
	Operator
	// multiplyAdds counts from shapes, which are all known.
	multiplyAdds(in, out []Info) int
}

// heavyWork counts a heavy node.
func (g *Graph) heavyWork(op heavy, n Node) int {
	return op.multiplyAdds(g.infos(n.Inputs), g.infos(n.Outputs))
}

func (g *Graph) infos(ids []ValueID) []Info {
	list := make([]Info, len(ids))
	for i, id := range ids {
		if id != NoValue {
			list[i] = g.Values[id].Info
		}
	}
	return list
}

// volume is the number of elements of a known shape, up to the largest int.
func volume(s tensor.Shape) int { return times(1, s...) }
