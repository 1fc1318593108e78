package reference

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// sequential finds the loops of an operator on sequences or optionals. A sequence
// is never changed: another one shares its elements.
func sequential(op ir.Operator) (kernel, bool) {
	give := func(needs int, make func(in []tensor.Value) (tensor.Value, error)) (kernel, bool) {
		return kernel{needs: needs, give: func(_ *ir.Watch, in []tensor.Value) ([]tensor.Value, error) {
			v, err := make(append(slices.Clone(in), nil, nil, nil))
			return []tensor.Value{v}, err
		}}, true
	}
	switch op := op.(type) {
	case ir.SequenceConstruct:
		return kernel{needs: 1, give: func(_ *ir.Watch, in []tensor.Value) ([]tensor.Value, error) {
			return construct(in)
		}}, true
	case ir.SequenceEmpty:
		return give(0, func([]tensor.Value) (tensor.Value, error) {
			return &tensor.Sequence{Elem: tensor.Type{DType: op.DType}}, nil
		})
	case ir.SequenceAt:
		return give(2, func(in []tensor.Value) (tensor.Value, error) { return elementAt(in[0], in[1]) })
	case ir.SequenceInsert:
		return give(2, func(in []tensor.Value) (tensor.Value, error) { return insert(in[0], in[1], in[2]) })
	case ir.SequenceErase:
		return give(1, func(in []tensor.Value) (tensor.Value, error) { return erase(in[0], in[1]) })
	case ir.SequenceLength:
		return give(1, func(in []tensor.Value) (tensor.Value, error) {
			s, err := sequenceOf(in[0])
			if err != nil {
				return nil, err
			}
			return tensor.Of([]int64{int64(len(s.Values))})
		})
	case ir.ConcatFromSequence:
		return give(1, func(in []tensor.Value) (tensor.Value, error) { return join(op, in[0]) })
	case ir.SplitToSequence:
		return give(1, func(in []tensor.Value) (tensor.Value, error) { return splitToSequence(op, in[0], in[1]) })
	case ir.Optional:
		return give(0, func(in []tensor.Value) (tensor.Value, error) {
			if in[0] == nil {
				return &tensor.Optional{Elem: op.Elem}, nil
			}
			return &tensor.Optional{Elem: in[0].Type(), Value: in[0]}, nil
		})
	case ir.OptionalHasElement:
		return give(0, func(in []tensor.Value) (tensor.Value, error) {
			o, ok := in[0].(*tensor.Optional)
			return tensor.Of([]bool{in[0] != nil && (!ok || o.Value != nil)})
		})
	case ir.OptionalGetElement:
		return give(1, func(in []tensor.Value) (tensor.Value, error) {
			o, ok := in[0].(*tensor.Optional)
			switch {
			case !ok:
				return in[0], nil
			case o.Value == nil:
				return nil, fmt.Errorf("input 0 (input) is %v", o)
			}
			return o.Value, nil
		})
	}
	return kernel{}, false
}

// sequenceOf is a sequence, which may be the value of an optional.
func sequenceOf(v tensor.Value) (*tensor.Sequence, error) {
	s, ok := v.(*tensor.Sequence)
	if !ok {
		return nil, fmt.Errorf("input 0 is a %v, not a sequence", v.Type())
	}
	return s, nil
}

// construct makes a sequence of the inputs (ONNX SequenceConstruct-11).
func construct(in []tensor.Value) ([]tensor.Value, error) {
	for i, v := range in {
		if v == nil || !v.Type().Equal(in[0].Type()) {
			return nil, fmt.Errorf("input %d is %v and input 0 %v", i, v, in[0])
		}
	}
	return []tensor.Value{&tensor.Sequence{Elem: in[0].Type(), Values: slices.Clone(in)}}, nil
}

// place reads a position among n, which may be negative.
func place(v tensor.Value, n int) (int, error) {
	t, ok := v.(*tensor.Tensor)
	if !ok || t.Len() != 1 || t.DType() != tensor.Int64 && t.DType() != tensor.Int32 {
		return 0, fmt.Errorf("input position is %v, want one int64 or int32", v)
	}
	return indexIn(wholes(t)[0], n, "input position")
}

// elementAt is one element (ONNX SequenceAt-11).
func elementAt(v, at tensor.Value) (tensor.Value, error) {
	s, err := sequenceOf(v)
	if err != nil {
		return nil, err
	}
	i, err := place(at, len(s.Values))
	if err != nil {
		return nil, err
	}
	return s.Values[i], nil
}

// insert puts an element before a position or at the end (ONNX
// SequenceInsert-11); n elements have n + 1 such positions, and -1 is that before
// the last.
func insert(v, element, at tensor.Value) (tensor.Value, error) {
	s, err := sequenceOf(v)
	if err != nil {
		return nil, err
	}
	if !element.Type().Equal(s.Elem) && s.Elem.DType != tensor.Invalid {
		return nil, fmt.Errorf("input 1 (tensor) is %v, and the sequence of %v", element, s.Elem)
	}
	n := len(s.Values)
	if n >= ir.MaxSequence {
		return nil, fmt.Errorf("the sequence has %d elements, and that is the limit", n)
	}
	i := n
	if at != nil {
		t, ok := at.(*tensor.Tensor)
		if ok && t.Len() == 1 && len(wholes(t)) == 1 && wholes(t)[0] == int64(n) {
			i = n
		} else if i, err = place(at, n); err != nil {
			return nil, err
		}
	}
	return &tensor.Sequence{Elem: element.Type(), Values: slices.Insert(slices.Clone(s.Values), i, element)}, nil
}

