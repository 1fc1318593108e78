package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// reading is one node whose attributes and inputs become an operator. Its
// methods note the attributes that they are asked for, so that any other is
// refused, and keep the first error.
type reading struct {
	*importer
	node     *Node
	opset    int64 // of the node's domain
	inputs   []ir.ValueID
	captured []ir.ValueID // that bodies take from the graph around them
	asked    []string
	err      error
}

// operator decodes the node in full.
func (r *reading) operator() (ir.Operator, error) {
	key := operatorKey{domain: canonical(r.node.Domain), name: r.node.OpType}
	decode, ok := operators[key]
	if !ok {
		return nil, r.unknown(key)
	}
	if err := r.resolve(); err != nil {
		return nil, err
	}
	op := decode(r)
	if r.err == nil {
		r.err = r.unasked()
	}
	if r.err == nil && r.inputs == nil {
		r.inputs, r.err = r.values(r.node.Inputs)
	}
	r.inputs = append(r.inputs, r.captured...)
	return op, r.err
}

// resolve replaces the attributes that stand for others of a function's call. One
// that the call leaves out is absent here too.
func (r *reading) resolve() error {
	if !slices.ContainsFunc(r.node.Attributes, func(a Attribute) bool { return a.Reference != "" }) {
		return nil
	}
	n := *r.node
	n.Attributes = nil
	for _, a := range r.node.Attributes {
		if _, given := r.attributes[a.Reference]; a.Reference != "" && !given {
			continue
		}
		a, err := r.resolved(a)
		if err != nil {
			return err
		}
		n.Attributes = append(n.Attributes, a)
	}
	r.node = &n
	return nil
}

// ignored are attributes of old operator sets that never mean anything to a
// result.
var ignored = []string{"consumed_inputs"}

// unasked refuses attributes that no one asked for, and repeated ones.
func (r *reading) unasked() error {
	seen := map[string]bool{}
	for _, a := range r.node.Attributes {
		if seen[a.Name] {
			return fmt.Errorf("attribute %q is given twice", a.Name)
		}
		seen[a.Name] = true
		if !slices.Contains(r.asked, a.Name) && !slices.Contains(ignored, a.Name) {
			return fmt.Errorf("attribute %q of %s in operator set %d is not supported; supported are [%s]",
				a.Name, r.node.OpType, r.opset, strings.Join(r.asked, ", "))
		}
	}
	return nil
}

func (r *reading) values(names []string) ([]ir.ValueID, error) {
	ids := make([]ir.ValueID, len(names))
	for i, name := range names {
		id, err := r.value(name)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		ids[i] = id
	}
	return ids, nil
}

// only takes the node's first n inputs, for an operator whose other inputs
// this operator set does not have or the importer has dealt with.
func (r *reading) only(n int) {
	if len(r.node.Inputs) < n {
		r.fail(fmt.Errorf("%d inputs, want %d", len(r.node.Inputs), n))
		return
	}
	inputs, err := r.values(r.node.Inputs[:n])
	r.inputs = inputs
	r.fail(err)
}

// exactly refuses another number of inputs and takes them.
func (r *reading) exactly(n int) {
	if len(r.node.Inputs) > n {
		r.fail(fmt.Errorf("%d inputs in operator set %d, want %d", len(r.node.Inputs), r.opset, n))
		return
	}
	r.only(n)
}

// constantInput appends an input that an older operator set has as an
// attribute.
func (r *reading) constantInput(name string, t *tensor.Tensor, err error) {
	if r.fail(err); r.err != nil {
		return
	}
	id := ir.ValueID(len(r.graph.Values))
	r.graph.Values = append(r.graph.Values, ir.Value{
		Name: r.node.label() + " " + name,
		Info: ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t},
	})
	r.inputs = append(r.inputs, id)
}

// axesInput moves the attribute axes to the second input.
func (r *reading) axesInput() {
	r.exactly(1)
	if axes, ok := r.ints("axes"); ok {
		t, err := tensor.Of(axes, len(axes))
		r.constantInput("axes", t, err)
	}
}

func (r *reading) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// attribute finds an attribute and checks its type.
func (r *reading) attribute(name string, want AttributeType) *Attribute {
	r.asked = append(r.asked, name)
	for i := range r.node.Attributes {
		a := &r.node.Attributes[i]
		if a.Name != name {
			continue
		}
		if a.Type == 0 {
			a.Type = a.shown() // the first files did not say it
		}
		if a.Type != want {
			r.fail(fmt.Errorf("attribute %q is of type %v, want %v", name, a.Type, want))
			return nil
		}
		return a
	}
	return nil
}

func (r *reading) int(name string, absent int64) int {
	if a := r.attribute(name, IntAttribute); a != nil {
		return int(a.Int)
	}
	return int(absent)
}

// flag reads an int that is 0 or 1.
func (r *reading) flag(name string, absent bool) bool {
	a := r.attribute(name, IntAttribute)
	if a == nil {
		return absent
	}
	if a.Int != 0 && a.Int != 1 {
		r.fail(fmt.Errorf("attribute %q is %d, want 0 or 1", name, a.Int))
	}
	return a.Int == 1
}

