package onnx

import (
	"maps"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// pointwise are the functions of each element.
var pointwise = family{
	"Abs": function("Abs"), "Acos": function("Acos"), "Acosh": function("Acosh"),
	"Asin": function("Asin"), "Asinh": function("Asinh"), "Atan": function("Atan"), "Atanh": function("Atanh"),
	"BitwiseNot": function("BitwiseNot"), "Ceil": function("Ceil"), "Cos": function("Cos"), "Cosh": function("Cosh"),
	"Erf": function("Erf"), "Exp": function("Exp"), "Floor": function("Floor"), "HardSwish": function("HardSwish"),
	"IsNaN": function("IsNaN"), "Log": function("Log"), "Mish": function("Mish"), "Neg": function("Neg"),
	"Not": function("Not"), "Reciprocal": function("Reciprocal"), "Round": function("Round"),
	"Sigmoid": function("Sigmoid"), "Sign": function("Sign"), "Sin": function("Sin"), "Sinh": function("Sinh"),
	"Softplus": function("Softplus"), "Softsign": function("Softsign"), "Sqrt": function("Sqrt"),
	"Tan": function("Tan"), "Tanh": function("Tanh"),

	"Celu":            scaled("Celu", 1),
	"Elu":             scaled("Elu", 1),
	"LeakyRelu":       scaled("LeakyRelu", 0.01),
	"Swish":           scaled("Swish", 1),
	"ThresholdedRelu": scaled("ThresholdedRelu", 1),

	"BatchNormalization": batchNormalization,
	"Cast":               cast,
	"CastLike":           castLike,
	"Clip":               clip,
	"Dropout":            dropout,
	"Gelu":               gelu,
	"HardSigmoid":        hardSigmoid,
	"IsInf":              isInf,
	"Relu":               plain(ir.Relu{}),
	"Selu":               selu,
	"Shrink":             shrink,
}

// microsoftPointwise are ONNX Runtime's functions of each element.
var microsoftPointwise = family{
	"BiasGelu": func(r *reading) ir.Operator {
		r.exactly(2)
		r.inputs = []ir.ValueID{r.before(ir.Add{}, r.inputs...)}
		return ir.Gelu{}
	},
	"FastGelu": func(r *reading) ir.Operator {
		in := r.padded(2)
		if in[1] != ir.NoValue {
			in[0] = r.before(ir.Add{}, in...)
		}
		r.inputs = in[:1]
		return ir.Gelu{Tanh: true}
	},
	"Gelu":      plain(ir.Gelu{}),
	"QuickGelu": scaled("Swish", 1.702),
}

// function is a function of one element without parameters.
func function(name string) func(*reading) ir.Operator { return plain(ir.Unary{Func: name}) }

// scaled is a function of one element with the parameter alpha.
func scaled(name string, alpha float32) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator { return ir.Unary{Func: name, Alpha: r.float("alpha", alpha)} }
}

func hardSigmoid(r *reading) ir.Operator {
	return ir.Unary{Func: "HardSigmoid", Alpha: r.float("alpha", 0.2), Beta: r.float("beta", 0.5)}
}

// selu: since 6 the parameters have all the digits that a float32 holds.
func selu(r *reading) ir.Operator {
	alpha, gamma := float32(1.67326319217681884765625), float32(1.05070102214813232421875)
	if r.opset < 6 {
		alpha, gamma = 1.6732, 1.0507
	}
	return ir.Unary{Func: "Selu", Alpha: r.float("alpha", alpha), Beta: r.float("gamma", gamma)}
}

func shrink(r *reading) ir.Operator {
	return ir.Unary{Func: "Shrink", Alpha: r.float("lambd", 0.5), Beta: r.float("bias", 0)}
}

func gelu(r *reading) ir.Operator {
	return ir.Gelu{Tanh: r.choice("approximate", "none", "none", "tanh") == "tanh"}
}

func isInf(r *reading) ir.Operator {
	return ir.IsInf{Negative: r.flag("detect_negative", true), Positive: r.flag("detect_positive", true)}
}

// clip: since 11 the bounds are inputs.
func clip(r *reading) ir.Operator {
	if r.opset >= 11 {
		return ir.Clip{}
	}
	r.exactly(1)
	for _, name := range []string{"min", "max"} {
		a := r.attribute(name, FloatAttribute)
		if a == nil {
			r.inputs = append(r.inputs, ir.NoValue)
			continue
		}
		t, err := tensor.Of([]float32{a.Float})
		r.constantInput(name, t, err)
	}
	return ir.Clip{}
}

