package onnx

import "github.com/squadron-edge/squadron/kernels/ir"

// operators decodes each supported operator. "Since n" below is the operator
// set in which ONNX changed it.
var operators map[operatorKey]func(*reading) ir.Operator

func init() { // not with the variable: a body's operators are read with it
	operators = union(
		domain{"", common},
		domain{"", pointwise}, domain{"", broadcasting}, domain{"", quantization}, domain{"", chance},
		domain{"com.microsoft", microsoftPointwise}, domain{"com.microsoft", microsoftQuantization},
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
	"AveragePool":       averagePool,
	"Concat":            concat,
	"Conv":              conv,
	"Flatten":           flatten,
	"Gather":            gather,
	"Gemm":              gemm,
	"GlobalAveragePool": plain(ir.GlobalAveragePool{}),
	"Identity":          plain(ir.Identity{}),
	"MatMul":            plain(ir.MatMul{}),
	"MaxPool":           maxPool,
	"ReduceMean":        reduceMean,
	"Reshape":           reshape,
	"Shape":             shape,
	"Softmax":           softmax,
	"Squeeze":           squeeze,
	"Unsqueeze":         unsqueeze,
	"If":                branch,
}

// plain is an operator without attributes.
func plain(op ir.Operator) func(*reading) ir.Operator {
	return func(*reading) ir.Operator { return op }
}

func conv(r *reading) ir.Operator {
	return ir.Conv{Window: r.window(), Group: r.int("group", 1)}
}

func maxPool(r *reading) ir.Operator {
	r.required("kernel_shape")
	r.fixed("storage_order", 0)
	return ir.MaxPool{Window: r.window(), CeilMode: r.flag("ceil_mode", false)}
}

func averagePool(r *reading) ir.Operator {
	r.required("kernel_shape")
	return ir.AveragePool{
		Window:          r.window(),
		CeilMode:        r.flag("ceil_mode", false),
		CountIncludePad: r.flag("count_include_pad", false),
	}
}

func gemm(r *reading) ir.Operator {
	return ir.Gemm{
		Alpha: r.float("alpha", 1), Beta: r.float("beta", 1),
		TransA: r.flag("transA", false), TransB: r.flag("transB", false),
	}
}

// reduceMean: since 18 the axes are an input.
func reduceMean(r *reading) ir.Operator {
	op := ir.ReduceMean{KeepDims: r.flag("keepdims", true)}
	if r.opset < 18 {
		r.axesInput()
		return op
	}
	op.NoopWithEmptyAxes = r.flag("noop_with_empty_axes", false)
	return op
}

// softmax: since 13 it works along one axis, by default the last; before, on
// the input as a matrix.
func softmax(r *reading) ir.Operator {
	if r.opset < 13 {
		return ir.Softmax{Axis: r.int("axis", 1), Flatten: true}
	}
	return ir.Softmax{Axis: r.int("axis", -1)}
}

func concat(r *reading) ir.Operator {
	r.required("axis")
	return ir.Concat{Axis: r.int("axis", 0)}
}

func flatten(r *reading) ir.Operator { return ir.Flatten{Axis: r.int("axis", 1)} }

func gather(r *reading) ir.Operator { return ir.Gather{Axis: r.int("axis", 0)} }

// reshape: since 14 there is allowzero.
func reshape(r *reading) ir.Operator {
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

// branch is If.
func branch(r *reading) ir.Operator {
	return ir.If{Then: r.body("then_branch"), Else: r.body("else_branch")}
}
