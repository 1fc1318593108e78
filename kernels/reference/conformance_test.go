package reference_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/kerneltest"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// The engine agrees with its own Eval to the bit; what is held here is that it
// hands values from node to node as the graph says.
func TestConformance(t *testing.T) {
	kerneltest.Run(t, reference.Engine{}, 0)
}