// cast: before 6 the type is named.
func cast(r *reading) ir.Operator {
	r.required("to")
	if r.opset >= 6 {
		return ir.Cast{To: r.dtype("to"), Casting: r.casting()}
	}
	names := slices.Sorted(maps.Keys(namedTypes))
	return ir.Cast{To: namedTypes[r.choice("to", "", names...)], Casting: r.casting()}
}

// namedTypes are the types that Cast names before 6.
var namedTypes = map[string]tensor.DType{
	"BOOL": tensor.Bool, "STRING": tensor.String,
	"FLOAT": tensor.Float32, "DOUBLE": tensor.Float64, "FLOAT16": tensor.Float16,
	"INT8": tensor.Int8, "INT16": tensor.Int16, "INT32": tensor.Int32, "INT64": tensor.Int64,
	"UINT8": tensor.Uint8, "UINT16": tensor.Uint16, "UINT32": tensor.Uint32, "UINT64": tensor.Uint64,
}

func castLike(r *reading) ir.Operator { return ir.CastLike{Casting: r.casting()} }

// casting: since 19 there is saturate, since 24 round_mode.
func (r *reading) casting() ir.Casting {
	c := ir.Casting{Saturate: true}
	if r.opset >= 19 {
		c.Saturate = r.flag("saturate", true)
	}
	if r.opset >= 24 {
		c.Round = map[string]ir.Rounding{"down": ir.RoundDown, "nearest": ir.RoundNearest}[r.choice("round_mode", "up", "up", "down", "nearest")]
	}
	return c
}

// batchNormalization: before 9 spatial says whether a channel's elements share
// their statistics; before 14 the other outputs ask for training, and before 7
// is_test refuses it.
func batchNormalization(r *reading) ir.Operator {
	momentum, epsilon := r.float("momentum", 0.9), r.float("epsilon", 1e-5)
	training := r.named(1)
	switch {
	case r.opset >= 14:
		training = r.flag("training_mode", false)
	case r.opset < 7:
		training = !r.flag("is_test", false)
	}
	spatial := r.opset >= 9 || r.flag("spatial", true)
	switch {
	case training && !spatial:
		r.fixed("spatial", 1)
		return ir.BatchTraining{}
	case training:
		return ir.BatchTraining{Epsilon: epsilon, Momentum: momentum}
	case spatial:
		return ir.BatchNormalization{Epsilon: epsilon}
	}
	return r.batchNormalizationOfElements(ir.BatchNormalization{Epsilon: epsilon})
}

// batchNormalizationOfElements gives each element of a picture a channel of its
// own, and the result the picture's shape again.
func (r *reading) batchNormalizationOfElements(op ir.BatchNormalization) ir.Operator {
	r.exactly(5)
	if r.err != nil {
		return op
	}
	in := r.inputs
	shape := r.before(ir.Shape{}, in[0])
	flat := []ir.ValueID{r.before(ir.Flatten{Axis: 1}, in[0])}
	for _, statistic := range in[1:] {
		flat = append(flat, r.before(ir.Reshape{}, statistic, r.constant("all", []int64{-1}, 1)))
	}
	r.inputs = []ir.ValueID{r.before(op, flat...), shape}
	return ir.Reshape{}
}

// dropout at inference only passes its input on, which is written as Identity so
// that it can vanish. Since 12 the ratio is an input, as is training_mode; before
// 10 the mask is of the data's type; before 7 is_test says that this is inference.
func dropout(r *reading) ir.Operator {
	op := ir.Dropout{MaskOfData: r.opset < 10}
	if r.opset >= 12 {
		op.Seed = r.seed(IntAttribute)
		if !r.mayTrain() && !r.named(1) {
			r.only(1)
			return ir.Identity{}
		}
		return op
	}
	ratio := r.float("ratio", 0.5)
	r.exactly(1)
	training := r.opset < 7 && !r.flag("is_test", false)
	if !training && !r.named(1) {
		return ir.Identity{}
	}
	r.inputs = append(r.inputs, r.constant("ratio", []float32{ratio}), r.constant("training_mode", []bool{training}))
	return op
}

// mayTrain reports whether Dropout's training_mode is there and no constant false.
func (r *reading) mayTrain() bool {
	if len(r.node.Inputs) < 3 || r.node.Inputs[2] == "" {
		return false
	}
	id, err := r.value(r.node.Inputs[2])
	if r.fail(err); err != nil {
		return false
	}
	mode := r.graph.Values[id].Const
	return mode == nil || mode.DType() != tensor.Bool || mode.Len() != 1 || tensor.Data[bool](mode)[0]
}
