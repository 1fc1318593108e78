package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// operators decodes each supported operator. "Since n" below is the operator
// set in which ONNX changed it.
var operators map[operatorKey]func(*reading) ir.Operator

func init() { // not with the variable: a body's operators are read with it
	operators = union(
		domain{"", common},
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
	"Add":                plain(ir.Add{}),
	"BatchNormalization": batchNormalization,
	"Clip":               clip,
	"Concat":             concat,
	"Dropout":            dropout,
	"Flatten":            flatten,
	"Gather":             gather,
	"Gemm":               gemm,
	"Identity":           plain(ir.Identity{}),
	"MatMul":             plain(ir.MatMul{}),
	"ReduceMean":         reduceMean,
	"Relu":               plain(ir.Relu{}),
	"Reshape":            reshape,
	"Shape":              shape,
	"Softmax":            softmax,
	"Squeeze":            squeeze,
	"Unsqueeze":          unsqueeze,
	"If":                 branch,
}

// plain is an operator without attributes.
func plain(op ir.Operator) func(*reading) ir.Operator {
	return func(*reading) ir.Operator { return op }
}

// batchNormalization at inference. Since 9 there is no spatial, since 14 there
// is training_mode.
func batchNormalization(r *reading) ir.Operator {
	if r.opset < 9 {
		r.fixed("spatial", 1)
	}
	r.fixed("training_mode", 0)
	r.float("momentum", 0) // only training uses it
	return ir.BatchNormalization{Epsilon: r.float("epsilon", 1e-5)}
}

// clip: since 11 the bounds are inputs.
func clip(r *reading) ir.Operator {
	if r.opset >= 11 {
		return ir.Clip{}
	}
	r.exactly(1)
	for _, name := range []string{"min", "max"} {
		a := r.attribute(name, FloatAttribute)
		if a == nil {
			r.inputs = append(r.inputs, ir.NoValue)
			continue
		}
		t, err := tensor.Of([]float32{a.Float})
		r.constantInput(name, t, err)
	}
	return ir.Clip{}
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

// dropout at inference passes its input on. Since 12 the ratio is an input, as
// is training_mode, which must be false.
func dropout(r *reading) ir.Operator {
	if r.opset < 12 {
		r.float("ratio", 0)
		r.exactly(1)
		return ir.Identity{}
	}
	r.int("seed", 0)
	r.only(1)
	if len(r.node.Inputs) > 2 && r.node.Inputs[2] != "" && !r.isFalse(r.node.Inputs[2]) {
		r.fail(fmt.Errorf("input 2 (training_mode) is %q; supported is only a constant false", r.node.Inputs[2]))
	}
	return ir.Identity{}
}

// branch is If.
func branch(r *reading) ir.Operator {
	return ir.If{Then: r.body("then_branch"), Else: r.body("else_branch")}
}

// isFalse reports whether a name is a constant bool that is false.
func (im *importer) isFalse(name string) bool {
	t := im.constants[name]
	return t != nil && t.Type == Bool && len(t.Raw) == 1 && t.Raw[0] == 0
}
