package onnx

import (
	"errors"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// optimizers lack Gradient, which would differentiate the graph around it.
var optimizers = family{
	"Adagrad": func(r *reading) ir.Operator {
		return ir.Optimizer{
			Rule: ir.Adagrad, Decay: r.float("decay_factor", 0), Epsilon: r.float("epsilon", 1e-6),
			Norm: r.float("norm_coefficient", 0),
		}
	},
	"Adam": func(r *reading) ir.Operator {
		epsilon := r.attribute("epsilon", FloatAttribute)
		if epsilon == nil {
			r.fail(errors.New(`attribute "epsilon" is missing: its default is 1e-6 in the specification and 1e-2 in ONNX 1.12's own case, so it must be said`))
			return ir.Optimizer{}
		}
		return ir.Optimizer{
			Rule: ir.Adam, Alpha: r.float("alpha", 0.9), Beta: r.float("beta", 0.999), Epsilon: epsilon.Float,
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
