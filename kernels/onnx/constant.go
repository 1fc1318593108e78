package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// constant imports a Constant node as an initializer. (ONNX Constant-24.)
func (im *importer) constant(n *Node) error {
	if len(n.Outputs) != 1 || len(n.Attributes) != 1 || len(n.Inputs) != 0 {
		return fmt.Errorf("%d inputs, %d attributes and %d outputs, want 0, 1 and 1", len(n.Inputs), len(n.Attributes), len(n.Outputs))
	}
	name := n.Outputs[0]
	if _, taken := im.values[name]; taken || im.constants[name] != nil || im.sparse[name] != nil || name == "" {
		return fmt.Errorf("%q is given twice or empty", name)
	}
	a, err := im.resolved(n.Attributes[0])
	if err != nil {
		return err
	}
	if a.Name == "sparse_value" && a.Type == SparseAttribute && a.Sparse != nil {
		im.sparse[name] = a.Sparse
		return nil
	}
	t, err := a.constant()
	if err != nil {
		return err
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
	case a.Name == "value_string" && a.Type == StringAttribute:
		return &Tensor{Name: a.Name, Type: String, Strings: []string{a.String}}, nil
	case a.Name == "value_strings" && a.Type == StringsAttribute:
		return &Tensor{Name: a.Name, Type: String, Dims: []int64{int64(len(a.Strings))}, Strings: a.Strings}, nil
	}
	return nil, fmt.Errorf("attribute %q of type %v is not supported; supported are value, sparse_value, value_float, value_floats, value_int, value_ints, value_string, value_strings", a.Name, a.Type)
}

// decoded is an initializer's tensor, of this file or another.
func (im *importer) decoded(t *Tensor) (*tensor.Tensor, error) {
	raw := t.Raw
	if t.External {
		var err error
		if raw, err = im.file.external(t); err != nil {
			return nil, fmt.Errorf("tensor %q: its external data: %w", t.Name, err)
		}
	}
	out, err := t.decode(raw)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if copied := im.file.folder.Copied; copied != nil && len(raw) >= copiedBytes && !shares(out, raw) {
		copied(raw)
	}
	return out, nil
}

// shares reports whether a tensor's elements are in raw.
func shares(t *tensor.Tensor, raw []byte) bool {
	own, err := t.Bytes()
	return err == nil && len(own) > 0 && &own[0] == &raw[0]
}
