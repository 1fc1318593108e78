// Package engines is the list of inference engines that our programs ship, in
// the order in which they are preferred.
//
//	engines, err := engines.Named("auto")
package engines

import (
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/cuda"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// Auto is the choice of the first engine that can.
const Auto = "auto"

// All lists every engine, the preferred first. The reference engine is last: it
// can run every model, slowly.
func All() []kernels.Engine {
	return []kernels.Engine{cuda.Engine{}, gorgonia.Engine{}, reference.Engine{}}
}

// Named gives all engines for Auto, else the one of that name.
func Named(name string) ([]kernels.Engine, error) {
	if name == Auto {
		return All(), nil
	}
	names := []string{Auto}
	for _, e := range All() {
		if e.Name() == name {
			return []kernels.Engine{e}, nil
		}
		names = append(names, e.Name())
	}
	return nil, fmt.Errorf("engine %q: want one of %s", name, strings.Join(names, ", "))
}
