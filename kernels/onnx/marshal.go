package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal encodes a model; the same model gives the same bytes. It refuses an
// attribute whose body Unmarshal would not read back.
func Marshal(m *Model) ([]byte, error) {
	var b message
	b.int64(1, m.IRVersion)
	b.text(2, m.Producer)
	b.text(3, m.ProducerVersion)
	graph, err := m.Graph.marshal()
	if err != nil {
		return nil, fmt.Errorf("encode ONNX model %q: %w", m.Graph.Name, err)
	}
	b.bytes(7, graph)
	for _, o := range m.Opsets {
		b.bytes(8, o.marshal())
	}
	for _, fn := range m.Functions {
		function, err := fn.marshal()
		if err != nil {
			return nil, fmt.Errorf("encode ONNX function %q: %w", fn.Name, err)
		}
		b.bytes(25, function)
	}
	return b, nil
}

func (fn *Function) marshal() (message, error) {
	var b message
	b.text(1, fn.Name)
	b.texts(4, fn.Inputs)
	b.texts(5, fn.Outputs)
	b.texts(6, fn.Attributes)
	for _, n := range fn.Nodes {
		node, err := n.marshal()
		if err != nil {
			return nil, fmt.Errorf("node %s %q: %w", n.OpType, n.Name, err)
		}
		b.bytes(7, node)
	}
	for _, o := range fn.Opsets {
		b.bytes(9, o.marshal())
	}
	b.text(10, fn.Domain)
	for _, a := range fn.Defaults {
		attribute, err := a.marshal()
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		b.bytes(11, attribute)
	}
	b.text(13, fn.Overload)
	return b, nil
}

func (o Opset) marshal() message {
	var b message
	b.text(1, o.Domain)
	b.int64(2, o.Version)
	return b
}

// message is an encoded protobuf message; its methods append a field.
type message []byte

func (b *message) int64(number protowire.Number, v int64) {
	*b = protowire.AppendTag(*b, number, protowire.VarintType)
	*b = protowire.AppendVarint(*b, uint64(v))
}

func (b *message) float32(number protowire.Number, v float32) {
	*b = protowire.AppendTag(*b, number, protowire.Fixed32Type)
	*b = protowire.AppendFixed32(*b, math.Float32bits(v))
}

// text leaves out an empty text, which is the default.
func (b *message) text(number protowire.Number, v string) {
	if v != "" {
		b.bytes(number, []byte(v))
	}
}

// texts writes each text, since an empty one keeps its place: of inputs, an absent
// one.
func (b *message) texts(number protowire.Number, list []string) {
	for _, v := range list {
		b.bytes(number, []byte(v))
	}
}

func (b *message) bytes(number protowire.Number, v []byte) {
	*b = protowire.AppendTag(*b, number, protowire.BytesType)
	*b = protowire.AppendBytes(*b, v)
}

// float32s writes a packed list, as onnx.proto declares the tensors' lists.
func (b *message) float32s(number protowire.Number, list []float32) {
	if len(list) == 0 {
		return
	}
	packed := make([]byte, 0, 4*len(list))
	for _, v := range list {
		packed = protowire.AppendFixed32(packed, math.Float32bits(v))
	}
	b.bytes(number, packed)
}

func (b *message) int64s(number protowire.Number, list []int64) {
	if len(list) == 0 {
		return
	}
	var packed []byte
	for _, v := range list {
		packed = protowire.AppendVarint(packed, uint64(v))
	}
	b.bytes(number, packed)
}

func (g *Graph) marshal() (message, error) {
	var b message
	for _, n := range g.Nodes {
		node, err := n.marshal()
		if err != nil {
			return nil, fmt.Errorf("node %s %q: %w", n.OpType, n.Name, err)
		}
		b.bytes(1, node)
	}
	b.text(2, g.Name)
	for _, t := range g.Initializers {
		b.bytes(5, t.marshal())
	}
	for _, v := range g.Inputs {
		b.bytes(11, v.marshal())
	}
	for _, v := range g.Outputs {
		b.bytes(12, v.marshal())
	}
	return b, nil
}

