package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// ConvTranspose is the gradient of a grouped convolution: each element of X puts
// the weights, times itself, under a window of the output. Inputs: X
// [N×C×spatial…], W [C×M/Group×kernel…], optional bias B [M]. Output:
// [N×M×spatial…], of which OutputPadding adds to the end of each dimension and
// OutputShape, if not nil, decides the padding. (ONNX ConvTranspose-22.)
type ConvTranspose struct {
	Window
	Group         int
	OutputPadding []int
	OutputShape   []int
}

// Type is "ConvTranspose".
func (ConvTranspose) Type() string { return "ConvTranspose" }

// Infer checks the channels against the weights and finds the padding.
func (op ConvTranspose) Infer(in []Info) ([]Info, error) {
	if err := operands(in).matchAlike(
		parameter{name: "X", class: realNumbers},
		parameter{name: "W", class: realNumbers},
		parameter{name: "B", class: realNumbers, optional: true},
	); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	_, out, err := op.Fit(x, w)
	if err != nil {
		return nil, err
	}
	if err := operands(in).shaped(2, "B", out[1]); err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// Fit gives the window in explicit form, as of the convolution whose gradient this
// is, and the output's shape. Its pads may be negative: elements that no weight
// reaches.
func (op ConvTranspose) Fit(x, w tensor.Shape) (Window, tensor.Shape, error) {
	if len(x) < 3 || len(w) != len(x) {
		return Window{}, nil, fmt.Errorf("inputs X %v and W %v must both be N×C×spatial with at least one spatial dimension", x, w)
	}
	if op.Group < 1 || x[1]%op.Group != 0 || w[0] != x[1] {
		return Window{}, nil, fmt.Errorf("group %d does not divide X %v and W %v into equal parts", op.Group, x, w)
	}
	n := len(x) - 2
	window, err := op.filledFor(w[2:])
	if err != nil {
		return Window{}, nil, err
	}
	more, err := extents("output_padding", op.OutputPadding, n, 0)
	if err != nil {
		return Window{}, nil, err
	}
	if op.OutputShape != nil && len(op.OutputShape) == n+2 { // with batch and channels, as some exporters write it
		op.OutputShape = op.OutputShape[2:]
	}
	if op.OutputShape != nil && len(op.OutputShape) != n {
		return Window{}, nil, fmt.Errorf("output_shape has %d values, want %d", len(op.OutputShape), n)
	}
	maps, err := scaled(w[1], op.Group)
	if err != nil {
		return Window{}, nil, err
	}
	out := tensor.Shape{x[0], maps}
	for i := range n {
		a := window.axis(i, x[2+i])
		extent, err := op.axisOut(&a, i, more[i])
		if err != nil {
			return Window{}, nil, fmt.Errorf("spatial dimension %d: %w", i, err)
		}
		window.Pads[i], window.Pads[n+i] = a.before, a.after
		out = append(out, extent)
	}
	window.AutoPad = PadExplicit
	return window, out, nil
}

// axisOut is the extent of a dimension of the output, and settles its padding.
func (op ConvTranspose) axisOut(a *axis, i, more int) (int, error) {
	if a.extent() > maxWindow || a.in < 1 || a.in > MaxValueBytes {
		return 0, fmt.Errorf("a window that spans %d over an extent of %d is outside the limits", a.extent(), a.in)
	}
	full := a.stride*(a.in-1) + more + a.extent()
	want := full - a.before - a.after
	switch {
	case op.OutputShape != nil:
		want = op.OutputShape[i]
	case op.AutoPad == PadSameUpper || op.AutoPad == PadSameLower:
		want = a.in * a.stride
	default:
		if want < 1 {
			return 0, fmt.Errorf("the padding of %d and %d leaves nothing of an extent of %d", a.before, a.after, full)
		}
		return want, nil
	}
	if want < 1 || want > MaxValueBytes {
		return 0, fmt.Errorf("an output of extent %d is outside 1…%d", want, MaxValueBytes)
	}
	total := max(full-want, 0)
	a.before, a.after = total-total/2, total/2
	if op.AutoPad == PadSameUpper {
		a.before, a.after = a.after, a.before
	}
	return want, nil
}

// filledFor gives the window its defaults with the kernel of some weights.
func (w Window) filledFor(kernel []int) (Window, error) {
	if w.Kernel != nil && !tensor.Shape(w.Kernel).Equal(kernel) {
		return Window{}, fmt.Errorf("kernel_shape %v is not that of the weights, %v", tensor.Shape(w.Kernel), tensor.Shape(kernel))
	}
	w.Kernel = kernel
	return w.filled(len(kernel))
}

// extents checks a list of n extents, all of them def if it is absent.
func extents(name string, list []int, n, def int) ([]int, error) {
	if list == nil {
		list = make([]int, n)
		for i := range list {
			list[i] = def
		}
	}
	if len(list) != n {
		return nil, fmt.Errorf("%s has %d values, want %d", name, len(list), n)
	}
	for _, v := range list {
		if v < def || v > maxWindow {
			return nil, fmt.Errorf("%s %v: %d is outside %d…%d", name, list, v, def, maxWindow)
		}
	}
	return list, nil
}

// scaled is a·b for extents, if a value can be so large.
func scaled(a, b int) (int, error) {
	if a > 0 && b > MaxValueBytes/a {
		return 0, fmt.Errorf("%d times %d is more than the limit of %d", a, b, MaxValueBytes)
	}
	return a * b, nil
}

// DeformConv is a convolution whose windows' elements are moved by offsets, and
// weighed by a mask. Inputs: X [N×C×spatial…], W [M×C/Group×kernel…], offset
// [N×OffsetGroup·K·D×out…] for K elements of a window and D dimensions, optional
// bias B [M], optional mask [N×OffsetGroup·K×out…]. Between elements X is linear,
// and zero outside. (ONNX DeformConv-22.)
type DeformConv struct {
	Window
	Group       int
	OffsetGroup int
}

// Type is "DeformConv".
func (DeformConv) Type() string { return "DeformConv" }

// Infer checks all inputs against the windows.
func (op DeformConv) Infer(in []Info) ([]Info, error) {
	if err := operands(in).matchAlike(
		parameter{name: "X", class: realNumbers},
		parameter{name: "W", class: realNumbers},
		parameter{name: "offset", class: realNumbers},
		parameter{name: "B", class: realNumbers, optional: true},
		parameter{name: "mask", class: realNumbers, optional: true},
	); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	out, err := Conv{Window: op.Window, Group: op.Group}.channels(x, w)
	if err != nil {
		return nil, err
	}
	if op.OffsetGroup < 1 || x[1]%op.OffsetGroup != 0 {
		return nil, fmt.Errorf("offset_group %d does not divide the channels of X %v", op.OffsetGroup, x)
	}
	n := len(x) - 2
	if n > maxSampled {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want at most %d spatial dimensions", x, maxSampled)
	}
	taps, err := w[2:].Elements()
	if err != nil {
		return nil, err
	}
	if taps, err = scaled(taps, op.OffsetGroup); err != nil {
		return nil, err
	}
	moves, err := scaled(taps, n)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		i     int
		name  string
		shape []int
	}{
		{2, "offset", append([]int{x[0], moves}, out[2:]...)},
		{3, "B", []int{w[0]}},
		{4, "mask", append([]int{x[0], taps}, out[2:]...)},
	} {
		if err := operands(in).shaped(c.i, c.name, c.shape...); err != nil {
			return nil, err
		}
	}
	return result(in[0].DType, out)
}

