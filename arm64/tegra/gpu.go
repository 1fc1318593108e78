package tegra

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// gpuNodes are the GPU's names in the device trees.
var gpuNodes = []string{"gpu", "gp10b", "gv11b", "ga10b"}

// gpuLoads are where it was found where devfreq does not lead to it.
var gpuLoads = []string{
	"sys/devices/gpu.0/load",
	"sys/devices/platform/gpu.0/load",
	"sys/devices/57000000.gpu/load",
	"sys/devices/17000000.gp10b/load",
	"sys/devices/17000000.gv11b/load",
	"sys/devices/17000000.ga10b/load",
	"sys/devices/platform/bus@0/17000000.gpu/load",
}

// GPULoad is the share of time that the GPU was busy, in percent.
func GPULoad(root fs.FS) (float64, error) {
	paths, err := devfreqLoads(root)
	if err != nil {
		return 0, err
	}
	for _, p := range append(paths, gpuLoads...) {
		load, err := number(root, p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read the GPU's load: %w", err)
		}
		if load < 0 || load > 1000 {
			return 0, fmt.Errorf("read the GPU's load: /%s says %d, not 0 to 1000", p, load)
		}
		return float64(load) / 10, nil
	}
	return 0, errors.New("the kernel shows no GPU load")
}

// devfreqLoads finds the GPU by its name, which outlives the moves of its path.
// A device that does not tell its name is not taken for it.
func devfreqLoads(root fs.FS) ([]string, error) {
	names, err := fs.Glob(root, "sys/class/devfreq/*/device/of_node/name")
	if err != nil {
		return nil, fmt.Errorf("look for the GPU: %w", err)
	}
	var loads []string
	for _, p := range names {
		name, err := read(root, p)
		if err == nil && slices.Contains(gpuNodes, name) {
			loads = append(loads, path.Join(path.Dir(p), "../load"))
		}
	}
	return loads, nil
}
