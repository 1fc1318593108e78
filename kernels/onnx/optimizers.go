package onnx

import "github.com/squadron-edge/squadron/kernels/ir"

// optimizers lack Gradient, which would differentiate the graph around it.
var optimizers = family{
	"Adagrad": func(r *reading) ir.Operator {
		return ir.Optimizer{
			Rule: ir.Adagrad, Decay: r.float("decay_factor", 0), Epsilon: r.float("epsilon", 1e-6),
			Norm: r.float("norm_coefficient", 0),
		}
	},
	"Adam": func(r *reading) ir.Operator {
		// The specification's default is 1e-6, and ONNX 1.12's own case counts on 1e-2.
		r.required("epsilon")
		return ir.Optimizer{
			Rule: ir.Adam, Alpha: r.float("alpha", 0.9), Beta: r.float("beta", 0.999), Epsilon: r.float("epsilon", 1e-6),
			Norm: r.float("norm_coefficient", 0), NormPost: r.float("norm_coefficient_post", 0),
		}
	},
	"Momentum": func(r *reading) ir.Operator {
		for _, name := range []string{"alpha", "beta", "mode", "norm_coefficient"} {
			r.required(name)
		}
		return ir.Optimizer{
			Rule: ir.Momentum, Alpha: r.float("alpha", 0), Beta: r.float("beta", 0), Norm: r.float("norm_coefficient", 0),
			Nesterov: r.choice("mode", "standard", "standard", "nesterov") == "nesterov",
		}
	},
}
