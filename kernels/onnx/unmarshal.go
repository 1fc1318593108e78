package onnx

import (
	"errors"
	"fmt"

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
	read bool // a field that models have
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

func (d *decoder) graph(b []byte, g *Graph) error {
	return eachField(b, func(f field) error {
		switch f.number {
		case 1:
			if err := atMost(len(g.Nodes)+1, d.limits.Nodes, "nodes"); err != nil {
				return err
			}
			return many(&d.spending, f, "node", &g.Nodes, d.node)
		case 2:
			return d.text(f, &g.Name)
		case 5:
			return many(&d.spending, f, "initializer", &g.Initializers, d.tensor)
		case 11:
			return many(&d.spending, f, "input", &g.Inputs, d.valueInfo)
		case 12:
			return many(&d.spending, f, "output", &g.Outputs, d.valueInfo)
		case 15:
			return errors.New("sparse initializers are not supported, only dense ones")
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
			return d.text(f, &a.String)
		case 5:
			return one(f, "tensor", &a.Tensor, d.tensor)
		case 7:
			return d.float32s(f, &a.Floats)
		case 8:
			return d.int64s(f, &a.Ints)
		case 20:
			return enum(f, &a.Type)
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
		case 7:
			return d.int64s(f, &t.Int64s)
		case 8:
			return d.text(f, &t.Name)
		case 9:
			t.Raw = f.bytes
			return f.is(protowire.BytesType)
		case 13:
			t.External = true
		case 14:
			t.External = t.External || f.scalar == external
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
			return d.typeProto(f, v)
		}
		return nil
	})
}

// typeProto reads TypeProto.tensor_type and leaves any other type 0.
func (d *decoder) typeProto(f field, v *ValueInfo) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	return eachField(f.bytes, func(f field) error {
		if f.number != 1 {
			return nil
		}
		if err := f.is(protowire.BytesType); err != nil {
			return err
		}
		return eachField(f.bytes, func(f field) error {
			switch f.number {
			case 1:
				return enum(f, &v.Type)
			case 2:
				return d.shape(f, v)
			}
			return nil
		})
	})
}

func (d *decoder) shape(f field, v *ValueInfo) error {
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
			return f.int64(&to.Value)
		case 2:
			return d.text(f, &to.Symbol)
		}
		return nil
	})
}
