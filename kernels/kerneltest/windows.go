package kerneltest

import "github.com/squadron-edge/squadron/kernels/ir"

func convCases() []testCase {
	relu := ir.Activation{Clip: true, Max: infinity}
	same := func(rule ir.AutoPad, strides, dilations []int) ir.Conv {
		return ir.Conv{Group: 1, Window: ir.Window{AutoPad: rule, Strides: strides, Dilations: dilations}}
	}
	padded := func(group int, strides, pads []int) ir.Conv {
		return ir.Conv{Group: group, Window: ir.Window{Strides: strides, Pads: pads}}
	}
	dilated := padded(1, []int{1, 2}, []int{2, 3, 1, 0})
	dilated.Dilations = []int{2, 3}
	fused := padded(1, nil, []int{1, 1, 1, 1})
	fused.Act = relu
	fusedDepthwise := padded(5, nil, []int{1, 1, 1, 1})
	fusedDepthwise.Act = relu
	return []testCase{
		{"conv without padding", padded(1, nil, nil), []argument{input(1, 3, 7, 11), weight(5, 3, 3, 3), weight(5)}},
		{"conv padded alike", padded(1, nil, []int{1, 1, 1, 1}), []argument{input(2, 3, 5, 7), weight(4, 3, 3, 3), weight(4)}},
		{"conv padded unevenly", padded(1, []int{2, 1}, []int{0, 2, 3, 1}), []argument{input(1, 2, 7, 5), weight(3, 2, 3, 2), weight(3)}},
		{"conv padded past its window", padded(1, nil, []int{4, 5, 4, 5}), []argument{input(1, 2, 3, 2), weight(3, 2, 3, 3)}},
		{"conv with strides past its window", padded(1, []int{5, 4}, nil), []argument{input(1, 2, 13, 11), weight(3, 2, 2, 3), weight(3)}},
		{"conv of no channels", ir.Conv{Group: 1}, []argument{input(2, 0, 5, 7), weight(3, 0, 3, 3), weight(3)}},
		{"conv dilated", dilated, []argument{input(1, 2, 11, 13), weight(3, 2, 3, 3), weight(3)}},
		{"conv without bias", padded(1, nil, nil), []argument{input(1, 3, 5, 5), weight(2, 3, 3, 3)}},
		{"conv of one pixel", padded(1, nil, nil), []argument{input(1, 7, 1, 1), weight(3, 7, 1, 1), weight(3)}},
		{"conv pointwise", padded(1, nil, nil), []argument{input(2, 13, 3, 5), weight(7, 13, 1, 1), weight(7)}},
		{"conv pointwise with strides", padded(1, []int{2, 2}, nil), []argument{input(1, 5, 7, 9), weight(3, 5, 1, 1), weight(3)}},
		{"conv of more than one strip", padded(1, nil, []int{1, 1, 1, 1}), []argument{input(1, 257, 7, 7), weight(3, 257, 3, 3), weight(3)}},
		{"conv deeper than a panel", padded(1, nil, []int{1, 1, 1, 1}), []argument{input(1, 4099, 3, 3), weight(3, 4099, 3, 3), weight(3)}},
		{"conv of a line longer than a panel", padded(1, nil, []int{3, 2}), []argument{input(1, 2, 17003), weight(3, 2, 17001), weight(3)}},
		{"conv with 2 groups", padded(2, nil, []int{1, 1, 1, 1}), []argument{input(2, 6, 5, 4), weight(10, 3, 3, 3), weight(10)}},
		{"conv depthwise", padded(5, nil, []int{1, 1, 1, 1}), []argument{input(2, 5, 7, 6), weight(5, 1, 3, 3), weight(5)}},
		{"conv depthwise with strides", padded(3, []int{2, 2}, []int{1, 1, 1, 1}), []argument{input(1, 3, 7, 8), weight(3, 1, 3, 3), weight(3)}},
		{"conv depthwise unevenly padded", padded(3, []int{2, 3}, []int{0, 2, 3, 0}), []argument{input(1, 3, 5, 11), weight(3, 1, 3, 5)}},
		{"conv depthwise with a multiplier", padded(3, nil, nil), []argument{input(2, 3, 5, 5), weight(6, 1, 3, 3), weight(6)}},
		{"conv of a single channel", padded(1, nil, nil), []argument{input(1, 1, 6, 5), weight(4, 1, 3, 3), weight(4)}},
		{"conv same upper", same(ir.PadSameUpper, nil, nil), []argument{input(1, 2, 5, 7), weight(3, 2, 4, 2), weight(3)}},
		{"conv same upper with strides", same(ir.PadSameUpper, []int{2, 3}, nil), []argument{input(1, 2, 7, 10), weight(3, 2, 3, 3), weight(3)}},
		{"conv same lower with strides", same(ir.PadSameLower, []int{2, 3}, nil), []argument{input(1, 2, 8, 10), weight(3, 2, 3, 4), weight(3)}},
		{"conv same upper dilated", same(ir.PadSameUpper, nil, []int{2, 3}), []argument{input(1, 2, 9, 8), weight(3, 2, 2, 2), weight(3)}},
		{"conv valid", same(ir.PadValid, []int{2, 2}, nil), []argument{input(1, 2, 7, 8), weight(3, 2, 3, 3), weight(3)}},
		{"conv of a signal", padded(1, []int{2}, []int{1, 2}), []argument{input(2, 3, 17), weight(5, 3, 4), weight(5)}},
		{"conv of a signal depthwise", padded(3, nil, []int{2, 0}), []argument{input(2, 3, 13), weight(3, 1, 3), weight(3)}},
		{"conv of an empty batch", padded(1, nil, nil), []argument{input(0, 3, 5, 5), weight(2, 3, 3, 3), weight(2)}},
		{"conv with weights known at run time", padded(1, nil, nil), []argument{input(1, 2, 5, 5), input(3, 2, 3, 3), input(3)}},
		{"conv then relu", fused, []argument{input(1, 3, 5, 7), weight(7, 3, 3, 3), weight(7)}},
		{"conv depthwise then relu", fusedDepthwise, []argument{input(1, 5, 5, 7), weight(5, 1, 3, 3), weight(5)}},
	}
}

