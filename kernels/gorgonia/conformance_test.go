package gorgonia_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/kerneltest"
)

func TestConformance(t *testing.T) {
	kerneltest.Run(t, gorgonia.Engine{}, 1e-5)
}
