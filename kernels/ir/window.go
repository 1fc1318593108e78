package ir

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// maxWindow bounds each number of a window, so that no arithmetic on them can
// overflow; the largest convolutions in use have kernels of 31.
const maxWindow = 1 << 20

// Fit gives the window over an input X [N×C×spatial…] with weights W
// [M×C/Group×kernel…] in explicit form (kernel, strides, dilations and pads
// filled in) and the output's shape.
func (op Conv) Fit(x, w tensor.Shape) (Window, tensor.Shape, error) {
	if len(x) < 3 || len(w) != len(x) {
		return Window{}, nil, fmt.Errorf("inputs X %v and W %v must both be N×C×spatial with at least one spatial dimension", x, w)
	}
	kernel := w[2:]
	if op.Kernel != nil && !slices.Equal(op.Kernel, kernel) {
		return Window{}, nil, fmt.Errorf("kernel_shape %v is not that of the weights %v", tensor.Shape(op.Kernel), w)
	}
	window := op.Window
	window.Kernel = kernel
	window, spatial, err := window.fit(x[2:], false)
	if err != nil {
		return Window{}, nil, err
	}
	return window, append(tensor.Shape{x[0], w[0]}, spatial...), nil
}

// Fit gives the window over an input X [N×C×spatial…] in explicit form and the
// output's shape. Each window holds at least one element of the input.
func (op MaxPool) Fit(x tensor.Shape) (Window, tensor.Shape, error) {
	return op.Window.pool(x, op.CeilMode)
}

// Fit is as MaxPool's.
func (op AveragePool) Fit(x tensor.Shape) (Window, tensor.Shape, error) {
	return op.Window.pool(x, op.CeilMode)
}

// Fit is as MaxPool's.
func (op LpPool) Fit(x tensor.Shape) (Window, tensor.Shape, error) {
	return op.Window.pool(x, op.CeilMode)
}

func (w Window) pool(x tensor.Shape, ceil bool) (Window, tensor.Shape, error) {
	if len(x) < 3 {
		return Window{}, nil, fmt.Errorf("input X %v must be N×C×spatial with at least one spatial dimension", x)
	}
	w, spatial, err := w.fit(x[2:], ceil)
	if err != nil {
		return Window{}, nil, err
	}
	for i := range spatial {
		if err := w.axis(i, x[2+i]).touches(spatial[i]); err != nil {
			return Window{}, nil, fmt.Errorf("spatial dimension %d: %w", i, err)
		}
	}
	return w, append(tensor.Shape{x[0], x[1]}, spatial...), nil
}

// fit fills in the defaults and the padding rule, and gives the number of
// windows along each spatial dimension of in.
func (w Window) fit(in []int, ceil bool) (Window, tensor.Shape, error) {
	w, err := w.filled(len(in))
	if err != nil {
		return Window{}, nil, err
	}
	out := make(tensor.Shape, len(in))
	for i, extent := range in {
		a := w.axis(i, extent)
		switch w.AutoPad {
		case PadExplicit, PadValid:
		case PadSameUpper, PadSameLower:
			a = a.same(w.AutoPad)
		default:
			return Window{}, nil, fmt.Errorf("auto_pad rule %d is unknown", w.AutoPad)
		}
		if out[i], err = a.windows(ceil); err != nil {
			return Window{}, nil, fmt.Errorf("spatial dimension %d: %w", i, err)
		}
		w.Pads[i], w.Pads[i+len(in)] = a.before, a.after
	}
	w.AutoPad = PadExplicit
	return w, out, nil
}

// filled gives each absent list its default and checks the lists. The lists
// of the result are its own.
func (w Window) filled(rank int) (Window, error) {
	if w.AutoPad != PadExplicit {
		w.Pads = nil
	}
	for _, list := range []struct {
		name              string
		values            *[]int
		length, less, def int
	}{
		{"kernel_shape", &w.Kernel, rank, 1, 0},
		{"strides", &w.Strides, rank, 1, 1},
		{"dilations", &w.Dilations, rank, 1, 1},
		{"pads", &w.Pads, 2 * rank, 0, 0},
	} {
		v := slices.Clone(*list.values)
		if v == nil {
			v = slices.Repeat([]int{list.def}, list.length)
		}
		if len(v) != list.length {
			return Window{}, fmt.Errorf("%s has %d values, want %d for %d spatial dimensions", list.name, len(v), list.length, rank)
		}
		for _, n := range v {
			if n < list.less || n > maxWindow {
				return Window{}, fmt.Errorf("%s %v: %d is outside %d…%d", list.name, v, n, list.less, maxWindow)
			}
		}
		*list.values = v
	}
	return w, nil
}

// axis is a window along one spatial dimension.
type axis struct {
	in, kernel, stride, dilation, before, after int
}

func (w Window) axis(i, in int) axis {
	return axis{in, w.Kernel[i], w.Strides[i], w.Dilations[i], w.Pads[i], w.Pads[i+len(w.Kernel)]}
}

// extent is how many elements a window spans.
func (a axis) extent() int { return (a.kernel-1)*a.dilation + 1 }

// same pads so that there are ceil(in/stride) windows; an odd element goes
// after the input (upper) or before it (lower).
func (a axis) same(rule AutoPad) axis {
	windows := (a.in + a.stride - 1) / a.stride
	total := max((windows-1)*a.stride+a.extent()-a.in, 0)
	a.before, a.after = total/2, total-total/2
	if rule == PadSameLower {
		a.before, a.after = a.after, a.before
	}
	return a
}

// windows counts the windows. In ceil mode a last window may reach past the
// padding, but must start inside the input or the padding before it.
func (a axis) windows(ceil bool) (int, error) {
	if a.extent() > maxWindow {
		return 0, fmt.Errorf("a window spans %d, more than the limit of %d", a.extent(), maxWindow)
	}
	room := a.in + a.before + a.after - a.extent()
	if room < 0 || a.in <= 0 {
		return 0, fmt.Errorf("a window that spans %d does not fit an extent of %d padded by %d and %d", a.extent(), a.in, a.before, a.after)
	}
	n := room/a.stride + 1
	if ceil && room%a.stride != 0 && n*a.stride < a.in+a.before {
		n++
	}
	return n, nil
}

// touches refuses windows that hold padding only. Those can be among the
// windows that start before the input, or be the last one.
func (a axis) touches(windows int) error {
	for i := 0; i < windows && i*a.stride < a.before; i++ {
		ahead := a.before - i*a.stride
		tap := (ahead + a.dilation - 1) / a.dilation
		if tap >= a.kernel || tap*a.dilation-ahead >= a.in {
			return fmt.Errorf("window %d holds only padding", i)
		}
	}
	if last := windows - 1; last*a.stride-a.before >= a.in {
		return fmt.Errorf("window %d holds only padding", last)
	}
	return nil
}
