package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func signals(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.DFT:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return dft(w, op, in, y) })
	case ir.STFT:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return stft(w, op, in, y) })
	case ir.CosineWindow:
		return one(1, func(_ *ir.Watch, _ args, y *tensor.Tensor) error { return cosineWindow(op, y) })
	case ir.MelWeightMatrix:
		return one(5, func(w *ir.Watch, in args, y *tensor.Tensor) error { return melWeightMatrix(w, in, y) })
	}
	return kernel{}, false
}

// dft transforms each line along an axis (ONNX DFT-20).
func dft(w *ir.Watch, op ir.DFT, in args, yt *tensor.Tensor) error {
	axis, n, _, err := op.Fit(infos(in[:3]))
	if err != nil {
		return err
	}
	xs, ys := in[0].Shape(), yt.Shape()
	x, y := reals(in[0]), make([]float64, yt.Len())
	last := len(xs) - 1
	inputs, outputs := xs[:last], ys[:last]
	f := newFourier(w, n, op.Inverse)
	var to []line
	lines(outputs, axis, func(_ int, l line) bool { to = append(to, l); return true })
	lines(inputs, axis, func(i int, l line) bool {
		signal := make([]complex128, min(n, l.length)) // what is cut or filled up is 0
		if op.Inverse && op.OneSided {
			signal = signal[:min(n/2+1, l.length)]
		}
		for k := range signal {
			signal[k] = complexAt(x, l.at(k), xs[last])
			if op.Inverse && op.OneSided && k > 0 && 2*k != n {
				signal[k] *= 2 // for its mirror image, whose imaginary part undoes its own
			}
		}
		for k := range to[i].length {
			v := f.at(signal, k)
			y[to[i].at(k)*ys[last]] = real(v)
			if ys[last] == 2 {
				y[to[i].at(k)*2+1] = imag(v)
			}
		}
		return !f.over
	})
	if !f.over {
		putReals(yt, y)
	}
	return nil
}

// complexAt is element i of numbers of one or two parts.
func complexAt(x []float64, i, parts int) complex128 {
	if parts == 1 {
		return complex(x[i], 0)
	}
	return complex(x[2*i], x[2*i+1])
}

// fourier is a transform of one length.
type fourier struct {
	watch *ir.Watch
	over  bool
	n     int
	turn  float64 // ∓2π
	roots []complex128
	scale complex128
}

// mostRoots is the length of the longest transform that keeps its roots: others
// would take more memory than their output.
const mostRoots = 1 << 16

func newFourier(w *ir.Watch, n int, inverse bool) *fourier {
	f := &fourier{watch: w, n: n, turn: -2 * math.Pi, scale: 1}
	if inverse {
		f.turn, f.scale = 2*math.Pi, complex(1/float64(n), 0)
	}
	for k := range n {
		if n > mostRoots {
			break
		}
		f.roots = append(f.roots, f.root(k))
	}
	return f
}

// root is e^(∓2πik/n).
func (f *fourier) root(k int) complex128 {
	if k < len(f.roots) {
		return f.roots[k]
	}
	sin, cos := math.Sincos(f.turn * float64(k) / float64(f.n))
	return complex(cos, sin)
}

// at is element k of the transform of x, whose rest is 0.
func (f *fourier) at(x []complex128, k int) complex128 {
	if f.over = f.watch.Over(len(x)); f.over {
		return 0
	}
	sum, turned := complex128(0), 0
	for _, v := range x {
		sum += v * f.root(turned)
		if turned += k; turned >= f.n {
			turned -= f.n
		}
	}
	return sum * f.scale
}

// stft transforms each frame of each signal, multiplied by the window
// (ONNX STFT-17).
func stft(w *ir.Watch, op ir.STFT, in args, yt *tensor.Tensor) error {
	frames, _, err := op.Fit(infos(in[:4]))
	if err != nil {
		return err
	}
	xs := in[0].Shape()
	x, window := reals(in[0]), realsOf(in[2])
	y := make([]float64, 0, yt.Len())
	f := newFourier(w, frames.Length, false)
	frame := make([]complex128, frames.Length)
	for b := range xs[0] {
		for i := range frames.Count {
			for k := range frame {
				frame[k] = complexAt(x, b*xs[1]+i*frames.Step+k, xs[2])
				if window != nil {
					frame[k] *= complex(window[k], 0)
				}
			}
			for k := range yt.Shape()[2] {
				v := f.at(frame, k)
				y = append(y, real(v), imag(v))
			}
			if f.over {
				return nil
			}
		}
	}
	putReals(yt, y)
	return nil
}

// cosineTerms are the factors of cos(2πkn/N), k from 0, by their window's name.
var cosineTerms = map[ir.WindowName][]float64{
	ir.Hann:     {0.5, -0.5},
	ir.Hamming:  {25.0 / 46, -21.0 / 46},
	ir.Blackman: {0.42, -0.5, 0.08},
}

// cosineWindow is a sum of cosines (ONNX HannWindow-17 and its like). One element
// alone is 1.
func cosineWindow(op ir.CosineWindow, yt *tensor.Tensor) error {
	y := make([]float64, yt.Len())
	period := float64(len(y))
	if !op.Periodic {
		period--
	}
	for n := range y {
		if len(y) == 1 {
			y[n] = 1
			continue
		}
		for k, term := range cosineTerms[op.Name] {
			y[n] += term * math.Cos(2*math.Pi*float64(k*n)/period)
		}
	}
	putNumbers(yt, y)
	return nil
}

// putNumbers stores numbers in a tensor of any type of numbers: integers truncate.
func putNumbers(t *tensor.Tensor, v []float64) {
	if t.DType().IsFloat() {
		putReals(t, v)
		return
	}
	whole := make([]int64, len(v))
	for i := range v {
		whole[i] = int64(v[i])
	}
	putWholes(t, whole)
}

// melWeightMatrix weighs frequencies by triangles whose corners lie at equal steps
// of mel, rounded down to a frequency of the spectrum (ONNX MelWeightMatrix-17). Y
// is [frequencies×bins]. Corners that lie outside the spectrum are cut off.
func melWeightMatrix(w *ir.Watch, in args, yt *tensor.Tensor) error {
	length, rate := float64(wholes(in[1])[0]), float64(wholes(in[2])[0])
	lowest, highest := mel(reals(in[3])[0]), mel(reals(in[4])[0])
	frequencies, bins := yt.Shape()[0], yt.Shape()[1]
	step := (highest - lowest) / float64(bins+2)
	corner := func(i int) float64 {
		hertz := 700 * (math.Pow(10, (lowest+float64(i)*step)/2595) - 1)
		return math.Floor((length + 1) * hertz / rate)
	}
	y := make([]float64, yt.Len())
	for bin := range bins {
		if w.Over(frequencies) {
			return nil
		}
		left, centre, right := corner(bin), corner(bin+1), corner(bin+2)
		for f := range frequencies {
			at := float64(f)
			switch {
			case at == centre:
				y[f*bins+bin] = 1
			case left <= at && at < centre:
				y[f*bins+bin] = (at - left) / (centre - left)
			case centre < at && at < right:
				y[f*bins+bin] = (right - at) / (right - centre)
			}
		}
	}
	putNumbers(yt, y)
	return nil
}

func mel(hertz float64) float64 { return 2595 * math.Log10(1+hertz/700) }