// erase leaves one element out (ONNX SequenceErase-11).
func erase(v, at tensor.Value) (tensor.Value, error) {
	s, err := sequenceOf(v)
	if err != nil {
		return nil, err
	}
	i := len(s.Values) - 1
	if at != nil {
		if i, err = place(at, len(s.Values)); err != nil {
			return nil, err
		}
	}
	if i < 0 {
		return nil, fmt.Errorf("the sequence has no element to erase")
	}
	return &tensor.Sequence{Elem: s.Elem, Values: slices.Delete(slices.Clone(s.Values), i, i+1)}, nil
}

// join joins the tensors of a sequence (ONNX ConcatFromSequence-11).
func join(op ir.ConcatFromSequence, v tensor.Value) (tensor.Value, error) {
	s, err := sequenceOf(v)
	if err != nil {
		return nil, err
	}
	parts := make([]*tensor.Tensor, len(s.Values))
	for i, e := range s.Values {
		t, ok := e.(*tensor.Tensor)
		if !ok {
			return nil, fmt.Errorf("element %d of the sequence is a %v, not a tensor", i, e.Type())
		}
		if op.NewAxis {
			if t, err = unsqueezed(t, op.Axis); err != nil {
				return nil, err
			}
		}
		parts[i] = t
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("the sequence has no tensors to join")
	}
	concatenation := ir.Concat{Axis: op.Axis}
	out, err := results(concatenation, parts)
	if err != nil {
		return nil, err
	}
	if out[0].Len() == 0 {
		return out[0], nil
	}
	return out[0], concat(concatenation, parts, out[0])
}

// unsqueezed is a tensor with one more dimension of extent 1.
func unsqueezed(t *tensor.Tensor, axis int) (*tensor.Tensor, error) {
	at, err := ir.Axis(axis, len(t.Shape())+1)
	if err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	return t.Reshaped(slices.Insert(t.Shape().Clone(), at, 1)...)
}

// splitToSequence cuts X into a sequence (ONNX SplitToSequence-24).
func splitToSequence(op ir.SplitToSequence, x, split tensor.Value) (tensor.Value, error) {
	tensors, err := tensorsOf([]tensor.Value{x, split})
	if err != nil {
		return nil, err
	}
	if _, err := op.Infer(known(tensors)); err != nil {
		return nil, err
	}
	xt := tensors[0]
	axis := axisOf(op.Axis, len(xt.Shape()))
	sizes, err := partsOf(xt.Shape()[axis], tensors[1])
	if err != nil {
		return nil, err
	}
	out := &tensor.Sequence{Elem: xt.Type(), Values: make([]tensor.Value, len(sizes))}
	from := 0
	for i, n := range sizes {
		part, err := rangeOf(xt, axis, from, n)
		if err == nil && split == nil && !op.KeepDims {
			part, err = part.Reshaped(slices.Delete(part.Shape().Clone(), axis, axis+1)...)
		}
		if err != nil {
			return nil, err
		}
		out.Values[i] = part
		from += n
	}
	return out, nil
}

// partsOf are the extents of the parts of a dimension.
func partsOf(d int, split *tensor.Tensor) ([]int, error) {
	each := int64(1)
	switch {
	case split == nil:
	case len(split.Shape()) == 0:
		each = wholes(split)[0]
	default:
		if split.Len() > ir.MaxSequence {
			return nil, fmt.Errorf("input 1 (split) makes %d parts, more than the limit of %d", split.Len(), ir.MaxSequence)
		}
		if split.Len() == 0 && d == 0 {
			return nil, nil
		}
		return ir.SplitSizes(d, split.Len(), wholes(split))
	}
	if each < 1 {
		return nil, fmt.Errorf("input 1 (split) is %d", each)
	}
	each = min(each, int64(max(d, 1)))
	n := (d + int(each) - 1) / int(each)
	if n > ir.MaxSequence {
		return nil, fmt.Errorf("it makes %d parts, more than the limit of %d", n, ir.MaxSequence)
	}
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = min(int(each), d-i*int(each))
	}
	return sizes, nil
}

// rangeOf are n slices of X along an axis.
func rangeOf(xt *tensor.Tensor, axis, from, n int) (*tensor.Tensor, error) {
	shape := xt.Shape().Clone()
	shape[axis] = n
	yt, err := tensor.New(xt.DType(), shape...)
	if err != nil || yt.Len() == 0 {
		return yt, err
	}
	inner := size(shape[axis+1:])
	for o := range size(shape[:axis]) {
		if err := tensor.Copy(yt, o*n*inner, xt, (o*xt.Shape()[axis]+from)*inner, n*inner); err != nil {
			return nil, err
		}
	}
	return yt, nil
}
