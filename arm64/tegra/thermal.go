package tegra

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// What a zone can mean, in m°C. The boards are rated for −40 to 105 °C; an Orin
// answers −256 °C for parts that are switched off.
const (
	coldest = -55_000
	hottest = 150_000
)

// Temperatures is that of each thermal zone in °C, by the zone's type. Any
// kernel has them, not only a Jetson's. PMIC-Die is left out: it always says
// 100 °C. A zone that is switched off answers nothing, or that it should be
// asked again: the error names it, and the others are returned.
func Temperatures(root fs.FS) (map[string]float64, error) {
	zones, err := fs.Glob(root, "sys/class/thermal/thermal_zone*/type")
	if err != nil {
		return nil, fmt.Errorf("look for thermal zones: %w", err)
	}
	if len(zones) == 0 {
		return nil, errors.New("the kernel shows no thermal zone")
	}
	celsius := map[string]float64{}
	var failed error
	for _, p := range zones {
		zone, err := read(root, p)
		if err == nil && zone == "PMIC-Die" {
			continue
		}
		var t int
		if err == nil {
			t, err = temperature(root, path.Join(path.Dir(p), "temp"))
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("read thermal zone %s: %w", zone, err))
			continue
		}
		celsius[zone] = float64(t) / 1000
	}
	return celsius, failed
}

func temperature(root fs.FS, path string) (int, error) {
	t, err := number(root, path)
	if err == nil && (t < coldest || t > hottest) {
		return 0, fmt.Errorf("/%s says %d m°C", path, t)
	}
	return t, err
}
