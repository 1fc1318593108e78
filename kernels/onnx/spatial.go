package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// spatial are the operators that look at pictures.
var spatial = family{
	"AffineGrid":        func(r *reading) ir.Operator { return ir.AffineGrid{AlignCorners: r.flag("align_corners", false)} },
	"AveragePool":       averagePool,
	"Col2Im":            func(r *reading) ir.Operator { return ir.Col2Im{Window: r.explicitWindow()} },
	"Conv":              conv,
	"ConvInteger":       func(r *reading) ir.Operator { return ir.ConvInteger{Window: r.window(), Group: r.int("group", 1)} },
	"ConvTranspose":     convTranspose,
	"DeformConv":        deformConv,
	"GlobalAveragePool": plain(ir.GlobalAveragePool{}),
	"GlobalLpPool":      func(r *reading) ir.Operator { return ir.GlobalLpPool{P: r.exponent()} },
	"GlobalMaxPool":     plain(ir.GlobalMaxPool{}),
	"GridSample":        gridSample,
	"ImageDecoder":      imageDecoder,
	"LpPool":            lpPool,
	"MaxPool":           maxPool,
	"MaxRoiPool":        maxRoiPool,
	"MaxUnpool":         maxUnpool,
	"NonMaxSuppression": nonMaxSuppression,
	"QLinearConv":       func(r *reading) ir.Operator { return ir.QLinearConv{Window: r.window(), Group: r.int("group", 1)} },
	"Resize":            resize,
	"RoiAlign":          roiAlign,
	"Upsample":          upsample,
}

func conv(r *reading) ir.Operator {
	return ir.Conv{Window: r.window(), Group: r.int("group", 1)}
}

// convTranspose: where output_shape is given, pads are not used.
func convTranspose(r *reading) ir.Operator {
	op := ir.ConvTranspose{Group: r.int("group", 1), OutputPadding: r.list("output_padding"), OutputShape: r.list("output_shape")}
	op.Window = r.window()
	if op.OutputShape != nil {
		op.Pads = nil
	}
	return op
}

func deformConv(r *reading) ir.Operator {
	return ir.DeformConv{Window: r.explicitWindow(), Group: r.int("group", 1), OffsetGroup: r.int("offset_group", 1)}
}

// maxPool: since 8 there is storage_order, since 10 ceil_mode and dilations.
func maxPool(r *reading) ir.Operator {
	r.required("kernel_shape")
	return ir.MaxPool{
		Window:      r.window(),
		CeilMode:    r.flag("ceil_mode", false),
		Indices:     len(r.node.Outputs) > 1 && r.node.Outputs[1] != "",
		ColumnMajor: r.flag("storage_order", false),
	}
}

// averagePool: since 7 there is count_include_pad, since 10 ceil_mode, since 19
// dilations.
func averagePool(r *reading) ir.Operator {
	r.required("kernel_shape")
	return ir.AveragePool{
		Window:          r.window(),
		CeilMode:        r.flag("ceil_mode", false),
		CountIncludePad: r.flag("count_include_pad", false),
	}
}

// lpPool: since 18 there are ceil_mode and dilations.
func lpPool(r *reading) ir.Operator {
	r.required("kernel_shape")
	return ir.LpPool{Window: r.window(), CeilMode: r.flag("ceil_mode", false), P: r.exponent()}
}

// exponent is that of a norm, which before 2 was a float.
func (r *reading) exponent() float64 {
	if r.opset < 2 {
		return float64(r.float("p", 2))
	}
	return float64(r.int("p", 2))
}

// explicitWindow is a window without auto_pad.
func (r *reading) explicitWindow() ir.Window {
	return ir.Window{
		Kernel: r.list("kernel_shape"), Strides: r.list("strides"),
		Dilations: r.list("dilations"), Pads: r.list("pads"),
	}
}

func maxUnpool(r *reading) ir.Operator {
	r.required("kernel_shape")
	return ir.MaxUnpool{Window: ir.Window{Kernel: r.list("kernel_shape"), Strides: r.list("strides"), Pads: r.list("pads")}}
}

func maxRoiPool(r *reading) ir.Operator {
	r.required("pooled_shape")
	op := ir.MaxRoiPool{Scale: float64(r.float("spatial_scale", 1))}
	shape := r.list("pooled_shape")
	if len(shape) != 2 {
		r.fail(fmt.Errorf("attribute %q has %d values, want 2", "pooled_shape", len(shape)))
		return op
	}
	op.Height, op.Width = shape[0], shape[1]
	return op
}

