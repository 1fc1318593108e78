package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func normalizations(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.LayerNormalization:
		return kernel{needs: 2, run: func(w *ir.Watch, in, out args) error { return layerNormalization(w, op, in, out) }}, true
	case ir.RMSNormalization:
		return kernel{needs: 2, run: func(w *ir.Watch, in, out args) error { return rmsNormalization(w, op, in, out) }}, true
	case ir.SkipNormalization:
		return kernel{needs: 3, run: func(w *ir.Watch, in, out args) error { return skipNormalization(w, op, in, out) }}, true
	case ir.GroupNormalization:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return groupNormalization(w, op.Groups, op.PerGroup, op.Epsilon, in, y)
		})
	case ir.InstanceNormalization:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return groupNormalization(w, in[0].Shape()[1], false, op.Epsilon, in, y)
		})
	case ir.LpNormalization:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return eachLine(w, in[0], y, op.Axis, false, lpNormalization(op.P))
		})
	case ir.LRN:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return lrn(w, op, in[0], y) })
	case ir.MeanVarianceNormalization:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return meanVariance(w, op, in[0], y) })
	}
	return kernel{}, false
}

// layerNormalization is (x − mean)/√(variance + ε)·scale + b over the elements from
// the axis on (ONNX LayerNormalization-17).
func layerNormalization(w *ir.Watch, op ir.LayerNormalization, in, out args) error {
	s := in[0].Shape()
	n := normalizing{watch: w, length: size(s[axisOf(op.Axis, len(s)):]), epsilon: float64(op.Epsilon), centred: true}
	y := n.run(reals(in[0]), out[1].Len())
	y.scale(in[1], in[2], s)
	putReals(out[0], y.elements)
	putReals(out[1], y.means)
	putReals(out[2], y.inverses)
	return nil
}

// rmsNormalization is x/√(mean square + ε)·scale (ONNX RMSNormalization-23).
func rmsNormalization(w *ir.Watch, op ir.RMSNormalization, in, out args) error {
	s := in[0].Shape()
	n := normalizing{watch: w, length: size(s[axisOf(op.Axis, len(s)):]), epsilon: float64(op.Epsilon)}
	y := n.run(reals(in[0]), out[1].Len())
	y.scale(in[1], nil, s)
	putReals(out[0], y.elements)
	putReals(out[1], y.inverses)
	return nil
}

// skipNormalization normalises input + skip + bias over the last dimension
// (onnxruntime com.microsoft.SkipLayerNormalization-1).
func skipNormalization(w *ir.Watch, op ir.SkipNormalization, in, out args) error {
	beta, bias := in[3], in[4]
	if op.Simplified {
		beta, bias = nil, in[3]
	}
	s := in[0].Shape()
	x := reals(in[0])
	for _, t := range []*tensor.Tensor{in[1], bias} {
		if t == nil {
			continue
		}
		v, step := reals(t), strides(t.Shape(), s)
		for i := range x {
			x[i] += v[offset(i, s, step)]
		}
	}
	putReals(out[3], x)
	n := normalizing{watch: w, length: s[len(s)-1], epsilon: float64(op.Epsilon), centred: !op.Simplified}
	y := n.run(x, out[1].Len())
	y.scale(in[2], beta, s)
	putReals(out[0], y.elements)
	putReals(out[1], y.means)
	putReals(out[2], y.inverses)
	return nil
}

// groupNormalization makes the mean 0 and the variance 1 over equal parts of the
// channels of each picture (ONNX GroupNormalization-21, InstanceNormalization-22).
func groupNormalization(w *ir.Watch, groups int, perGroup bool, epsilon float32, in args, yt *tensor.Tensor) error {
	s := in[0].Shape()
	channels, area := s[1], size(s[2:])
	n := normalizing{watch: w, length: channels / groups * area, epsilon: float64(epsilon), centred: true}
	y := n.run(reals(in[0]), s[0]*groups)
	scale, bias := reals(in[1]), reals(in[2])
	for i := range y.elements {
		c := i / area % channels
		if perGroup {
			c /= channels / groups
		}
		y.elements[i] = y.elements[i]*scale[c] + bias[c]
	}
	putReals(yt, y.elements)
	return nil
}