func (n *Node) marshal() (message, error) {
	var b message
	b.texts(1, n.Inputs)
	b.texts(2, n.Outputs)
	b.text(3, n.Name)
	b.text(4, n.OpType)
	for _, a := range n.Attributes {
		attribute, err := a.marshal()
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		b.bytes(5, attribute)
	}
	b.text(7, n.Domain)
	b.text(8, n.Overload)
	return b, nil
}

func (a *Attribute) marshal() (message, error) {
	var b message
	b.text(1, a.Name)
	if a.Reference != "" {
		b.text(21, a.Reference)
		b.int64(20, int64(a.Type))
		return b, nil
	}
	switch a.Type {
	case FloatAttribute:
		b.float32(2, a.Float)
	case IntAttribute:
		b.int64(3, a.Int)
	case StringAttribute:
		b.text(4, a.String)
	case TensorAttribute:
		if a.Tensor == nil {
			return nil, errors.New("it has no tensor")
		}
		b.bytes(5, a.Tensor.marshal())
	case GraphAttribute:
		if a.Graph == nil {
			return nil, errors.New("it has no graph")
		}
		graph, err := a.Graph.marshal()
		if err != nil {
			return nil, err
		}
		b.bytes(6, graph)
	case FloatsAttribute:
		b.float32s(7, a.Floats)
	case IntsAttribute:
		b.int64s(8, a.Ints)
	case StringsAttribute:
		for _, v := range a.Strings {
			b.bytes(9, []byte(v))
		}
	case TypeAttribute:
		if a.Of == nil {
			return nil, errors.New("it has no type")
		}
		b.bytes(14, a.Of.marshal())
	default:
		return nil, fmt.Errorf("type %d is not supported", a.Type)
	}
	b.int64(20, int64(a.Type))
	return b, nil
}

func (t *Tensor) marshal() message {
	var b message
	b.int64s(1, t.Dims)
	b.int64(2, int64(t.Type))
	b.float32s(4, t.Floats)
	varints := make([]int64, len(t.Int32s))
	for i, v := range t.Int32s {
		varints[i] = int64(v)
	}
	b.int64s(5, varints)
	for _, v := range t.Strings {
		b.bytes(6, []byte(v))
	}
	b.int64s(7, t.Int64s)
	b.text(8, t.Name)
	if t.Raw != nil {
		b.bytes(9, t.Raw)
	}
	if len(t.Doubles) > 0 {
		packed := make([]byte, 0, 8*len(t.Doubles))
		for _, v := range t.Doubles {
			packed = protowire.AppendFixed64(packed, math.Float64bits(v))
		}
		b.bytes(10, packed)
	}
	if len(t.Uint64s) > 0 {
		var packed []byte
		for _, v := range t.Uint64s {
			packed = protowire.AppendVarint(packed, v)
		}
		b.bytes(11, packed)
	}
	if t.External {
		b.bytes(13, entry("location", t.Location))
		b.bytes(13, entry("offset", fmt.Sprint(t.Offset)))
		b.bytes(13, entry("length", fmt.Sprint(t.Length)))
		b.int64(14, external)
	}
	return b
}

// entry is a StringStringEntryProto.
func entry(key, value string) message {
	var b message
	b.text(1, key)
	b.text(2, value)
	return b
}

func (v *ValueInfo) marshal() message {
	var b message
	b.text(1, v.Name)
	b.bytes(2, v.TypeInfo.marshal())
	return b
}

func (t *TypeInfo) marshal() message {
	var inner, b message
	switch t.Kind {
	case TensorType:
		inner.int64(1, int64(t.Type))
		if t.Shape != nil {
			var shape message
			for _, d := range t.Shape {
				shape.bytes(1, d.marshal())
			}
			inner.bytes(2, shape)
		}
		b.bytes(1, inner)
	case SequenceType:
		inner.bytes(1, t.Elem.marshal())
		b.bytes(4, inner)
	case OptionalType:
		inner.bytes(1, t.Elem.marshal())
		b.bytes(9, inner)
	case MapType:
		inner.int64(1, int64(t.Key))
		inner.bytes(2, t.Elem.marshal())
		b.bytes(5, inner)
	}
	return b
}

func (d *Dim) marshal() message {
	var b message
	if d.Value != 0 || d.Given {
		b.int64(1, d.Value)
	} else {
		b.text(2, d.Symbol)
	}
	return b
}