// roiAlign: since 16 there is coordinate_transformation_mode.
func roiAlign(r *reading) ir.Operator {
	op := ir.RoiAlign{
		Height: r.int("output_height", 1), Width: r.int("output_width", 1),
		Scale: float64(r.float("spatial_scale", 1)), Sampling: r.int("sampling_ratio", 0),
		Max: r.choice("mode", "avg", "avg", "max") == "max",
	}
	if r.opset >= 16 {
		op.HalfPixel = r.choice("coordinate_transformation_mode", "half_pixel", "half_pixel", "output_half_pixel") == "half_pixel"
	}
	return op
}

func nonMaxSuppression(r *reading) ir.Operator {
	center := r.int("center_point_box", 0)
	if center != 0 && center != 1 {
		r.fail(fmt.Errorf("attribute %q is %d, want 0 or 1", "center_point_box", center))
	}
	return ir.NonMaxSuppression{Center: center == 1}
}

func imageDecoder(r *reading) ir.Operator {
	return ir.ImageDecoder{Format: r.choice("pixel_format", "RGB", "RGB", "BGR", "Grayscale")}
}

// gridSample: before 20 the modes were named for pictures.
func gridSample(r *reading) ir.Operator {
	mode := r.choice("mode", "linear", "linear", "nearest", "cubic", "bilinear", "bicubic")
	switch mode {
	case "bilinear":
		mode = "linear"
	case "bicubic":
		mode = "cubic"
	}
	return ir.GridSample{
		Mode: mode, Padding: r.choice("padding_mode", "zeros", "zeros", "border", "reflection"),
		AlignCorners: r.flag("align_corners", false),
	}
}

// resize: since 11 there are coordinate modes, a roi and sizes; since 18
// antialias, axes and keep_aspect_ratio_policy.
func resize(r *reading) ir.Operator {
	if r.opset < 11 {
		mode := r.choice("mode", "nearest", "nearest", "linear")
		r.scalesLast(2)
		return ir.Resize{Mode: mode, Coordinates: "asymmetric", Nearest: "simple", Policy: "stretch", CubicA: -0.75}
	}
	op := ir.Resize{
		Mode: r.choice("mode", "nearest", "nearest", "linear", "cubic"),
		Coordinates: r.choice("coordinate_transformation_mode", "half_pixel",
			"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"),
		Nearest:        r.choice("nearest_mode", "round_prefer_floor", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
		CubicA:         float64(r.float("cubic_coeff_a", -0.75)),
		Extrapolation:  float64(r.float("extrapolation_value", 0)),
		ExcludeOutside: r.flag("exclude_outside", false),
		Policy:         "stretch",
	}
	if r.opset >= 18 {
		op.Antialias = r.flag("antialias", false)
		op.Axes = r.list("axes")
		op.Policy = r.choice("keep_aspect_ratio_policy", "stretch", "stretch", "not_larger", "not_smaller")
	}
	return op
}

// upsample: since 7 there are scales for all dimensions, since 9 they are an input;
// since 10 it is Resize.
func upsample(r *reading) ir.Operator {
	mode := r.choice("mode", "nearest", "nearest", "linear", "bilinear")
	if mode == "bilinear" {
		mode = "linear"
	}
	op := ir.Resize{Mode: mode, Coordinates: "asymmetric", Nearest: "floor", Policy: "stretch", CubicA: -0.75}
	switch {
	case r.opset >= 10:
		r.fail(fmt.Errorf("operator Upsample does not exist in operator set %d", r.opset))
	case r.opset >= 9:
		r.scalesLast(2)
	case r.opset >= 7:
		r.required("scales")
		scales, _ := r.floats("scales")
		r.scalesInput(scales)
	default:
		r.required("width_scale")
		r.required("height_scale")
		r.scalesInput([]float32{1, 1, r.float("height_scale", 1), r.float("width_scale", 1)})
	}
	return op
}

// scalesInput makes scales an input, after an absent roi.
func (r *reading) scalesInput(scales []float32) {
	if slices.ContainsFunc(scales, func(s float32) bool { return !(s > 0) || math.IsInf(float64(s), 0) }) {
		r.fail(fmt.Errorf("attribute scales %v are not positive numbers", scales))
	}
	r.exactly(1)
	r.inputs = append(r.inputs, ir.NoValue)
	t, err := tensor.Of(slices.Clone(scales), len(scales))
	r.constantInput("scales", t, err)
}

// scalesLast puts an absent roi before the scales, the last of n inputs.
func (r *reading) scalesLast(n int) {
	r.exactly(n)
	if r.err == nil {
		r.inputs = slices.Insert(r.inputs, n-1, ir.NoValue)
	}
}
