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
// external data are weights in other files of the model's folder; a function is an
// operator that the file itself defines; a body is a graph in an attribute.
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
// The messages and field numbers are those of onnx.proto in ONNX 1.18 (IR
// version 11).
package onnx

// Model is an ONNX file (ModelProto). Documentation, metadata and training
// information are not read.
type Model struct {
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Opsets          []Opset
	Graph           Graph
	Functions       []Function
}

// Opset names the version of a domain's operators that a model speaks. The
// empty domain is ONNX's own.
type Opset struct {
	Domain  string
	Version int64
}

// Function is a FunctionProto: nodes that stand for an operator of the model's own.
type Function struct {
	Name       string
	Domain     string
	Overload   string
	Inputs     []string
	Outputs    []string
	Attributes []string    // names that a call gives
	Defaults   []Attribute // that a call may give
	Nodes      []Node
	Opsets     []Opset
}

// Graph is a GraphProto: nodes in topological order, over named values.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Sparse       []SparseTensor // initializers too
	Inputs       []ValueInfo
	Outputs      []ValueInfo
}

// Node is a NodeProto. An absent optional input or output is "".
type Node struct {
	Name       string
	OpType     string
	Domain     string
	Overload   string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is an AttributeProto; Type says which of the other fields counts.
type Attribute struct {
	Name    string
	Type    AttributeType
	Float   float32
	Int     int64
	String  string
	Tensor  *Tensor
	Graph   *Graph
	Floats  []float32
	Ints    []int64
	Strings []string
	Tensors []Tensor
	Graphs  []Graph
	Sparse  *SparseTensor
	Of      *TypeInfo // of a TypeAttribute
	// Reference is the attribute of the function around that this one stands for.
	Reference string
}

// AttributeType is AttributeProto.AttributeType.
type AttributeType int32

// The attribute types.
const (
	FloatAttribute   AttributeType = 1
	IntAttribute     AttributeType = 2
	StringAttribute  AttributeType = 3
	TensorAttribute  AttributeType = 4
	GraphAttribute   AttributeType = 5
	FloatsAttribute  AttributeType = 6
	IntsAttribute    AttributeType = 7
	StringsAttribute AttributeType = 8
	TensorsAttribute AttributeType = 9
	GraphsAttribute  AttributeType = 10
	SparseAttribute  AttributeType = 11
	TypeAttribute    AttributeType = 13
)

// DataType is TensorProto.DataType.
type DataType int32

// The element types.
const (
	Float          DataType = 1
	Uint8          DataType = 2
	Int8           DataType = 3
	Uint16         DataType = 4
	Int16          DataType = 5
	Int32          DataType = 6
	Int64          DataType = 7
	String         DataType = 8
	Bool           DataType = 9
	Float16        DataType = 10
	Double         DataType = 11
	Uint32         DataType = 12
	Uint64         DataType = 13
	Complex64      DataType = 14
	Complex128     DataType = 15
	BFloat16       DataType = 16
	Float8E4M3FN   DataType = 17
	Float8E4M3FNUZ DataType = 18
	Float8E5M2     DataType = 19
	Float8E5M2FNUZ DataType = 20
	Uint4          DataType = 21
	Int4           DataType = 22
	Float4E2M1     DataType = 23
	Float8E8M0     DataType = 24
)

// Tensor is a TensorProto. Its elements are in Raw, little-endian, or else in
// the list of its type, or in another file.
type Tensor struct {
	Name    string
	Type    DataType
	Dims    []int64
	Raw     []byte
	Floats  []float32 // float32, complex64
	Int32s  []int32   // all types of 16 bits and fewer, and int32
	Strings []string
	Int64s  []int64
	Doubles []float64 // float64, complex128
	Uint64s []uint64  // uint32, uint64
	// External says that the elements are in another file.
	External bool
	// Location is that file, Offset and Length where in it; a Length of 0 is the
	// rest.
	Location       string
	Offset, Length int64
}

// SparseTensor is a SparseTensorProto: the elements of a tensor that are not 0.
type SparseTensor struct {
	Values, Indices Tensor
	Dims            []int64
}

// ValueInfo names a graph's input or output and gives its type.
type ValueInfo struct {
	Name string
	TypeInfo
}

// TypeInfo is a TypeProto.
type TypeInfo struct {
	// Type is 0 for a value that is not a dense tensor.
	Type DataType
	// Shape is nil if the rank is unknown, empty for a scalar.
	Shape []Dim
	// Kind tells what else the value is; Elem is the type of its elements, and Key
	// that of a map's keys.
	Kind TypeKind
	Key  DataType
	Elem *TypeInfo
}

// TypeKind is the case of TypeProto.
type TypeKind uint8

// The kinds of types. A sparse tensor or an opaque type is Other.
const (
	TensorType TypeKind = iota
	SequenceType
	OptionalType
	MapType
	OtherType
)

// Dim is an extent: a Value, or if that is 0, a symbol, which may be "". Given
// tells an extent of 0 from none.
type Dim struct {
	Value  int64
	Given  bool
	Symbol string
}
