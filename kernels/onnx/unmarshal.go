package onnx

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Unmarshal decodes a file without judging what its graph means. The model's
// raw tensor data are parts of data, which must not change while it is used.
// Unknown fields are skipped, as protobuf asks.
func Unmarshal(data []byte, limits Limits) (*Model, error) {
	d := decoder{spending: spending{limits: limits}}
	if err := atMost(len(data), limits.FileBytes, "bytes"); err != nil {
		return nil, fmt.Errorf("decode ONNX file: %w", err)
	}
	m := new(Model)
	if err := d.model(data, m); err != nil {
		return nil, foreign(data, d.read, err)
	}
	return m, nil
}

// decoder has one method a message of onnx.proto; the cases are its field
// numbers.
type decoder struct {
	spending
	read  bool // a field that models have
	nodes int  // so far
	depth int  // of graphs, or types, within each other
}

func (d *decoder) model(b []byte, m *Model) error {
	var graph *Graph
	err := eachField(b, func(f field) (err error) {
		switch f.number {
		case 1:
			err = f.int64(&m.IRVersion)
		case 2:
			err = d.text(f, &m.Producer)
		case 3:
			err = d.text(f, &m.ProducerVersion)
		case 7:
			d.read = d.read || f.wire == protowire.BytesType
			err = one(f, "graph", &graph, d.graph)
		case 8:
			err = many(&d.spending, f, "opset import", &m.Opsets, d.opset)
		case 25:
			err = many(&d.spending, f, "function", &m.Functions, d.function)
		default:
			return nil
		}
		d.read = d.read || err == nil
		return err
	})
	if err != nil {
		return err
	}
	if graph == nil {
		return errors.New("it holds no graph")
	}
	m.Graph = *graph
	return nil
}

func (d *decoder) opset(b []byte, o *Opset) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.text(f, &o.Domain)
		case 2:
			return f.int64(&o.Version)
		}
		return nil
	})
}

func (d *decoder) function(b []byte, fn *Function) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.text(f, &fn.Name)
		case 4:
			return d.texts(f, &fn.Inputs)
		case 5:
			return d.texts(f, &fn.Outputs)
		case 6:
			return d.texts(f, &fn.Attributes)
		case 7:
			return d.anotherNode(f, &fn.Nodes)
		case 9:
			return many(&d.spending, f, "opset import", &fn.Opsets, d.opset)
		case 10:
			return d.text(f, &fn.Domain)
		case 11:
			return many(&d.spending, f, "attribute", &fn.Defaults, d.attribute)
		case 13:
			return d.text(f, &fn.Overload)
		}
		return nil
	})
}

// anotherNode reads one more node of a list; Limits.Nodes spans the file.
func (d *decoder) anotherNode(f field, list *[]Node) error {
	d.nodes++
	if err := atMost(d.nodes, d.limits.Nodes, "nodes"); err != nil {
		return err
	}
	return many(&d.spending, f, "node", list, d.node)
}

// graph reads a graph, which may be an attribute of a node of another.
func (d *decoder) graph(b []byte, g *Graph) error {
	d.depth++
	defer func() { d.depth-- }()
	if err := atMost(d.depth, d.limits.Depth, "graphs within each other"); err != nil {
		return err
	}
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.anotherNode(f, &g.Nodes)
		case 2:
			return d.text(f, &g.Name)
		case 5:
			return many(&d.spending, f, "initializer", &g.Initializers, d.tensor)
		case 11:
			return many(&d.spending, f, "input", &g.Inputs, d.valueInfo)
		case 12:
			return many(&d.spending, f, "output", &g.Outputs, d.valueInfo)
		case 15:
			return many(&d.spending, f, "sparse initializer", &g.Sparse, d.sparse)
		}
		return nil
	})
}

func (d *decoder) node(b []byte, n *Node) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.texts(f, &n.Inputs)
		case 2:
			return d.texts(f, &n.Outputs)
		case 3:
			return d.text(f, &n.Name)
		case 4:
			return d.text(f, &n.OpType)
		case 5:
			return many(&d.spending, f, "attribute", &n.Attributes, d.attribute)
		case 7:
			return d.text(f, &n.Domain)
		case 8:
			return d.text(f, &n.Overload)
		}
		return nil
	})
}

