package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// moving are the operators that move elements, whatever their type.
var moving = family{
	"CenterCropPad":   centerCropPad,
	"Compress":        compress,
	"ConstantOfShape": constantOfShape,
	"DepthToSpace":    depthToSpace,
	"Expand":          plain(ir.Expand{}),
	"EyeLike":         eyeLike,
	"GatherElements":  gatherElements,
	"GatherND":        gatherND,
	"NonZero":         plain(ir.NonZero{}),
	"OneHot":          oneHot,
	"Pad":             pad,
	"Range":           plain(ir.Range{}),
	"ReverseSequence": reverseSequence,
	"Scatter":         scatterElements,
	"ScatterElements": scatterElements,
	"ScatterND":       scatterND,
	"Size":            plain(ir.Size{}),
	"Slice":           slice,
	"SpaceToDepth":    spaceToDepth,
	"Split":           split,
	"TensorScatter":   tensorScatter,
	"Tile":            tile,
	"Transpose":       transpose,
	"Trilu":           trilu,
	"Unique":          unique,
}

func transpose(r *reading) ir.Operator { return ir.Transpose{Perm: r.list("perm")} }

// slice: since 10 the bounds are inputs.
func slice(r *reading) ir.Operator {
	if r.opset >= 10 {
		return ir.Slice{}
	}
	r.required("starts")
	r.required("ends")
	r.exactly(1)
	for _, name := range []string{"starts", "ends", "axes"} {
		r.listInput(name)
	}
	return ir.Slice{}
}

// listInput appends an attribute as an input, if it is there.
func (r *reading) listInput(name string) {
	if list, ok := r.ints(name); ok {
		t, err := tensor.Of(append([]int64{}, list...), len(list))
		r.constantInput(name, t, err)
	}
}

// split: since 13 the sizes are an input, as they may be in 1; since 18 there is
// num_outputs, which is the number of outputs anyway.
func split(r *reading) ir.Operator {
	op := ir.Split{Axis: r.int("axis", 0), Parts: len(r.node.Outputs)}
	if r.opset >= 18 {
		if n := r.int("num_outputs", int64(op.Parts)); n != op.Parts {
			r.fail(fmt.Errorf("attribute %q is %d for %d outputs", "num_outputs", n, op.Parts))
		}
	}
	if r.opset >= 13 || r.opset == 1 && len(r.node.Inputs) > 1 {
		return op
	}
	r.exactly(1)
	r.listInput("split")
	return op
}

// pad: since 11 the pads and the value are inputs; in 1 the pads have another
// name.
func pad(r *reading) ir.Operator {
	modes := map[string]ir.PadMode{"constant": ir.PadConstant, "reflect": ir.PadReflect, "edge": ir.PadEdge}
	names := []string{"constant", "reflect", "edge"}
	if r.opset >= 19 {
		modes["wrap"] = ir.PadWrap
		names = append(names, "wrap")
	}
	op := ir.Pad{Mode: modes[r.choice("mode", "constant", names...)]}
	if r.opset >= 11 {
		return op
	}
	name := "pads"
	if r.opset == 1 {
		name = "paddings"
	}
	r.required(name)
	r.exactly(1)
	r.listInput(name)
	t, err := tensor.Of([]float32{r.float("value", 0)})
	r.constantInput("value", t, err)
	return op
}

func centerCropPad(r *reading) ir.Operator {
	axes, _ := r.ints("axes")
	return ir.CenterCropPad{Axes: axes}
}

// tile: since 6 there is a number for each dimension.
func tile(r *reading) ir.Operator {
	if r.opset < 6 {
		return ir.TileAlong{}
	}
	return ir.Tile{}
}

func gatherElements(r *reading) ir.Operator { return ir.GatherElements{Axis: r.int("axis", 0)} }

// gatherND: since 12 there is batch_dims.
func gatherND(r *reading) ir.Operator {
	if r.opset < 12 {
		return ir.GatherND{}
	}
	return ir.GatherND{BatchDims: r.int("batch_dims", 0)}
}

var reductionNames = map[string]ir.Scattering{
	"none": ir.ScatterReplace, "add": ir.ScatterAdd, "mul": ir.ScatterMul, "max": ir.ScatterMax, "min": ir.ScatterMin,
}

// reduction: since 16 there are sums and products, since 18 the largest and the
// smallest.
func (r *reading) reduction() ir.Scattering {
	switch {
	case r.opset < 16:
		return ir.ScatterReplace
	case r.opset < 18:
		return reductionNames[r.choice("reduction", "none", "none", "add", "mul")]
	}
	return reductionNames[r.choice("reduction", "none", "none", "add", "mul", "max", "min")]
}

func scatterElements(r *reading) ir.Operator {
	return ir.ScatterElements{Axis: r.int("axis", 0), Reduction: r.reduction()}
}

func scatterND(r *reading) ir.Operator { return ir.ScatterND{Reduction: r.reduction()} }

func tensorScatter(r *reading) ir.Operator {
	return ir.TensorScatter{Axis: r.int("axis", -2), Circular: r.choice("mode", "linear", "linear", "circular") == "circular"}
}

// oneHot: since 11 a negative index counts from the end.
func oneHot(r *reading) ir.Operator {
	return ir.OneHot{Axis: r.int("axis", -1), PositiveOnly: r.opset < 11}
}

func trilu(r *reading) ir.Operator { return ir.Trilu{Upper: r.flag("upper", true)} }

func eyeLike(r *reading) ir.Operator { return ir.EyeLike{DType: r.dtype("dtype"), K: r.int("k", 0)} }

func constantOfShape(r *reading) ir.Operator {
	value := r.tensor("value")
	if value == nil {
		var err error
		value, err = tensor.New(tensor.Float32, 1)
		r.fail(err)
	}
	return ir.ConstantOfShape{Value: value}
}

func compress(r *reading) ir.Operator {
	axis, given := r.axis()
	return ir.Compress{Axis: axis, HasAxis: given}
}

func unique(r *reading) ir.Operator {
	axis, given := r.axis()
	return ir.Unique{Axis: axis, HasAxis: given, Sorted: r.flag("sorted", true)}
}

// axis reads an axis whose absence means something else than any axis.
func (r *reading) axis() (axis int, given bool) {
	if a := r.attribute("axis", IntAttribute); a != nil {
		return int(a.Int), true
	}
	return 0, false
}

func reverseSequence(r *reading) ir.Operator {
	return ir.ReverseSequence{BatchAxis: r.int("batch_axis", 1), TimeAxis: r.int("time_axis", 0)}
}

// depthToSpace: since 11 there is mode.
func depthToSpace(r *reading) ir.Operator {
	r.required("blocksize")
	op := ir.DepthToSpace{Block: r.int("blocksize", 0)}
	if r.opset >= 11 {
		op.ColumnRow = r.choice("mode", "DCR", "DCR", "CRD") == "CRD"
	}
	return op
}

func spaceToDepth(r *reading) ir.Operator {
	r.required("blocksize")
	return ir.SpaceToDepth{Block: r.int("blocksize", 0)}
}
