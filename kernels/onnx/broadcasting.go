package onnx

import "github.com/squadron-edge/squadron/kernels/ir"

// broadcasting are the functions of the elements of inputs that are broadcast to
// each other.
var broadcasting = family{
	"Add":            legacy(ir.Add{}),
	"And":            legacy(ir.Binary{Func: "And"}),
	"Div":            legacy(ir.Binary{Func: "Div"}),
	"Equal":          legacy(ir.Binary{Func: "Equal"}),
	"Greater":        legacy(ir.Binary{Func: "Greater"}),
	"Less":           legacy(ir.Binary{Func: "Less"}),
	"Mul":            legacy(ir.Binary{Func: "Mul"}),
	"Or":             legacy(ir.Binary{Func: "Or"}),
	"Pow":            legacy(ir.Binary{Func: "Pow"}),
	"Sub":            legacy(ir.Binary{Func: "Sub"}),
	"Xor":            legacy(ir.Binary{Func: "Xor"}),
	"BitwiseAnd":     plain(ir.Binary{Func: "BitwiseAnd"}),
	"BitwiseOr":      plain(ir.Binary{Func: "BitwiseOr"}),
	"BitwiseXor":     plain(ir.Binary{Func: "BitwiseXor"}),
	"GreaterOrEqual": plain(ir.Binary{Func: "GreaterOrEqual"}),
	"LessOrEqual":    plain(ir.Binary{Func: "LessOrEqual"}),
	"PRelu":          prelu,

	"BitShift": bitShift,
	"Max":      plain(ir.Variadic{Func: "Max"}),
	"Mean":     plain(ir.Variadic{Func: "Mean"}),
	"Min":      plain(ir.Variadic{Func: "Min"}),
	"Mod":      mod,
	"Sum":      plain(ir.Variadic{Func: "Sum"}),
	"Where":    plain(ir.Where{}),
}

// legacy is an operator that before 7 broadcast its second input only if asked,
// and then from an axis of the first on.
func legacy(op ir.Operator) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		if r.opset >= 7 {
			return op
		}
		broadcast := r.flag("broadcast", false)
		if a := r.attribute("axis", IntAttribute); a != nil && broadcast {
			r.align(int(a.Int))
		}
		return op
	}
}

// align gives the second input the extents of 1 that let it broadcast from an axis
// of the first on.
func (r *reading) align(axis int) {
	if r.inputs == nil {
		r.exactly(2)
	}
	if r.err == nil {
		r.inputs[1] = r.before(ir.Align{Axis: axis}, r.inputs...)
	}
}

// prelu: before 7 the slope was one for each channel.
func prelu(r *reading) ir.Operator {
	op := ir.Binary{Func: "PRelu"}
	if r.opset >= 7 {
		return op
	}
	r.exactly(2)
	if r.err != nil {
		return op
	}
	if slope := r.graph.Values[r.inputs[1]]; slope.Const == nil || len(slope.Shape) == 1 {
		r.align(1)
	}
	return op
}

func mod(r *reading) ir.Operator { return ir.Mod{Fmod: r.flag("fmod", false)} }

func bitShift(r *reading) ir.Operator {
	r.required("direction")
	return ir.BitShift{Left: r.choice("direction", "", "LEFT", "RIGHT") == "LEFT"}
}
