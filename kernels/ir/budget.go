package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Budget bounds what a run takes for values that its plan could not place.
type Budget struct{ taken int }

// Begin starts a run's account.
func (b *Budget) Begin() { b.taken = 0 }

// Take charges a value that the run has made.
func (b *Budget) Take(bytes int) error {
	if bytes > MaxValueBytes {
		return fmt.Errorf("it gave a value of %d bytes, more than the limit of %d", bytes, MaxValueBytes)
	}
	if b.taken += bytes; b.taken > MaxArenaBytes {
		return fmt.Errorf("the values of the run take %d bytes, more than the limit of %d", b.taken, MaxArenaBytes)
	}
	return nil
}

// Free gives back what Take was charged.
func (b *Budget) Free(bytes int) { b.taken = max(0, b.taken-bytes) }

// Fits checks a value that a caller gives for one of the graph.
func (v Value) Fits(given tensor.Value) error {
	if t, ok := given.(*tensor.Tensor); given == nil || ok && t == nil {
		return fmt.Errorf("no value was given for %q", v.Name)
	}
	t, ok := given.(*tensor.Tensor)
	if ok && v.Compound == nil && (v.DType == tensor.Invalid || t.DType() == v.DType) && v.Admits(t.Shape()) {
		return nil
	}
	if v.Compound != nil && given.Type().Equal(*v.Compound) {
		return nil
	}
	if v.Compound != nil && v.Compound.Kind == tensor.IsOptional && given.Type().Equal(*v.Compound.Elem) {
		return nil // a value stands for an optional that has it
	}
	if !ok && v.Compound == nil && v.DType == tensor.Invalid {
		return nil
	}
	return fmt.Errorf("%v was given for %q, which is %v%s", given, v.Name, v.Type(), FormatShape(v.Shape))
}
