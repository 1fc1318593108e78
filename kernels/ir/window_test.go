package ir_test

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// slide counts windows by sliding one along padded elements.
func slide(in, before, after, extent, stride int, ceil bool) int {
	n, start := 0, -before
	for ; start+extent <= in+after; start += stride {
		n++
	}
	leftOver := n > 0 && start-stride+extent < in+after
	if ceil && leftOver && start < in {
		n++
	}
	return n
}

// padSame grows the padding until there are ceil(in/stride) windows.
func padSame(in, extent, stride int, lower bool) (before, after int) {
	want := 0
	for at := 0; at < in; at += stride {
		want++
	}
	for slide(in, before, after, extent, stride, false) < want {
		if (before == after) != lower {
			after++
		} else {
			before++
		}
	}
	return before, after
}

// anyInside reports whether a window has a tap on an element.
func anyInside(start, kernel, dilation, in int) bool {
	for k := range kernel {
		if at := start + k*dilation; at >= 0 && at < in {
			return true
		}
	}
	return false
}

// TestWindowsAreCountedAsByHand compares Fit with the sliding twin above.
func TestWindowsAreCountedAsByHand(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	refused := 0
	for range 20_000 {
		in, kernel := 1+r.Intn(12), 1+r.Intn(5)
		stride, dilation := 1+r.Intn(4), 1+r.Intn(3)
		before, after := r.Intn(6), r.Intn(6)
		rule, ceil := ir.AutoPad(r.Intn(4)), r.Intn(2) == 0
		pool := ir.MaxPool{CeilMode: ceil, Window: ir.Window{
			Kernel: []int{kernel}, Strides: []int{stride}, Dilations: []int{dilation},
			Pads: []int{before, after}, AutoPad: rule,
		}}
		extent := (kernel-1)*dilation + 1
		switch rule {
		case ir.PadValid:
			before, after = 0, 0
		case ir.PadSameUpper, ir.PadSameLower:
			before, after = padSame(in, extent, stride, rule == ir.PadSameLower)
		}
		want := slide(in, before, after, extent, stride, ceil)
		holds := want > 0
		for i := range want {
			holds = holds && anyInside(i*stride-before, kernel, dilation, in)
		}

		w, out, err := pool.Fit(tensor.Shape{2, 3, in})
		if !holds {
			refused++
			if err == nil {
				t.Errorf("%+v over %d: %v windows, though one holds only padding", pool, in, out)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v over %d: %v", pool, in, err)
			continue
		}
		if !out.Equal(tensor.Shape{2, 3, want}) || w.Pads[0] != before || w.Pads[1] != after || w.AutoPad != ir.PadExplicit {
			t.Errorf("%+v over %d: %v with pads %v, want %d windows with pads %d and %d", pool, in, out, w.Pads, want, before, after)
		}
	}
	if refused < 1000 || refused > 15_000 {
		t.Errorf("%d of 20000 windows were refused: the test has lost its aim", refused)
	}
}

// TestKnownWindows holds the counts that published networks rely on.
func TestKnownWindows(t *testing.T) {
	for name, c := range map[string]struct {
		in   int
		w    ir.Window
		ceil bool
		want int
	}{
		"ResNet's stem":               {224, ir.Window{Kernel: []int{7}, Strides: []int{2}, Pads: []int{3, 3}}, false, 112},
		"ResNet's first pool":         {112, ir.Window{Kernel: []int{3}, Strides: []int{2}, Pads: []int{1, 1}}, false, 56},
		"SqueezeNet's pool, ceil":     {111, ir.Window{Kernel: []int{3}, Strides: []int{2}}, true, 55},
		"SqueezeNet's second pool":    {54, ir.Window{Kernel: []int{3}, Strides: []int{2}}, true, 27},
		"ceil, last start in padding": {2, ir.Window{Kernel: []int{2}, Strides: []int{2}, Pads: []int{1, 1}}, true, 2},
		"MobileNet in TensorFlow":     {224, ir.Window{Kernel: []int{3}, Strides: []int{2}, AutoPad: ir.PadSameUpper}, false, 112},
	} {
		t.Run(name, func(t *testing.T) {
			_, out, err := ir.MaxPool{Window: c.w, CeilMode: c.ceil}.Fit(tensor.Shape{1, 1, c.in})
			if err != nil || out[2] != c.want {
				t.Errorf("got %v, %v, want %d", out, err, c.want)
			}
		})
	}
}

func TestHostileWindowsAreRefused(t *testing.T) {
	huge := 1 << 62
	for name, c := range map[string]struct {
		w    ir.Window
		want string
	}{
		"no kernel":        {ir.Window{}, "kernel_shape"},
		"stride of 0":      {ir.Window{Kernel: []int{1}, Strides: []int{0}}, "strides"},
		"negative stride":  {ir.Window{Kernel: []int{1}, Strides: []int{-1}}, "strides"},
		"huge dilation":    {ir.Window{Kernel: []int{2}, Dilations: []int{huge}}, "dilations"},
		"huge padding":     {ir.Window{Kernel: []int{1}, Pads: []int{huge, huge}}, "pads"},
		"negative padding": {ir.Window{Kernel: []int{1}, Pads: []int{-1, 0}}, "pads"},
		"wide window":      {ir.Window{Kernel: []int{1 << 20}, Dilations: []int{1 << 20}, AutoPad: ir.PadSameUpper}, "spans"},
		"too many strides": {ir.Window{Kernel: []int{1}, Strides: []int{1, 1}}, "strides has 2 values, want 1"},
		"too few pads":     {ir.Window{Kernel: []int{1}, Pads: []int{1}}, "pads has 1 values, want 2"},
		"does not fit":     {ir.Window{Kernel: []int{9}, Pads: []int{1, 1}}, "does not fit an extent of 5"},
		"unknown rule":     {ir.Window{Kernel: []int{1}, AutoPad: 9}, "auto_pad"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ir.MaxPool{Window: c.w}.Fit(tensor.Shape{1, 1, 5})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, _, err := (ir.MaxPool{Window: ir.Window{Kernel: []int{1}}}).Fit(tensor.Shape{1, 1, 0}); err == nil {
		t.Error("a window over no elements was taken")
	}
}
