package onnx

import "github.com/squadron-edge/squadron/kernels/ir"

// operators decodes each supported operator. "Since n" below is the operator
// set in which ONNX changed it.
var operators map[operatorKey]func(*reading) ir.Operator

func init() { // not with the variable: a body's operators are read with it
	operators = union(
		domain{"", common},
		domain{"", moving},
		domain{"", sequences},
		domain{"", control},
		domain{"", text},
		domain{"", linear},
		domain{"", reductions},
		domain{"", normalizations},
		domain{"", losses},
		domain{"", attentions},
		domain{"", recurrent},
		domain{"", signals},
		domain{"com.microsoft", skipNormalizations},
		domain{"ai.onnx.preview.training", optimizers},
		domain{"", pointwise}, domain{"", broadcasting}, domain{"", quantization}, domain{"", chance},
		domain{"com.microsoft", microsoftPointwise}, domain{"com.microsoft", microsoftQuantization},
		domain{"", spatial},
		domain{"ai.onnx.ml", classical},
	)
}

// family is the decoders of some operators of one domain, by name.
type family map[string]func(*reading) ir.Operator

// domain is a family and the domain of its operators.
type domain struct {
	name   string
	family family
}

// union lists the operators of all families.
func union(domains ...domain) map[operatorKey]func(*reading) ir.Operator {
	all := map[operatorKey]func(*reading) ir.Operator{}
	for _, d := range domains {
		for name, decode := range d.family {
			all[operatorKey{domain: d.name, name: name}] = decode
		}
	}
	return all
}

var common = family{
	"Concat":    concat,
	"Flatten":   flatten,
	"Gather":    gather,
	"Identity":  plain(ir.Identity{}),
	"Reshape":   reshape,
	"Shape":     shape,
	"Squeeze":   squeeze,
	"Unsqueeze": unsqueeze,
}

// plain is an operator without attributes.
func plain(op ir.Operator) func(*reading) ir.Operator {
	return func(*reading) ir.Operator { return op }
}

// concat: since 4 the axis must be given.
func concat(r *reading) ir.Operator {
	if r.opset >= 4 {
		r.required("axis")
	}
	return ir.Concat{Axis: r.int("axis", 1)}
}

func flatten(r *reading) ir.Operator { return ir.Flatten{Axis: r.int("axis", 1)} }

func gather(r *reading) ir.Operator { return ir.Gather{Axis: r.int("axis", 0)} }

// reshape: since 5 the shape is an input, since 14 there is allowzero.
func reshape(r *reading) ir.Operator {
	if r.opset < 5 {
		r.required("shape")
		r.exactly(1)
		r.listInput("shape")
	}
	if r.opset < 14 {
		return ir.Reshape{}
	}
	return ir.Reshape{AllowZero: r.flag("allowzero", false)}
}

// squeeze: since 13 the axes are an input.
func squeeze(r *reading) ir.Operator {
	if r.opset < 13 {
		r.axesInput()
	}
	return ir.Squeeze{}
}

// unsqueeze: since 13 the axes are an input.
func unsqueeze(r *reading) ir.Operator {
	if r.opset < 13 {
		r.required("axes")
		r.axesInput()
	}
	return ir.Unsqueeze{}
}

// shape: since 15 it takes a range of dimensions.
func shape(r *reading) ir.Operator {
	if r.opset < 15 {
		return ir.Shape{}
	}
	op := ir.Shape{Start: r.int("start", 0)}
	if a := r.attribute("end", IntAttribute); a != nil {
		op.End, op.HasEnd = int(a.Int), true
	}
	return op
}