// normalizing makes the mean square of each length elements 1, and the mean 0 if
// centred.
type normalizing struct {
	watch   *ir.Watch
	length  int
	epsilon float64
	centred bool
}

// normalized is the elements with the mean and 1/√(variance + ε) of each part.
type normalized struct{ elements, means, inverses []float64 }

func (n normalizing) run(x []float64, parts int) normalized {
	y := normalized{elements: make([]float64, len(x)), means: make([]float64, parts), inverses: make([]float64, parts)}
	for p := range parts {
		if n.watch.Over(n.length) {
			return y
		}
		part := x[p*n.length:][:n.length]
		if n.centred {
			y.means[p] = mean(part)
		}
		square := 0.0
		for _, v := range part {
			square += (v - y.means[p]) * (v - y.means[p])
		}
		y.inverses[p] = 1 / math.Sqrt(square/float64(n.length)+n.epsilon)
		for i, v := range part {
			y.elements[p*n.length+i] = (v - y.means[p]) * y.inverses[p]
		}
	}
	return y
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// scale multiplies by scale and adds bias, which may be absent; both are broadcast.
func (n normalized) scale(scale, bias *tensor.Tensor, s tensor.Shape) {
	factors, steps := reals(scale), strides(scale.Shape(), s)
	for i := range n.elements {
		n.elements[i] *= factors[offset(i, s, steps)]
	}
	if bias == nil {
		return
	}
	addends, steps := reals(bias), strides(bias.Shape(), s)
	for i := range n.elements {
		n.elements[i] += addends[offset(i, s, steps)]
	}
}

// lrn divides by (bias + alpha/size·Σx²)^beta, with the squares of the channels from
// ⌊(size−1)/2⌋ before to ⌈(size−1)/2⌉ after (ONNX LRN-13).
func lrn(w *ir.Watch, op ir.LRN, xt, yt *tensor.Tensor) error {
	x, y := reals(xt), make([]float64, yt.Len())
	lines(xt.Shape(), 1, func(_ int, l line) bool {
		for c := range l.length {
			first, last := max(0, c-(op.Size-1)/2), min(l.length-1, c+op.Size/2)
			if w.Over(last - first + 1) {
				return false
			}
			square := 0.0
			for k := first; k <= last; k++ {
				square += x[l.at(k)] * x[l.at(k)]
			}
			y[l.at(c)] = x[l.at(c)] / math.Pow(float64(op.Bias)+float64(op.Alpha)/float64(op.Size)*square, float64(op.Beta))
		}
		return true
	})
	putReals(yt, y)
	return nil
}

// meanVariance is (x − mean)/(deviation + 10⁻⁹) over axes (ONNX
// MeanVarianceNormalization-13).
func meanVariance(w *ir.Watch, op ir.MeanVarianceNormalization, xt, yt *tensor.Tensor) error {
	s := xt.Shape()
	axes, err := ir.Axes(op.Axes, len(s))
	if err != nil {
		return err
	}
	kept := s.Clone()
	for _, axis := range axes {
		kept[axis] = 1
	}
	x := reals(xt)
	r := reducing{watch: w, shape: s, to: strides(kept, s), outputs: size(kept)}
	n := float64(len(x)) / float64(r.outputs)
	means := accumulate(r, x, 0, func(_ int, sum, v float64) float64 { return sum + v/n })
	squares := accumulate(r, x, 0, func(o int, sum, v float64) float64 { return sum + (v-means[o])*(v-means[o])/n })
	for i, v := range x {
		o := offset(i, s, r.to)
		x[i] = (v - means[o]) / (math.Sqrt(squares[o]) + 1e-9)
	}
	putReals(yt, x)
	return nil
}
