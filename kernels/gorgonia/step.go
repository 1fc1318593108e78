package gorgonia

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	gtensor "gorgonia.org/tensor"
)

// step is the gorgonia.Op of one node of the plan. It owns its output: a
// gtensor.Dense over its place in the arena, made once and returned by every
// Do, because what Gorgonia would allocate for it is new on each run.
type step struct {
	// index is the step's position in the plan. Gorgonia merges nodes whose
	// operators hash alike, so that it is the hash.
	index    int
	label    string
	kernel   kernel
	shared   *workspace // with the program's other steps
	sizes    []int      // elements of each operand
	operands [][]float32
	types    []hm.Type // of each operand's node
	out      *gtensor.Dense
	elements int // of the output
}

var _ gorgonia.Op = (*step)(nil)

// Arity counts the operands.
func (s *step) Arity() int { return len(s.sizes) }

// Type is a function from the operands' types to the output's.
func (s *step) Type() hm.Type {
	return hm.NewFnType(append(slices.Clone(s.types), typeOf(s.out.Dims()))...)
}

// InferShape gives the shape that the plan inferred.
func (s *step) InferShape(...gorgonia.DimSizer) (gtensor.Shape, error) { return s.out.Shape(), nil }

// Do computes the step from its operands' values and returns its own output,
// which the next Do overwrites, or why the run has ended. It allocates nothing.
func (s *step) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if len(in) != s.Arity() {
		return nil, fmt.Errorf("run %s: %d values given for %d", s.label, len(in), s.Arity())
	}
	for i, size := range s.sizes {
		dense, ok := in[i].(*gtensor.Dense)
		if !ok || dense.Dtype() != gtensor.Float32 || dense.Shape().TotalSize() < size {
			return nil, fmt.Errorf("run %s: operand %d is not a tensor of %d float32", s.label, i, size)
		}
		s.operands[i] = dense.Float32s()[:size]
	}
	if err := s.over(); err != nil {
		return nil, err
	}
	s.kernel(s.shared, s.operands, s.out.Float32s()[:s.elements])
	if err := s.over(); err != nil { // the output may be unfinished
		return nil, err
	}
	return s.out, nil
}

// over says why the run has ended, if it has.
func (s *step) over() error {
	if err := s.shared.Cause(); err != nil {
		return fmt.Errorf("run %s: %w", s.label, err)
	}
	return nil
}

// ReturnsPtr is true: Do returns the output that the step owns.
func (s *step) ReturnsPtr() bool { return true }

// CallsExtern is false: the tape machine would allocate for it.
func (s *step) CallsExtern() bool { return false }

// OverwritesInput is -1, none: the plan decides who shares memory.
func (s *step) OverwritesInput() int { return -1 }

// WriteHash writes what tells this step from the others of its graph.
func (s *step) WriteHash(h hash.Hash) { fmt.Fprintf(h, "step %d", s.index) }

// Hashcode is unique in the graph.
func (s *step) Hashcode() uint32 { return uint32(s.index) }

func (s *step) String() string { return s.label }

// typeOf is Gorgonia's type of a float32 tensor of the given rank.
func typeOf(rank int) hm.Type { return gorgonia.TensorType{Dims: rank, Of: gtensor.Float32} }