func (d *decoder) attribute(b []byte, a *Attribute) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.text(f, &a.Name)
		case 2:
			return f.float32(&a.Float)
		case 3:
			return f.int64(&a.Int)
		case 4:
			return d.data(f, &a.String)
		case 5:
			return one(f, "tensor", &a.Tensor, d.tensor)
		case 6:
			return one(f, "graph", &a.Graph, d.graph)
		case 7:
			return d.float32s(f, &a.Floats)
		case 8:
			return d.int64s(f, &a.Ints)
		case 9:
			return d.datas(f, &a.Strings)
		case 10:
			return many(&d.spending, f, "tensor", &a.Tensors, d.tensor)
		case 11:
			return many(&d.spending, f, "graph", &a.Graphs, d.graph)
		case 14:
			return one(f, "type", &a.Of, d.typeInfo)
		case 20:
			return enum(f, &a.Type)
		case 21:
			return d.text(f, &a.Reference)
		case 22:
			return one(f, "sparse tensor", &a.Sparse, d.sparse)
		}
		return nil
	})
}

// external is TensorProto.DataLocation.EXTERNAL.
const external = 1

func (d *decoder) tensor(b []byte, t *Tensor) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			if err := d.int64s(f, &t.Dims); err != nil {
				return err
			}
			return atMost(len(t.Dims), d.limits.Rank, "dimensions")
		case 2:
			return enum(f, &t.Type)
		case 4:
			return d.float32s(f, &t.Floats)
		case 5:
			return varintList(&d.spending, f, 4, &t.Int32s)
		case 6:
			return d.datas(f, &t.Strings)
		case 7:
			return d.int64s(f, &t.Int64s)
		case 8:
			return d.text(f, &t.Name)
		case 9:
			t.Raw = f.bytes
			return f.is(protowire.BytesType)
		case 10:
			return d.float64s(f, &t.Doubles)
		case 11:
			return varintList(&d.spending, f, 8, &t.Uint64s)
		case 13:
			t.External = true
			return d.place(f, t)
		case 14:
			t.External = t.External || f.scalar == external
		}
		return nil
	})
}

// place reads one StringStringEntryProto of where external data are.
func (d *decoder) place(f field, t *Tensor) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	var key, value string
	err := eachField(f.bytes, func(f field) error {
		switch f.number {
		case 1:
			return d.text(f, &key)
		case 2:
			return d.text(f, &value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch key {
	case "location":
		t.Location = value
	case "offset":
		t.Offset, err = strconv.ParseInt(value, 10, 64)
	case "length":
		t.Length, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil || t.Offset < 0 || t.Length < 0 {
		return fmt.Errorf("external data: its %s is %q", key, value)
	}
	return nil
}

func (d *decoder) sparse(b []byte, s *SparseTensor) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.tensor(f.bytes, &s.Values)
		case 2:
			return d.tensor(f.bytes, &s.Indices)
		case 3:
			if err := d.int64s(f, &s.Dims); err != nil {
				return err
			}
			return atMost(len(s.Dims), d.limits.Rank, "dimensions")
		}
		return nil
	})
}

func (d *decoder) valueInfo(b []byte, v *ValueInfo) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return d.text(f, &v.Name)
		case 2:
			if err := f.is(protowire.BytesType); err != nil {
				return err
			}
			return d.typeInfo(f.bytes, &v.TypeInfo)
		}
		return nil
	})
}

// typeInfo reads a TypeProto, which may hold another.
func (d *decoder) typeInfo(b []byte, t *TypeInfo) error {
	d.depth++
	defer func() { d.depth-- }()
	if err := atMost(d.depth, d.limits.Depth, "types within each other"); err != nil {
		return err
	}
	return eachField(b, func(f field) error {
		kind, ok := typeKinds[f.number]
		if !ok {
			return nil
		}
		if err := f.is(protowire.BytesType); err != nil {
			return err
		}
		t.Kind = kind
		return eachField(f.bytes, func(f field) error {
			switch {
			case kind == TensorType && f.number == 1:
				return enum(f, &t.Type)
			case kind == TensorType && f.number == 2:
				return d.shape(f, t)
			case kind == MapType && f.number == 1:
				return enum(f, &t.Key)
			case kind == MapType && f.number == 2, (kind == SequenceType || kind == OptionalType) && f.number == 1:
				return one(f, "element type", &t.Elem, d.typeInfo)
			}
			return nil
		})
	})
}

// typeKinds are the cases of TypeProto, by field number.
var typeKinds = map[protowire.Number]TypeKind{1: TensorType, 4: SequenceType, 5: MapType, 7: OtherType, 8: OtherType, 9: OptionalType}

func (d *decoder) shape(f field, v *TypeInfo) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	v.Shape = []Dim{}
	return eachField(f.bytes, func(f field) error {
		if f.number != 1 {
			return nil
		}
		if err := atMost(len(v.Shape)+1, d.limits.Rank, "dimensions"); err != nil {
			return err
		}
		return many(&d.spending, f, "dimension", &v.Shape, d.dim)
	})
}

func (d *decoder) dim(b []byte, to *Dim) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			err := f.int64(&to.Value)
			to.Given = to.Value == 0
			return err
		case 2:
			return d.text(f, &to.Symbol)
		}
		return nil
	})
}
