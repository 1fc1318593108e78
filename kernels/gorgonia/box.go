package gorgonia

import (
	"fmt"
	"reflect"

	"gorgonia.org/gorgonia"
	gtensor "gorgonia.org/tensor"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// box is the gorgonia.Value of what Gorgonia has no type for: tensors of other
// elements than float32, tensors whose shape only the run tells, and what is no
// tensor. Steps look inside; to Gorgonia it is an opaque scalar.
type box struct {
	value tensor.Value // nil while nothing has given it
	bytes int          // charged for it
}

var _ gorgonia.Value = (*box)(nil)

// boxType is the type of a box in Gorgonia's algebra: a scalar of boxes.
var boxType = gtensor.Dtype{Type: reflect.TypeFor[box]()}

// Shape is a scalar's.
func (*box) Shape() gtensor.Shape { return gtensor.ScalarShape() }

// Size counts the box itself.
func (*box) Size() int { return 1 }

// Data is what is in the box.
func (b *box) Data() any { return b.value }

// Dtype says nothing of what is in the box.
func (*box) Dtype() gtensor.Dtype { return boxType }

// Uintptr is 0: there is no memory that Gorgonia could use.
func (*box) Uintptr() uintptr { return 0 }

// MemSize is 0, likewise.
func (*box) MemSize() uintptr { return 0 }

// Format writes what is in the box.
func (b *box) Format(s fmt.State, _ rune) { fmt.Fprint(s, b.value) }

// boxed adds the node of a box that no step gives.
func (l *lowering) boxed(name string, b *box) *gorgonia.Node {
	n := gorgonia.NewUniqueNode(gorgonia.In(l.graph), gorgonia.WithType(boxType), gorgonia.WithName(name), gorgonia.WithShape())
	l.leaves[n] = b
	return n
}