func poolCases() []testCase {
	window := func(kernel, strides, pads []int) ir.Window {
		return ir.Window{Kernel: kernel, Strides: strides, Pads: pads}
	}
	three, two, ones := []int{3, 3}, []int{2, 2}, []int{1, 1, 1, 1}
	dilated := window([]int{2, 3}, nil, []int{1, 2, 0, 1})
	dilated.Dilations = []int{3, 2}
	same := func(rule ir.AutoPad) ir.Window {
		return ir.Window{Kernel: three, Strides: two, AutoPad: rule}
	}
	return []testCase{
		{"max pool", ir.MaxPool{Window: window(two, two, nil)}, []argument{input(2, 3, 6, 8)}},
		{"max pool where padding must not win", ir.MaxPool{Window: window(three, two, ones)}, []argument{negative(1, 2, 7, 7)}},
		{"max pool padded unevenly", ir.MaxPool{Window: window([]int{3, 2}, []int{1, 2}, []int{2, 0, 1, 1})}, []argument{negative(1, 2, 5, 7)}},
		{"max pool rounded up", ir.MaxPool{Window: window(three, two, nil), CeilMode: true}, []argument{negative(1, 3, 8, 7)}},
		{"max pool rounded up and padded", ir.MaxPool{Window: window(two, two, ones), CeilMode: true}, []argument{negative(1, 1, 5, 4)}},
		{"max pool dilated", ir.MaxPool{Window: dilated}, []argument{negative(1, 2, 9, 8)}},
		{"max pool same upper", ir.MaxPool{Window: same(ir.PadSameUpper)}, []argument{negative(1, 2, 6, 7)}},
		{"max pool same lower", ir.MaxPool{Window: same(ir.PadSameLower)}, []argument{negative(1, 2, 6, 7)}},
		{"max pool of a signal", ir.MaxPool{Window: window([]int{3}, []int{2}, []int{1, 0})}, []argument{negative(2, 3, 11)}},
		{"max pool of one pixel", ir.MaxPool{Window: window([]int{1, 1}, nil, nil)}, []argument{input(1, 2, 1, 1)}},
		{"average pool", ir.AveragePool{Window: window(two, two, nil)}, []argument{input(2, 3, 6, 8)}},
		{"average pool without its padding", ir.AveragePool{Window: window(three, two, ones)}, []argument{input(1, 2, 7, 7)}},
		{"average pool with its padding", ir.AveragePool{Window: window(three, two, ones), CountIncludePad: true}, []argument{input(1, 2, 7, 7)}},
		{"average pool rounded up", ir.AveragePool{Window: window(three, two, nil), CeilMode: true}, []argument{input(1, 2, 8, 6)}},
		{"average pool rounded up with its padding", ir.AveragePool{Window: window(three, two, ones), CeilMode: true, CountIncludePad: true}, []argument{input(1, 2, 8, 6)}},
		{"average pool padded unevenly", ir.AveragePool{Window: window([]int{2, 3}, nil, []int{0, 2, 1, 1}), CountIncludePad: true}, []argument{input(1, 2, 5, 7)}},
		{"average pool dilated", ir.AveragePool{Window: dilated}, []argument{input(1, 2, 9, 8)}},
		{"average pool same lower", ir.AveragePool{Window: same(ir.PadSameLower)}, []argument{input(1, 2, 6, 7)}},
	}
}
