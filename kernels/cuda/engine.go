// Package cuda is the GPU engine's door: it finds the CUDA driver of the
// machine it runs on and says what it found.
//
// It owns every call into the driver. The driver is opened at run time, so that
// one program starts on a Jetson and on a machine that has never seen a GPU, and
// building it takes neither CUDA's headers nor its libraries. It refuses every
// plan: there are no kernels yet, and Probe says so beside what it found, so
// that the engine that runs instead can be reported with the reason.
//
// Vocabulary: the driver is NVIDIA's libcuda; a device is one GPU that the
// driver lists, with its compute capability, such as 5.3 for a Jetson Nano.
//
//	found, err := cuda.Engine{}.Probe()
//	// without a driver: found is "", err says
//	//   no CUDA driver on this machine: libcuda.so.1: cannot open shared object file: …
//	// with one: found is
//	//   CUDA driver 10.2, NVIDIA Tegra X1 (compute capability 5.3)
//	// and err says the same and that Squadron has no CUDA kernels yet.
package cuda

import (
	"errors"
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// Engine executes plans on an NVIDIA GPU. It takes none yet.
type Engine struct{}

// Name is "cuda".
func (Engine) Name() string { return "cuda" }

// Probe opens the machine's driver and names its version and devices. It always
// gives an error: why there is no usable driver, in the loader's or the driver's
// own words, or, with one, that Squadron has no CUDA kernels yet.
func (Engine) Probe() (found string, err error) { return probe(driverPaths) }

// Fusions are none.
func (Engine) Fusions() ir.Fusions { return ir.Fusions{} }

// Compile refuses the plan.
func (Engine) Compile(*ir.Plan) (ir.Program, error) { return nil, errNoKernels }

var errNoKernels = errors.New("no plan runs on a GPU: Squadron has no CUDA kernels yet")

// driverPaths are tried in turn: where the loader looks by itself, then where
// JetPack 4 puts the driver of Tegra boards (L4T r32).
var driverPaths = []string{
	"libcuda.so.1",
	"/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1",
}

func probe(paths []string) (found string, err error) {
	d, err := ask(paths)
	if err != nil {
		return "", err
	}
	if len(d.devices) == 0 {
		return d.String(), fmt.Errorf("%s, lists no device", d)
	}
	return d.String(), fmt.Errorf("%s, was found, but Squadron has no CUDA kernels yet", d)
}

// absent says that no driver can be opened, and why in the loader's own words.
type absent struct{ words string }

func (a absent) Error() string { return a.Short() + ": " + a.words }

// Short implements kernels.Brief: the paths that were tried help whoever sets
// the machine up, and hide the rest of the line from everybody else.
func (absent) Short() string { return "no CUDA driver on this machine" }

// driver is what a CUDA driver says of itself.
type driver struct {
	version int // 1000·major + 10·minor, as cuDriverGetVersion gives it
	devices []device
}

type device struct {
	name         string
	major, minor int // compute capability
}

func (d driver) String() string {
	said := []string{fmt.Sprintf("CUDA driver %d.%d", d.version/1000, d.version%1000/10)}
	for _, dev := range d.devices {
		said = append(said, dev.String())
	}
	return strings.Join(said, ", ")
}

func (d device) String() string {
	return fmt.Sprintf("%s (compute capability %d.%d)", d.name, d.major, d.minor)
}