// fixed admits an int attribute with one value only.
func (r *reading) fixed(name string, want int64) {
	if a := r.attribute(name, IntAttribute); a != nil && a.Int != want {
		r.fail(fmt.Errorf("attribute %q is %d; supported is %d", name, a.Int, want))
	}
}

func (r *reading) float(name string, absent float32) float32 {
	if a := r.attribute(name, FloatAttribute); a != nil {
		return a.Float
	}
	return absent
}

func (r *reading) ints(name string) ([]int64, bool) {
	if a := r.attribute(name, IntsAttribute); a != nil {
		return a.Ints, true
	}
	return nil, false
}

// required refuses the absence of an attribute.
func (r *reading) required(name string) {
	if !slices.ContainsFunc(r.node.Attributes, func(a Attribute) bool { return a.Name == name }) {
		r.fail(fmt.Errorf("attribute %q is missing", name))
	}
}

// window reads the attributes that convolutions and pools share.
func (r *reading) window() ir.Window {
	w := ir.Window{
		Kernel: r.list("kernel_shape"), Strides: r.list("strides"),
		Dilations: r.list("dilations"), Pads: r.list("pads"),
	}
	rule := "NOTSET"
	if a := r.attribute("auto_pad", StringAttribute); a != nil {
		rule = a.String
	}
	var known bool
	if w.AutoPad, known = autoPads[rule]; !known {
		r.fail(fmt.Errorf(`attribute "auto_pad" is %q; supported are NOTSET, SAME_LOWER, SAME_UPPER, VALID`, rule))
	}
	if w.AutoPad != ir.PadExplicit && slices.ContainsFunc(w.Pads, func(p int) bool { return p != 0 }) {
		r.fail(fmt.Errorf(`attributes "pads" %v and "auto_pad" %s contradict each other`, w.Pads, rule))
	}
	return w
}

var autoPads = map[string]ir.AutoPad{
	"NOTSET": ir.PadExplicit, "": ir.PadExplicit, "VALID": ir.PadValid,
	"SAME_UPPER": ir.PadSameUpper, "SAME_LOWER": ir.PadSameLower,
}

// list reads ints for a window, nil if absent.
func (r *reading) list(name string) []int {
	values, ok := r.ints(name)
	if !ok {
		return nil
	}
	list := make([]int, len(values))
	for i, v := range values {
		list[i] = int(v)
	}
	return list
}

// shown is the type of an attribute's only body, or the one asked for if it has
// none.
func (a *Attribute) shown() AttributeType {
	switch {
	case a.Floats != nil:
		return FloatsAttribute
	case a.Ints != nil:
		return IntsAttribute
	case a.Strings != nil:
		return StringsAttribute
	case a.Tensor != nil:
		return TensorAttribute
	case a.Graph != nil:
		return GraphAttribute
	case a.String != "":
		return StringAttribute
	case a.Float != 0:
		return FloatAttribute
	}
	return IntAttribute
}

// text reads a string attribute.
func (r *reading) text(name, absent string) string {
	if a := r.attribute(name, StringAttribute); a != nil {
		return a.String
	}
	return absent
}

// choice reads a string attribute that is one of a few.
func (r *reading) choice(name, absent string, among ...string) string {
	v := r.text(name, absent)
	if !slices.Contains(among, v) {
		r.fail(fmt.Errorf("attribute %q is %q; supported are %s", name, v, strings.Join(among, ", ")))
	}
	return v
}

func (r *reading) floats(name string) ([]float32, bool) {
	if a := r.attribute(name, FloatsAttribute); a != nil {
		return a.Floats, true
	}
	return nil, false
}

func (r *reading) texts(name string) ([]string, bool) {
	if a := r.attribute(name, StringsAttribute); a != nil {
		return a.Strings, true
	}
	return nil, false
}

// tensor reads a tensor attribute; nil if it is absent.
func (r *reading) tensor(name string) *tensor.Tensor {
	a := r.attribute(name, TensorAttribute)
	if a == nil || a.Tensor == nil {
		return nil
	}
	t, err := r.decoded(a.Tensor)
	if err != nil {
		r.fail(fmt.Errorf("attribute %q: %w", name, err))
	}
	return t
}

// dtype reads an element type by its number in ONNX; Invalid if it is absent.
func (r *reading) dtype(name string) tensor.DType {
	a := r.attribute(name, IntAttribute)
	if a == nil {
		return tensor.Invalid
	}
	dtype, err := DataType(a.Int).dtype()
	if err != nil {
		r.fail(fmt.Errorf("attribute %q: %w", name, err))
	}
	return dtype
}

// skip admits attributes that mean nothing to a result.
func (r *reading) skip(names ...string) { r.asked = append(r.asked, names...) }

func (t AttributeType) String() string {
	switch t {
	case FloatAttribute:
		return "float"
	case IntAttribute:
		return "int"
	case StringAttribute:
		return "string"
	case TensorAttribute:
		return "tensor"
	case FloatsAttribute:
		return "floats"
	case IntsAttribute:
		return "ints"
	case StringsAttribute:
		return "strings"
	case GraphAttribute:
		return "graph"
	case TensorsAttribute:
		return "tensors"
	case SparseAttribute:
		return "sparse tensor"
	case TypeAttribute:
		return "type"
	}
	return fmt.Sprintf("%d", int32(t))
}
