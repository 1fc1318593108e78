package kerneltest

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// testCase is one operator and how its inputs are drawn.
type testCase struct {
	name string
	op   ir.Operator
	args []argument
}

// argument is one input of a case. The zero argument is an absent input.
type argument struct {
	shape    tensor.Shape
	constant bool
	integers []int64                    // elements, if it is int64
	draw     func(r *rand.Rand) float32 // one element, if it is float32
}

// absent leaves an optional input out.
var absent argument

// input is normally distributed and known only at run time.
func input(shape ...int) argument { return argument{shape: extents(shape), draw: normal} }

// weight is normally distributed and constant.
func weight(shape ...int) argument {
	return argument{shape: extents(shape), draw: normal, constant: true}
}

// negative is an input below zero, where a forgotten padding shows.
func negative(shape ...int) argument {
	return argument{shape: extents(shape), draw: func(r *rand.Rand) float32 { return -1 - r.Float32() }}
}

// variance is a constant well above zero.
func variance(shape ...int) argument {
	return argument{shape: extents(shape), constant: true, draw: func(r *rand.Rand) float32 { return 0.5 + r.Float32() }}
}

// scalar is a constant of rank 0.
func scalar(v float32) argument {
	return argument{shape: tensor.Shape{}, constant: true, draw: func(*rand.Rand) float32 { return v }}
}

// list is a constant int64 vector.
func list(v ...int64) argument { return integers(v, len(v)) }

// integers is a constant int64 tensor.
func integers(v []int64, shape ...int) argument {
	return argument{shape: extents(shape), constant: true, integers: append([]int64{}, v...)}
}

// extents is never nil, so that a scalar differs from an absent input.
func extents(s []int) tensor.Shape { return tensor.Shape(s).Clone() }

func normal(r *rand.Rand) float32 { return float32(r.NormFloat64()) }

// generator draws the same for the same name, on every machine.
func generator(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// draw makes a case's inputs; an absent one is nil.
func draw(name string, args []argument) []*tensor.Tensor {
	r := generator(name)
	in := make([]*tensor.Tensor, len(args))
	for i, a := range args {
		if a.shape != nil {
			in[i] = a.tensor(r)
		}
	}
	return in
}

func (a argument) tensor(r *rand.Rand) *tensor.Tensor {
	if a.integers != nil {
		return must(tensor.Of(a.integers, a.shape...))
	}
	t := must(tensor.New(tensor.Float32, a.shape...))
	for i := range tensor.Data[float32](t) {
		tensor.Data[float32](t)[i] = a.draw(r)
	}
	return t
}

// running picks the inputs that are known only at run time.
func running(args []argument, in []*tensor.Tensor) []*tensor.Tensor {
	var out []*tensor.Tensor
	for i, a := range args {
		if a.shape != nil && !a.constant {
			out = append(out, in[i])
		}
	}
	return out
}

// graph is the case as a graph of one node.
func (c testCase) graph(in []*tensor.Tensor) *ir.Graph {
	b := newBuilder(c.name)
	ids := make([]ir.ValueID, len(in))
	for i, a := range c.args {
		switch {
		case a.shape == nil:
			ids[i] = ir.NoValue
		case a.constant:
			ids[i] = b.constant(in[i])
		default:
			ids[i] = b.input(in[i].DType(), in[i].Shape())
		}
	}
	return b.graph(b.node(c.op, ids...))
}

// must unwraps what only a mistake in a case can fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// infinity is an activation's absent limit.
var infinity = float32(math.Inf(1))
