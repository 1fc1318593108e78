package onnx

import "github.com/squadron-edge/squadron/kernels/ir"

var losses = family{
	"NegativeLogLikelihoodLoss": func(r *reading) ir.Operator {
		return ir.NegativeLogLikelihoodLoss{Averaging: r.averaging(), Ignoring: r.ignoring()}
	},
	"SoftmaxCrossEntropyLoss": func(r *reading) ir.Operator {
		return ir.SoftmaxCrossEntropyLoss{Averaging: r.averaging(), Ignoring: r.ignoring()}
	},
}

// averaging reads how losses become one.
func (r *reading) averaging() ir.Averaging {
	switch r.choice("reduction", "mean", "none", "sum", "mean") {
	case "none":
		return ir.LossEach
	case "sum":
		return ir.LossSum
	}
	return ir.LossMean
}

func (r *reading) ignoring() ir.Ignoring {
	if a := r.attribute("ignore_index", IntAttribute); a != nil {
		return ir.Ignoring{Label: int(a.Int), Set: true}
	}
	return ir.Ignoring{}
}
