package ir

// prune gives the graph without Identity, without what no output needs, and
// with the values renumbered. Inputs stay, read or not.
func (g *Graph) prune() *Graph {
	out := g.clone()
	out.bypass()
	out.dropUnread()
	out.renumber()
	return out
}

// bypass removes each Identity whose reader can read its input, or whose
// input's producer can write its output. One stays where a graph output would
// otherwise be an input, a constant or another output.
func (g *Graph) bypass() {
	isOutput := make([]bool, len(g.Values))
	for _, id := range g.Outputs {
		isOutput[id] = true
	}
	produced := make([]bool, len(g.Values))
	as := make([]ValueID, len(g.Values)) // what to read in place of a value
	for id := range as {
		as[id] = ValueID(id)
	}
	kept := g.Nodes[:0]
	for _, n := range g.Nodes {
		replace(n.Inputs, as)
		if in, out, ok := n.identity(); ok {
			if !isOutput[out] {
				as[out] = in
				continue
			}
			if produced[in] && !isOutput[in] {
				as[in], produced[out] = out, true
				continue
			}
		}
		for _, id := range n.Outputs {
			if id != NoValue {
				produced[id] = true
			}
		}
		kept = append(kept, n)
	}
	g.Nodes = kept
	for _, n := range g.Nodes {
		replace(n.Inputs, as)
		replace(n.Outputs, as)
	}
}

// identity is what an Identity reads and writes.
func (n Node) identity() (in, out ValueID, ok bool) {
	_, ok = n.Op.(Identity)
	if !ok || n.first() == NoValue || len(n.Outputs) != 1 || n.Outputs[0] == NoValue {
		return NoValue, NoValue, false
	}
	return n.first(), n.Outputs[0], true
}

// first is the node's first input.
func (n Node) first() ValueID {
	if len(n.Inputs) == 0 {
		return NoValue
	}
	return n.Inputs[0]
}

func replace(ids []ValueID, as []ValueID) {
	for i, id := range ids {
		if id != NoValue {
			ids[i] = as[id]
		}
	}
}

// dropUnread removes the nodes none of whose outputs is needed, last to first.
func (g *Graph) dropUnread() {
	needed := make([]bool, len(g.Values))
	for _, id := range g.Outputs {
		needed[id] = true
	}
	keep := make([]bool, len(g.Nodes))
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		for _, id := range g.Nodes[i].Outputs {
			keep[i] = keep[i] || id != NoValue && needed[id]
		}
		if !keep[i] {
			continue
		}
		for _, id := range g.Nodes[i].Inputs {
			if id != NoValue {
				needed[id] = true
			}
		}
	}
	kept := g.Nodes[:0]
	for i, n := range g.Nodes {
		if keep[i] {
			kept = append(kept, n)
		}
	}
	g.Nodes = kept
}

// renumber drops the values that nothing mentions, in order.
func (g *Graph) renumber() {
	mentioned := make([]bool, len(g.Values))
	mention := func(ids []ValueID) {
		for _, id := range ids {
			if id != NoValue {
				mentioned[id] = true
			}
		}
	}
	mention(g.Inputs)
	mention(g.Outputs)
	for _, n := range g.Nodes {
		mention(n.Inputs)
		mention(n.Outputs)
	}
	to := make([]ValueID, len(g.Values))
	var values []Value
	for id, v := range g.Values {
		to[id] = ValueID(len(values))
		if mentioned[id] {
			values = append(values, v)
		}
	}
	g.Values = values
	replace(g.Inputs, to)
	replace(g.Outputs, to)
	for _, n := range g.Nodes {
		replace(n.Inputs, to)
		replace(n.Outputs, to)
	}
}
