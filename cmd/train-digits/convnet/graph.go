package convnet

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// graph is the network for one batch as Gorgonia sees it.
type graph struct {
	expr       *G.ExprGraph
	image      *G.Node // [Batch×1×Side×Side]
	logits     *G.Node // [Batch×Digits]
	parameters G.Nodes // in the order of Weights' fields
}

// newGraph builds the network over w, whose memory the graph then uses.
//
// ReLU comes after the pool: max(0, ·) is monotonic, so the values are those of
// ReLU before the pool, for a quarter of the work.
func newGraph(w Weights) (*graph, error) {
	b := builder{graph: graph{expr: G.NewGraph()}}
	b.image = G.NewTensor(b.expr, tensor.Float32, 4, G.WithName("image"), G.WithShape(Batch, 1, Side, Side))

	x := b.conv("conv1", b.image, w.Conv1, w.Bias1, 1, maps1)
	x = b.relu(b.pool(x))
	x = b.conv("conv2", x, w.Conv2, w.Bias2, maps1, maps2)
	x = b.relu(b.pool(x))
	x = b.do("flatten", func() (*G.Node, error) { return G.Reshape(x, tensor.Shape{Batch, flat}) })
	x = b.relu(b.dense("fc1", x, w.Dense1, w.Bias3, flat, w.hidden()))
	b.logits = b.dense("fc2", x, w.Dense2, w.Bias4, w.hidden(), Digits)
	return &b.graph, b.err
}

// builder adds layers until the first error, which it keeps.
type builder struct {
	graph
	err error
}

func (b *builder) conv(name string, x *G.Node, weight, bias []float32, in, out int) *G.Node {
	w := b.parameter(name+".weight", weight, out, in, kernel, kernel)
	c := b.parameter(name+".bias", bias, 1, out, 1, 1)
	same, one := []int{kernel / 2, kernel / 2}, []int{1, 1}
	y := b.do(name, func() (*G.Node, error) {
		return G.Conv2d(x, w, tensor.Shape{kernel, kernel}, same, one, one)
	})
	return b.do(name+".bias", func() (*G.Node, error) { return G.BroadcastAdd(y, c, nil, []byte{0, 2, 3}) })
}

func (b *builder) dense(name string, x *G.Node, weight, bias []float32, in, out int) *G.Node {
	w := b.parameter(name+".weight", weight, in, out)
	c := b.parameter(name+".bias", bias, 1, out)
	y := b.do(name, func() (*G.Node, error) { return G.Mul(x, w) })
	return b.do(name+".bias", func() (*G.Node, error) { return G.BroadcastAdd(y, c, nil, []byte{0}) })
}

func (b *builder) pool(x *G.Node) *G.Node {
	return b.do("pool", func() (*G.Node, error) {
		return G.MaxPool2D(x, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})
	})
}

func (b *builder) relu(x *G.Node) *G.Node {
	return b.do("relu", func() (*G.Node, error) { return G.Rectify(x) })
}

func (b *builder) parameter(name string, data []float32, shape ...int) *G.Node {
	value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	n := G.NewTensor(b.expr, tensor.Float32, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(value))
	b.parameters = append(b.parameters, n)
	return n
}

func (b *builder) do(what string, add func() (*G.Node, error)) *G.Node {
	if b.err != nil {
		return nil
	}
	n, err := add()
	if err != nil {
		b.err = fmt.Errorf("build layer %s: %w", what, err)
	}
	return n
}