// ConvInteger is Conv of 8-bit integers, less their zero points, into int32. Inputs: x, w
// as Conv's, optional scalar x_zero_point, optional w_zero_point: a scalar or [M].
// (ONNX ConvInteger-10.)
type ConvInteger struct {
	Window
	Group int
}

// Type is "ConvInteger".
func (ConvInteger) Type() string { return "ConvInteger" }

// Infer is Conv's.
func (op ConvInteger) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "x", class: pixels}, parameter{name: "w", class: pixels},
		parameter{name: "x_zero_point", class: pixels, optional: true},
		parameter{name: "w_zero_point", class: pixels, optional: true},
	); err != nil {
		return nil, err
	}
	out, err := Conv{Window: op.Window, Group: op.Group}.channels(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	q := operands(in)
	if err := q.zero(2, "x_zero_point", 0, 1); err != nil {
		return nil, err
	}
	if err := q.zero(3, "w_zero_point", 1, in[1].Shape[0]); err != nil {
		return nil, err
	}
	return result(tensor.Int32, out)
}

// zero checks a zero point, if it is there: of the type of input of, and one
// element or as many as there are maps.
func (in operands) zero(i int, name string, of, maps int) error {
	if !in.has(i) {
		return nil
	}
	if in[i].DType != in[of].DType {
		return fmt.Errorf("input %d (%s) is %v and input %d is %v", i, name, in[i].DType, of, in[of].DType)
	}
	return in.perMap(i, name, maps)
}

// perMap refuses what is neither a scalar nor a vector of one element or maps.
func (in operands) perMap(i int, name string, maps int) error {
	s := in[i].Shape
	if len(s) == 0 || len(s) == 1 && (s[0] == 1 || s[0] == maps) {
		return nil
	}
	return fmt.Errorf("input %d (%s) has shape %v, want a scalar or %v", i, name, s, tensor.Shape{maps})
}

// QLinearConv is Conv of numbers that 8-bit integers stand for. Inputs: x, x_scale,
// x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, optional int32 bias B
// [M] in steps of x_scale·w_scale. The scale and zero point of w are scalars or [M].
// (ONNX QLinearConv-10.)
type QLinearConv struct {
	Window
	Group int
}

// Type is "QLinearConv".
func (QLinearConv) Type() string { return "QLinearConv" }

// Infer is Conv's.
func (op QLinearConv) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "x", class: pixels}, parameter{name: "x_scale", class: realNumbers}, parameter{name: "x_zero_point", class: pixels},
		parameter{name: "w", class: pixels}, parameter{name: "w_scale", class: realNumbers}, parameter{name: "w_zero_point", class: pixels},
		parameter{name: "y_scale", class: realNumbers}, parameter{name: "y_zero_point", class: pixels},
		parameter{name: "B", dtype: tensor.Int32, optional: true},
	); err != nil {
		return nil, err
	}
	out, err := Conv{Window: op.Window, Group: op.Group}.channels(in[0].Shape, in[3].Shape)
	if err != nil {
		return nil, err
	}
	q, maps := operands(in), in[3].Shape[0]
	for _, c := range []struct {
		i    int
		name string
		maps int
	}{{1, "x_scale", 1}, {4, "w_scale", maps}, {6, "y_scale", 1}, {7, "y_zero_point", 1}} {
		if err := q.perMap(c.i, c.name, c.maps); err != nil {
			return nil, err
		}
	}
	if err := q.zero(2, "x_zero_point", 0, 1); err != nil {
		return nil, err
	}
	if err := q.zero(5, "w_zero_point", 3, maps); err != nil {
		return nil, err
	}
	if err := q.shaped(8, "B", maps); err != nil {
		return nil, err
	}
	return result(in[7].DType, out)
}
