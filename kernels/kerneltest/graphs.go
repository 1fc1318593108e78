package kerneltest

import (
	"math/rand/v2"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// testGraph is a small graph of several steps: what a single operator cannot
// show. It is compared with itself, evaluated node by node without fusions.
type testGraph struct {
	name string
	grow func(s *sketch)
}

func graphs() []testGraph {
	return []testGraph{
		{"graph of conv, normalization and relu6, twice", func(s *sketch) {
			x := s.input(1, 3, 9, 7)
			x = s.clip(s.normalize(s.conv(x, 8, 3, 3, 1)))
			s.output(s.clip(s.normalize(s.conv(x, 8, 1, 3, 8))))
		}},
		{"graph of a residual", func(s *sketch) {
			x := s.relu(s.conv(s.input(1, 4, 6, 5), 4, 4, 3, 1))
			y := s.conv(s.relu(s.conv(x, 4, 4, 3, 1)), 4, 4, 3, 1)
			s.output(s.relu(s.node(ir.Add{}, y, x)))
		}},
		{"graph of branches that outlive each other", func(s *sketch) {
			x := s.relu(s.input(2, 3, 5, 5))
			long := s.conv(x, 3, 3, 1, 1)
			short := s.relu(s.conv(s.relu(s.conv(x, 5, 3, 3, 1)), 3, 5, 3, 1))
			s.output(s.node(ir.Concat{Axis: 1}, short, long, x))
		}},
		{"graph of operands written late, in another order than they are read", func(s *sketch) {
			x := s.input(3, 7)
			var parts []ir.ValueID
			for range 5 {
				x = s.relu(s.node(ir.Add{}, x, s.weight(7)))
				parts = append([]ir.ValueID{s.node(ir.Softmax{Axis: 1}, x)}, parts...)
			}
			s.output(s.node(ir.Concat{Axis: 0}, parts...))
		}},
		{"graph with an operand read twice", func(s *sketch) {
			x := s.relu(s.input(3, 5))
			s.output(s.node(ir.Add{}, x, x))
		}},
		{"graph with equal steps", func(s *sketch) {
			x := s.input(3, 5)
			s.output(s.node(ir.Add{}, s.relu(x), s.relu(x)))
		}},
		{"graph of a classifier's tail", func(s *sketch) {
			x := s.node(ir.GlobalAveragePool{}, s.relu(s.input(2, 7, 3, 3)))
			x = s.node(ir.Flatten{Axis: 1}, x)
			x = s.node(ir.Gemm{Alpha: 1, Beta: 1, TransB: true}, x, s.weight(11, 7), s.weight(11))
			s.output(s.node(ir.Softmax{Axis: 1}, s.relu(x)))
		}},
		{"graph that reshapes by its own shape", func(s *sketch) {
			x := s.relu(s.input(2, 3, 5))
			rows := s.node(ir.Gather{Axis: 0}, s.node(ir.Shape{}, x), s.integers([]int64{0}))
			shape := s.node(ir.Concat{Axis: 0}, s.node(ir.Unsqueeze{}, rows, s.integers([]int64{0}, 1)), s.integers([]int64{-1}, 1))
			s.output(s.node(ir.Reshape{}, x, shape))
		}},
		{"graph with several outputs, one read on", func(s *sketch) {
			x := s.relu(s.input(2, 5))
			y := s.node(ir.Add{}, x, s.weight(5))
			s.output(x)
			s.output(s.relu(y))
			s.output(x)
		}},
		{"graph that gives its input and a constant", func(s *sketch) {
			s.output(s.input(2, 3))
			s.output(s.weight(4))
		}},
	}
}

// build grows the graph and draws its inputs.
func (c testGraph) build(name string) (*ir.Graph, []*tensor.Tensor) {
	s := &sketch{builder: newBuilder(name), rand: generator(name)}
	c.grow(s)
	return s.g, s.in
}

// sketch is a builder that draws weights and inputs as it goes.
type sketch struct {
	builder
	rand     *rand.Rand
	in       []*tensor.Tensor
	channels int // that the last convolution made
}

func (s *sketch) input(shape ...int) ir.ValueID {
	s.in = append(s.in, input(shape...).tensor(s.rand))
	return s.builder.input(tensor.Float32, shape)
}

func (s *sketch) output(id ir.ValueID) { s.g.Outputs = append(s.g.Outputs, id) }

func (s *sketch) weight(shape ...int) ir.ValueID { return s.constant(weight(shape...).tensor(s.rand)) }

func (s *sketch) integers(v []int64, shape ...int) ir.ValueID {
	return s.constant(integers(v, shape...).tensor(s.rand))
}

// conv keeps the picture's extents; the weights are [maps×channels×k×k].
func (s *sketch) conv(x ir.ValueID, maps, channels, k, group int) ir.ValueID {
	op := ir.Conv{Group: group, Window: ir.Window{AutoPad: ir.PadSameUpper}}
	s.channels = maps
	return s.node(op, x, s.weight(maps, channels, k, k), s.weight(maps))
}

func (s *sketch) normalize(x ir.ValueID) ir.ValueID {
	v := s.constant(variance(s.channels).tensor(s.rand))
	return s.node(ir.BatchNormalization{Epsilon: 1e-5}, x, s.weight(s.channels), s.weight(s.channels), s.weight(s.channels), v)
}

func (s *sketch) relu(x ir.ValueID) ir.ValueID { return s.node(ir.Relu{}, x) }

// clip is ReLU6.
func (s *sketch) clip(x ir.ValueID) ir.ValueID {
	lo, hi := s.constant(scalar(0).tensor(s.rand)), s.constant(scalar(6).tensor(s.rand))
	return s.node(ir.Clip{}, x, lo, hi)
}
