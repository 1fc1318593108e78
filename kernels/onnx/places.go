package onnx

import (
	"fmt"
	"slices"
)

// Place says where in a file a tensor's numbers stand, little-endian and
// without gaps.
type Place struct {
	// Name is the initializer's, or that of the value that a Constant node
	// gives.
	Name   string
	Offset int64 // in the file
	Length int64
	// ElementSize is how many bytes a number takes: 1, 2, 4 or 8. It is 1 for a
	// type that this project does not compute with and whose size is not one of
	// them.
	ElementSize int
}

// Places gives, in ascending order, where the tensors' raw data stand in a file,
// for whoever handles the file without reading what it means. Of element types
// it knows all that ONNX has. Numbers that are written one by one, as protobuf's
// floats and varints, have no place.
func Places(data []byte, limits Limits) ([]Place, error) {
	m, err := Unmarshal(data, limits)
	if err != nil {
		return nil, fmt.Errorf("find the tensors: %w", err)
	}
	var all []Place
	add := func(name string, t *Tensor) {
		if len(t.Raw) > 0 && !t.External {
			// Raw is a part of data that ends where data's memory does.
			all = append(all, Place{name, int64(cap(data) - cap(t.Raw)), int64(len(t.Raw)), t.Type.rawSize()})
		}
	}
	for i := range m.Graph.Initializers {
		add(m.Graph.Initializers[i].Name, &m.Graph.Initializers[i])
	}
	for _, n := range m.Graph.Nodes {
		for _, a := range n.Attributes {
			if a.Tensor != nil && len(n.Outputs) > 0 {
				add(n.Outputs[0], a.Tensor)
			}
		}
	}
	slices.SortFunc(all, func(a, b Place) int { return int(a.Offset - b.Offset) })
	return all, nil
}

// rawSize is the length of an element in raw data.
func (d DataType) rawSize() int {
	dtype, err := d.dtype()
	if err != nil {
		return 1
	}
	switch bits := dtype.Bits(); bits {
	case 16, 32, 64:
		return bits / 8
	}
	return 1 // bytes, and several to a byte
}
