package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// batches finds the loops of BatchNormalization. X and Y are [N×C×…], or of one
// channel a vector; in[1:] are scale, bias, mean and variance, each [C].
func batches(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.BatchNormalization:
		return one(5, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return normalize(w, float64(op.Epsilon), in, realAt(in[3]), realAt(in[4]), y)
		})
	case ir.BatchTraining:
		return kernel{needs: 5, run: func(w *ir.Watch, in, out args) error { return batchTraining(w, op, in, out) }}, true
	}
	return kernel{}, false
}

// normalize is scale·(x − mean)/√(variance + ε) + bias for each channel (ONNX
// BatchNormalization-15).
func normalize(w *ir.Watch, epsilon float64, in args, mean, variance func(int) float64, yt *tensor.Tensor) error {
	x, scale, bias, y := realAt(in[0]), realAt(in[1]), realAt(in[2]), realTo(yt, false)
	channel := channelOf(yt.Shape())
	return each(w, yt, func(i int) {
		c := channel(i)
		slope := scale(c) / math.Sqrt(variance(c)+epsilon)
		y(i, (x(i)-mean(c))*slope+bias(c))
	})
}

// channelOf tells the channel of the i-th element.
func channelOf(s tensor.Shape) func(i int) int {
	if len(s) < 2 {
		return func(int) int { return 0 }
	}
	channels, inner := s[1], size(s[2:])
	return func(i int) int { return i / inner % channels }
}

// batchTraining normalises with X's own mean and variance, which the running ones
// approach: running·momentum + own·(1 − momentum) (ONNX BatchNormalization-15 with
// training_mode). The outputs are Y, the running mean and variance, X's mean and
// variance. The variance is that of the whole population.
func batchTraining(w *ir.Watch, op ir.BatchTraining, in, out args) error {
	xt := in[0]
	mean, variance := make([]float64, in[3].Len()), make([]float64, in[4].Len())
	x, channel := realAt(xt), channelOf(xt.Shape())
	n := float64(xt.Len()) / float64(len(mean))
	if err := each(w, xt, func(i int) { mean[channel(i)] += x(i) / n }); err != nil {
		return err
	}
	if err := each(w, xt, func(i int) {
		d := x(i) - mean[channel(i)]
		variance[channel(i)] += d * d / n
	}); err != nil {
		return err
	}
	own := func(v []float64) func(int) float64 { return func(c int) float64 { return v[c] } }
	if err := normalize(w, float64(op.Epsilon), in, own(mean), own(variance), out[0]); err != nil {
		return err
	}
	momentum := float64(op.Momentum)
	for k, statistic := range [][]float64{mean, variance} {
		before, running, saved := realAt(in[3+k]), realTo(out[1+k], false), realTo(out[3+k], false)
		for c, v := range statistic {
			running(c, before(c)*momentum+v*(1-momentum))
			saved(c, v)
		}
	}
	return nil
}
