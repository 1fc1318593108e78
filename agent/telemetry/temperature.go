package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/shirou/gopsutil/v3/host"

	"github.com/squadron-edge/squadron/arm64/tegra"
)

// maxSensors is how many temperatures a message has room for: a server may have
// hundreds.
const maxSensors = 16

// temperatures reads the thermal zones of a Jetson, and the sensors (hwmon) of
// anything else, or its thermal zones if it has none. Of too many it keeps the
// hottest.
func temperatures(ctx context.Context, root fs.FS, jetson bool) (map[string]float64, error) {
	var celsius map[string]float64
	var err error
	if !jetson {
		celsius, err = sensors(ctx)
	}
	if len(celsius) == 0 {
		var zones error
		celsius, zones = tegra.Temperatures(root)
		err = errors.Join(err, zones)
	}
	return hottest(celsius, err)
}

// sensors asks gopsutil. Where sensors share a name, the hottest counts.
func sensors(ctx context.Context) (map[string]float64, error) {
	stats, err := host.SensorsTemperaturesWithContext(ctx)
	var warnings *host.Warnings
	if errors.As(err, &warnings) { // it says only how many
		err = errors.Join(warnings.List...)
	}
	celsius := map[string]float64{}
	for _, s := range stats {
		if t, ok := celsius[s.SensorKey]; !ok || s.Temperature > t {
			celsius[s.SensorKey] = s.Temperature
		}
	}
	return celsius, err
}

func hottest(celsius map[string]float64, err error) (map[string]float64, error) {
	if len(celsius) <= maxSensors {
		return celsius, err
	}
	names := slices.SortedFunc(maps.Keys(celsius), func(a, b string) int {
		return cmp.Or(cmp.Compare(celsius[b], celsius[a]), cmp.Compare(a, b))
	})
	for _, cooler := range names[maxSensors:] {
		delete(celsius, cooler)
	}
	return celsius, errors.Join(err, fmt.Errorf("%d cooler sensors are left out", len(names)-maxSensors))
}
