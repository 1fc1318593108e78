package convnet

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// The names and the operator set of the exported model.
const (
	Input  = "image"  // float32 [1×1×Side×Side]
	Output = "logits" // float32 [1×Digits]

	irVersion = 7 // ONNX 1.8, the first with operator set 13
	opset     = 13
)

// Export is the network as an ONNX file, laid out as torch.onnx.export lays out
// the same layers: one picture, Conv, Relu, MaxPool, Flatten, and Gemm with
// [out×in] weights. The same weights give the same bytes.
func Export(w Weights) ([]byte, error) {
	const k = kernel
	e := exporter{value: Input}
	e.layer("conv1", onnx.Node{OpType: "Conv", Attributes: window(k, 1, k/2)}, w.Conv1, w.Bias1, maps1, 1, k, k)
	e.add("relu1", onnx.Node{OpType: "Relu"})
	e.add("pool1", onnx.Node{OpType: "MaxPool", Attributes: window(2, 2, 0)})
	e.layer("conv2", onnx.Node{OpType: "Conv", Attributes: window(k, 1, k/2)}, w.Conv2, w.Bias2, maps2, maps1, k, k)
	e.add("relu2", onnx.Node{OpType: "Relu"})
	e.add("pool2", onnx.Node{OpType: "MaxPool", Attributes: window(2, 2, 0)})
	e.add("flatten", onnx.Node{OpType: "Flatten", Attributes: []onnx.Attribute{integer("axis", 1)}})
	e.layer("fc1", gemm(), transposed(w.Dense1, flat, w.hidden()), w.Bias3, w.hidden(), flat)
	e.add("relu3", onnx.Node{OpType: "Relu"})
	e.layer("fc2", gemm(), transposed(w.Dense2, w.hidden(), Digits), w.Bias4, Digits, w.hidden())
	if e.err != nil {
		return nil, e.err
	}
	return onnx.Marshal(e.model())
}

// exporter appends nodes to a chain until the first error, which it keeps.
type exporter struct {
	graph onnx.Graph
	value string // name of the chain's end
	err   error
}

// add appends a node that reads the chain's end and then extra inputs.
func (e *exporter) add(name string, n onnx.Node, extra ...string) {
	n.Name = name
	n.Inputs = append([]string{e.value}, extra...)
	e.value = name + ".out"
	n.Outputs = []string{e.value}
	e.graph.Nodes = append(e.graph.Nodes, n)
}

// layer appends a node with a weight of the given shape, outputs first, and a
// bias.
func (e *exporter) layer(name string, n onnx.Node, weight, bias []float32, shape ...int) {
	e.initializer(name+".weight", weight, shape...)
	e.initializer(name+".bias", bias, shape[0])
	e.add(name, n, name+".weight", name+".bias")
}

func (e *exporter) initializer(name string, data []float32, shape ...int) {
	t, err := tensor.Of(data, shape...)
	if err != nil {
		if e.err == nil {
			e.err = fmt.Errorf("export %s: %w", name, err)
		}
		return
	}
	e.graph.Initializers = append(e.graph.Initializers, onnx.TensorOf(name, t))
}

// model closes the chain: its end becomes the output.
func (e *exporter) model() *onnx.Model {
	e.graph.Name = "digits"
	e.graph.Nodes[len(e.graph.Nodes)-1].Outputs[0] = Output
	e.graph.Inputs = []onnx.ValueInfo{value(Input, 1, 1, Side, Side)}
	e.graph.Outputs = []onnx.ValueInfo{value(Output, 1, Digits)}
	return &onnx.Model{
		IRVersion: irVersion,
		Producer:  "squadron train-digits",
		Opsets:    []onnx.Opset{{Version: opset}},
		Graph:     e.graph,
	}
}

// window is the attributes of a square kernel moved over the picture.
func window(size, stride, pad int64) []onnx.Attribute {
	return []onnx.Attribute{
		integers("kernel_shape", size, size),
		integers("strides", stride, stride),
		integers("pads", pad, pad, pad, pad),
	}
}

func gemm() onnx.Node {
	return onnx.Node{OpType: "Gemm", Attributes: []onnx.Attribute{integer("transB", 1)}}
}

func integer(name string, v int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntAttribute, Int: v}
}

func integers(name string, v ...int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntsAttribute, Ints: v}
}

func value(name string, shape ...int64) onnx.ValueInfo {
	v := onnx.ValueInfo{Name: name, TypeInfo: onnx.TypeInfo{Type: onnx.Float}}
	for _, d := range shape {
		v.Shape = append(v.Shape, onnx.Dim{Value: d})
	}
	return v
}

// transposed turns [rows×columns] into [columns×rows].
func transposed(data []float32, rows, columns int) []float32 {
	out := make([]float32, len(data))
	for r := range rows {
		for c := range columns {
			out[c*rows+r] = data[r*columns+c]
		}
	}
	return out
}
