// Package onnx reads and writes ONNX files.
//
// It owns the format: the protobuf encoding (Marshal, Unmarshal) and the
// meaning of a graph across operator-set versions (Read, which gives a typed
// ir.Graph). It refuses, with one sentence that names the node and what is
// supported, every operator, attribute, element type and domain that it does
// not know, and every file past its Limits. Nobody else in the project knows
// the format.
//
// Vocabulary: a Model is a file; an Opset says which version of the operators
// the file speaks; an initializer is a constant tensor, usually a weight;
// external data are weights in other files, which are refused.
//
//	data, err := os.ReadFile("model.onnx")
//	if err != nil {
//		return err
//	}
//	graph, err := onnx.Read(data, onnx.DefaultLimits)
//	if err != nil {
//		return err // node 3 (Conv "stem"): attribute …
//	}
//
// The messages and field numbers are those of onnx.proto in ONNX 1.16 (IR
// version 10).
package onnx

// Model is an ONNX file (ModelProto). Documentation, metadata, training
// information and model-local functions are not read.
type Model struct {
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Opsets          []Opset
	Graph           Graph
}

// Opset names the version of a domain's operators that a model speaks. The
// empty domain is ONNX's own.
type Opset struct {
	Domain  string
	Version int64
}

// Graph is a GraphProto: nodes in topological order, over named values.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []ValueInfo
	Outputs      []ValueInfo
}

// Node is a NodeProto. An absent optional input or output is "".
type Node struct {
	Name       string
	OpType     string
	Domain     string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is an AttributeProto; Type says which of the other fields counts.
// The body of a type that is not listed as a constant here is not read.
type Attribute struct {
	Name   string
	Type   AttributeType
	Float  float32
	Int    int64
	String string
	Tensor *Tensor
	Floats []float32
	Ints   []int64
}

// AttributeType is AttributeProto.AttributeType.
type AttributeType int32

// The attribute types that some supported operator has.
const (
	FloatAttribute  AttributeType = 1
	IntAttribute    AttributeType = 2
	StringAttribute AttributeType = 3
	TensorAttribute AttributeType = 4
	FloatsAttribute AttributeType = 6
	IntsAttribute   AttributeType = 7
)

// DataType is TensorProto.DataType.
type DataType int32

// The element types that tensors of this project have, and Bool, which only
// ever says whether an operator trains.
const (
	Float DataType = 1
	Int64 DataType = 7
	Bool  DataType = 9
)

// Tensor is a TensorProto. Its elements are in Raw, little-endian, or else in
// the list of its type.
type Tensor struct {
	Name   string
	Type   DataType
	Dims   []int64
	Raw    []byte
	Floats []float32
	Int64s []int64
	// External says that the elements are in another file.
	External bool
}

// ValueInfo names a graph's input or output and gives its type.
type ValueInfo struct {
	Name string
	// Type is 0 for a value that is not a dense tensor.
	Type DataType
	// Shape is nil if the rank is unknown, empty for a scalar.
	Shape []Dim
}

// Dim is an extent: a Value, or if that is 0, a symbol, which may be "".
// (An extent of 0 is written as neither and read as unknown.)
type Dim struct {
	Value  int64
	Symbol string
}
