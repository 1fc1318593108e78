package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// sequences are the operators on sequences and optionals.
var sequences = family{
	"ConcatFromSequence": concatFromSequence,
	"Optional":           optional,
	"OptionalGetElement": plain(ir.OptionalGetElement{}),
	"OptionalHasElement": plain(ir.OptionalHasElement{}),
	"SequenceAt":         plain(ir.SequenceAt{}),
	"SequenceConstruct":  plain(ir.SequenceConstruct{}),
	"SequenceEmpty":      sequenceEmpty,
	"SequenceErase":      plain(ir.SequenceErase{}),
	"SequenceInsert":     plain(ir.SequenceInsert{}),
	"SequenceLength":     plain(ir.SequenceLength{}),
	"SplitToSequence":    splitToSequence,
}

func concatFromSequence(r *reading) ir.Operator {
	r.required("axis")
	return ir.ConcatFromSequence{Axis: r.int("axis", 0), NewAxis: r.flag("new_axis", false)}
}

// optional of its input, or of none with a type.
func optional(r *reading) ir.Operator {
	a := r.attribute("type", TypeAttribute)
	given := len(r.node.Inputs) > 0 && r.node.Inputs[0] != ""
	switch {
	case given:
		return ir.Optional{}
	case a == nil || a.Of == nil:
		r.fail(fmt.Errorf("neither an input nor attribute %q is given", "type"))
		return ir.Optional{}
	}
	elem, err := a.Of.typeOf()
	r.fail(err)
	return ir.Optional{Elem: elem}
}

func sequenceEmpty(r *reading) ir.Operator {
	dtype := r.dtype("dtype")
	if dtype == tensor.Invalid {
		dtype = tensor.Float32
	}
	return ir.SequenceEmpty{DType: dtype}
}

func splitToSequence(r *reading) ir.Operator {
	return ir.SplitToSequence{Axis: r.int("axis", 0), KeepDims: r.flag("keepdims", true)}
}
