package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func optimizers(op ir.Operator) (kernel, bool) {
	if op, ok := op.(ir.Optimizer); ok {
		return kernel{needs: 5, run: func(w *ir.Watch, in, out args) error { return optimize(w, op, in, out) }}, true
	}
	return kernel{}, false
}

// optimize makes one step for each X (ONNX ai.onnx.preview.training Adagrad-1,
// Adam-1, Momentum-1). in are R, T, all X, all G and all of each state, out the new X
// and states.
func optimize(w *ir.Watch, op ir.Optimizer, in, out args) error {
	rate, steps := reals(in[0])[0], float64(tensor.Data[int64](in[1])[0])
	states := op.Rule.States()
	n := len(out) / (1 + states)
	for i := range n {
		x, g := reals(in[2+i]), reals(in[2+n+i])
		if w.Over(len(x)) {
			return nil
		}
		for k := range g {
			g[k] += float64(op.Norm) * x[k]
		}
		s := make([][]float64, states)
		for k := range s {
			s[k] = reals(in[2+(2+k)*n+i])
		}
		switch op.Rule {
		case ir.Adagrad:
			adagrad(op, rate, steps, x, g, s[0])
		case ir.Adam:
			adam(op, rate, steps, x, g, s[0], s[1])
		default:
			momentum(op, rate, steps, x, g, s[0])
		}
		putReals(out[i], x)
		for k := range s {
			putReals(out[(1+k)*n+i], s[k])
		}
	}
	return nil
}

// adagrad divides by the root of all squares of gradients so far, h.
func adagrad(op ir.Optimizer, rate, steps float64, x, g, h []float64) {
	rate /= 1 + steps*float64(op.Decay)
	for k := range x {
		h[k] += g[k] * g[k]
		x[k] -= rate * g[k] / (math.Sqrt(h[k]) + float64(op.Epsilon))
	}
}

// adam divides a running mean v of the gradients by the root of h, that of their
// squares, both corrected for having begun at 0.
func adam(op ir.Optimizer, rate, steps float64, x, g, v, h []float64) {
	alpha, beta := float64(op.Alpha), float64(op.Beta)
	if steps > 0 {
		rate *= math.Sqrt(1-math.Pow(beta, steps)) / (1 - math.Pow(alpha, steps))
	}
	for k := range x {
		v[k] = alpha*v[k] + (1-alpha)*g[k]
		h[k] = beta*h[k] + (1-beta)*g[k]*g[k]
		x[k] -= rate * v[k] / (math.Sqrt(h[k]) + float64(op.Epsilon))
		x[k] *= 1 - float64(op.NormPost)
	}
}

// momentum follows v, which the gradients change; at the first step all of them.
func momentum(op ir.Optimizer, rate, steps float64, x, g, v []float64) {
	alpha, beta := float64(op.Alpha), float64(op.Beta)
	if steps <= 0 {
		beta = 1
	}
	for k := range x {
		v[k] = alpha*v[k] + beta*g[k]
		if op.Nesterov {
			x[k] -= rate * (g[k] + alpha*v[k])
		} else {
			x[k] -= rate * v[k]
		}
	}
}
