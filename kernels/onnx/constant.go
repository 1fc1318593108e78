package onnx

import "fmt"

// constant imports a Constant node as an initializer. (ONNX Constant-13,
// without sparse and text values.)
func (im *importer) constant(n *Node) error {
	if len(n.Outputs) != 1 || len(n.Attributes) != 1 || len(n.Inputs) != 0 {
		return fmt.Errorf("%d inputs, %d attributes and %d outputs, want 0, 1 and 1", len(n.Inputs), len(n.Attributes), len(n.Outputs))
	}
	t, err := n.Attributes[0].constant()
	if err != nil {
		return err
	}
	name := n.Outputs[0]
	if _, taken := im.values[name]; taken || im.constants[name] != nil || name == "" {
		return fmt.Errorf("%q is given twice or empty", name)
	}
	im.constants[name] = t
	return nil
}

// constant is the attribute's value as a tensor.
func (a *Attribute) constant() (*Tensor, error) {
	switch {
	case a.Name == "value" && a.Type == TensorAttribute && a.Tensor != nil:
		return a.Tensor, nil
	case a.Name == "value_float" && a.Type == FloatAttribute:
		return &Tensor{Name: a.Name, Type: Float, Floats: []float32{a.Float}}, nil
	case a.Name == "value_floats" && a.Type == FloatsAttribute:
		return &Tensor{Name: a.Name, Type: Float, Dims: []int64{int64(len(a.Floats))}, Floats: a.Floats}, nil
	case a.Name == "value_int" && a.Type == IntAttribute:
		return &Tensor{Name: a.Name, Type: Int64, Int64s: []int64{a.Int}}, nil
	case a.Name == "value_ints" && a.Type == IntsAttribute:
		return &Tensor{Name: a.Name, Type: Int64, Dims: []int64{int64(len(a.Ints))}, Int64s: a.Ints}, nil
	}
	return nil, fmt.Errorf("attribute %q of type %v is not supported; supported are value, value_float, value_floats, value_int, value_ints", a.Name, a.Type)
}
