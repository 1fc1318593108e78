package reference

import "github.com/squadron-edge/squadron/kernels/ir"

// activate applies the epilogue that Fuse moved into a producer. NaN stays NaN.
func activate(a ir.Activation, v float32) float32 {
	if !a.Clip {
		return v
	}
	return min(max(v, a.Min), a.Max)
}
