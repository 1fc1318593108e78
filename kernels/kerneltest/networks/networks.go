// Package networks generates well-known networks for tests, node by node as
// PyTorch's exporter writes them (torchvision's models, operator set 13,
// training=PRESERVE, so that BatchNormalization stands as a node of its own).
//
// It owns their structure and the drawing of their weights: He-normal, with
// BatchNormalization statistics near what such weights produce, so that outputs
// are finite and spread and agreement on them means something. It refuses to
// claim that they recognise anything. The same name and size give the same
// bytes.
//
//	data, err := onnx.Marshal(networks.ResNet18(224))
//	if err != nil {
//		return err
//	}
//	session, err := kernels.Load(data, options)
package networks

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// export grows an ONNX graph as PyTorch's exporter walks a module. Methods
// named for a layer take the module's path, such as "features.0.1", from which
// the names of nodes and parameters follow, and the value that it is applied
// to; they give the value that it makes.
type export struct {
	graph onnx.Graph
	rand  *rand.Rand
}

// newExport begins a graph with the one input "input".
func newExport(name string, shape ...int64) *export {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	in := onnx.ValueInfo{Name: "input", TypeInfo: onnx.TypeInfo{Type: onnx.Float}}
	for _, d := range shape {
		in.Shape = append(in.Shape, onnx.Dim{Value: d})
	}
	return &export{
		graph: onnx.Graph{Name: name, Inputs: []onnx.ValueInfo{in}},
		rand:  rand.New(rand.NewPCG(h.Sum64(), 13)),
	}
}

// model ends the graph with the one output "output", the scores of classes.
func (e *export) model(scores string, classes int64) *onnx.Model {
	last := &e.graph.Nodes[len(e.graph.Nodes)-1]
	if last.Outputs[0] != scores {
		panic(fmt.Sprintf("networks: %q is not what %s ends with", scores, e.graph.Name))
	}
	last.Outputs[0] = "output"
	e.graph.Outputs = []onnx.ValueInfo{{Name: "output", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Value: 1}, {Value: classes}}}}}
	return &onnx.Model{
		IRVersion: 7, Producer: "pytorch", ProducerVersion: "2.1.0",
		Opsets: []onnx.Opset{{Version: 13}},
		Graph:  e.graph,
	}
}

// node adds one and gives its output.
func (e *export) node(name, operator string, inputs []string, attributes ...onnx.Attribute) string {
	out := name + "_output_0"
	e.graph.Nodes = append(e.graph.Nodes, onnx.Node{
		Name: name, OpType: operator, Inputs: inputs, Outputs: []string{out}, Attributes: attributes,
	})
	return out
}

// parameter adds an initializer whose elements draw gives.
func (e *export) parameter(name string, draw func() float64, shape ...int) string {
	t, err := tensor.New(tensor.Float32, shape...)
	if err != nil {
		panic(fmt.Sprintf("networks: parameter %q: %v", name, err))
	}
	data := tensor.Data[float32](t)
	for i := range data {
		data[i] = float32(draw())
	}
	e.graph.Initializers = append(e.graph.Initializers, onnx.TensorOf(name, t))
	return name
}

// he is normal with variance 2/fanIn, which keeps the variance of what passes
// through a layer and its ReLU. (He et al., "Delving Deep into Rectifiers",
// 2015.)
func (e *export) he(fanIn int) func() float64 {
	return e.normal(0, math.Sqrt(2/float64(fanIn)))
}

func (e *export) normal(mean, deviation float64) func() float64 {
	return func() float64 { return mean + deviation*e.rand.NormFloat64() }
}

func (e *export) uniform(lo, hi float64) func() float64 {
	return func() float64 { return lo + (hi-lo)*e.rand.Float64() }
}
