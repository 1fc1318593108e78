package ir

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Fuse gives a folded graph with the rewrites that the engine asks for. A
// producer takes in what follows it only if nothing else reads its result.
func Fuse(g *Graph, f Fusions) *Graph {
	out := g.prune()
	if f.BatchNorm {
		out = out.fuse(batchNormIntoConv)
	}
	if f.Activation {
		out = out.fuse(activationIntoProducer)
	}
	return out
}

// fuse offers each node and the only producer of its first input to rewrite,
// which gives the node that stands for both, if there is one. readers are those
// before: a value that a rewrite added lies past their end.
func (g *Graph) fuse(rewrite func(g *Graph, readers []int, producer, n Node) (Node, bool)) *Graph {
	out := g.clone()
	readers := out.readers()
	producer := make([]int, len(out.Values)) // index in kept, or -1
	for id := range producer {
		producer[id] = -1
	}
	kept := out.Nodes[:0]
	for _, n := range out.Nodes {
		x := n.first()
		if x != NoValue && producer[x] >= 0 && readers[x] == 1 && len(n.Outputs) == 1 {
			if both, ok := rewrite(out, readers, kept[producer[x]], n); ok {
				both.Outputs = n.Outputs
				kept[producer[x]] = both
				producer[n.Outputs[0]] = producer[x]
				continue
			}
		}
		for _, id := range n.Outputs {
			if id != NoValue {
				producer[id] = len(kept)
			}
		}
		kept = append(kept, n)
	}
	out.Nodes = kept
	return out.prune()
}

// readers counts the uses of each value; being a graph output is one.
func (g *Graph) readers() []int {
	count := make([]int, len(g.Values))
	for _, id := range g.Outputs {
		count[id]++
	}
	for _, n := range g.Nodes {
		for _, id := range n.Inputs {
			if id != NoValue {
				count[id]++
			}
		}
	}
	return count
}

// batchNormIntoConv scales the convolution's weights and moves its bias: with
// s = scale/√(variance+ε), W' = W·s and B' = (B−mean)·s + bias. Weights that
// others read stay, and those of no elements and those that were scaled before: a
// copy or a bias for each of many nodes could outgrow the file and the memory.
func batchNormIntoConv(g *Graph, readers []int, producer, n Node) (Node, bool) {
	norm, isNorm := n.Op.(BatchNormalization)
	conv, isConv := producer.Op.(Conv)
	if !isNorm || !isConv || conv.Act.Clip {
		return Node{}, false
	}
	w := g.constant(producer, 1)
	if w == nil || w.DType() != tensor.Float32 || w.Len() == 0 || int(producer.Inputs[1]) >= len(readers) || readers[producer.Inputs[1]] > 1 {
		return Node{}, false
	}
	scale, shift, ok := norm.affine(g, n)
	if !ok || len(w.Shape()) == 0 || w.Shape()[0] != len(scale) {
		return Node{}, false
	}
	bias := make([]float32, len(scale))
	if len(producer.Inputs) > 2 && producer.Inputs[2] != NoValue {
		b := g.constant(producer, 2)
		if b == nil {
			return Node{}, false
		}
		copy(bias, tensor.Data[float32](b))
	}
	weights := w.Clone()
	data := tensor.Data[float32](weights)
	size := len(data) / len(scale)
	for m, s := range scale {
		for i := range data[m*size : (m+1)*size] {
			data[m*size+i] = float32(float64(data[m*size+i]) * s)
		}
		bias[m] = float32(float64(bias[m])*s + shift[m])
	}
	b, err := tensor.Of(bias, len(bias))
	if err != nil {
		return Node{}, false
	}
	folded := g.Label(n)
	producer.Inputs = []ValueID{producer.Inputs[0], g.add(folded+" weights", weights), g.add(folded+" bias", b)}
	return producer, true
}

// affine gives the normalisation as x·scale + shift for each channel, if its
// statistics are constants.
func (op BatchNormalization) affine(g *Graph, n Node) (scale, shift []float64, ok bool) {
	var p [4][]float32
	for i := range p {
		c := g.constant(n, 1+i)
		if c == nil || c.DType() != tensor.Float32 || i > 0 && c.Len() != len(p[0]) {
			return nil, nil, false
		}
		p[i] = tensor.Data[float32](c)
	}
	for c := range p[0] {
		s := float64(p[0][c]) / math.Sqrt(float64(p[3][c])+float64(op.Epsilon))
		scale = append(scale, s)
		shift = append(shift, float64(p[1][c])-float64(p[2][c])*s)
	}
	return scale, shift, len(scale) > 0
}

// activationIntoProducer makes Relu or a constant Clip of float32 the epilogue of
// Conv, Gemm or Add.
func activationIntoProducer(g *Graph, _ []int, producer, n Node) (Node, bool) {
	if g.Values[n.Outputs[0]].DType != tensor.Float32 {
		return Node{}, false
	}
	act, ok := activation(g, n)
	if !ok {
		return Node{}, false
	}
	switch op := producer.Op.(type) {
	case Conv:
		ok, op.Act = !op.Act.Clip, act
		producer.Op = op
	case Gemm:
		ok, op.Act = !op.Act.Clip, act
		producer.Op = op
	case Add:
		ok, op.Act = !op.Act.Clip, act
		producer.Op = op
	default:
		return Node{}, false
	}
	return producer, ok
}

// activation reads a node of float32 as a clip between constants.
func activation(g *Graph, n Node) (Activation, bool) {
	act := Activation{Clip: true, Min: float32(math.Inf(-1)), Max: float32(math.Inf(1))}
	if x := n.first(); x == NoValue || g.Values[x].DType != tensor.Float32 {
		return act, false
	}
	switch n.Op.(type) {
	case Relu:
		act.Min = 0
		return act, true
	case Clip:
		min, okMin := g.scalar(n, 1, act.Min)
		max, okMax := g.scalar(n, 2, act.Max)
		act.Min, act.Max = min, max
		return act, okMin && okMax
	}
	return act, false
}

// scalar is a constant input with one element, or absent its default.
func (g *Graph) scalar(n Node, i int, absent float32) (float32, bool) {
	if i >= len(n.Inputs) || n.Inputs[i] == NoValue {
		return absent, true
	}
	c := g.constant(n, i)
	if c == nil || c.DType() != tensor.Float32 || c.Len() != 1 {
		return 0, false
	}
	v := tensor.Data[float32](c)[0]
	return v, v == v // NaN limits nothing that an engine could agree on
}

// constant is the node's input i if no input of the graph influences it.
func (g *Graph) constant(n Node, i int) *tensor.Tensor {
	if i >= len(n.Inputs) || n.Inputs[i] == NoValue {
		return nil
	}
	return g.Values[n.Inputs[i]].Const
}

// add appends a constant.
func (g *Graph) add(name string, t *tensor.Tensor) ValueID {
	g.Values = append(g.Values, Value{Name: name, Info: Info{DType: t.DType(), Shape: t.Shape(), Const: t}})
	return ValueID(len(g.Values) - 1)
}
