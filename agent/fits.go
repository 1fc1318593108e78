package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/telemetry"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
)

// describe says what this device is.
func describe(c Config, log *slog.Logger) wire.Info {
	info, err := telemetry.Info(context.Background(), os.DirFS("/"))
	if err != nil {
		log.Warn("describe the device", "error", err)
	}
	info.Agent, info.Config = c.Version, c.notes(time.Now())
	info.Engines = Probe(c.Engines)
	for _, e := range info.Engines {
		if e.Engine == "cuda" {
			info.GPUWhy = e.Why
		}
	}
	return info
}

// Probe says which engines can run on this machine, and why, in full.
func Probe(engines []kernels.Engine) []wire.EngineWhy {
	var all []wire.EngineWhy
	for _, e := range engines {
		found, err := e.Probe()
		why := wire.EngineWhy{Engine: e.Name(), Usable: err == nil, Why: found}
		if err != nil {
			why.Why = err.Error()
		}
		all = append(all, why)
	}
	return all
}

// fits refuses a model that is for another board.
func fits(f bundle.Fits, here wire.Info) error {
	switch {
	case len(f.Arch) > 0 && !slices.Contains(f.Arch, here.Arch):
		return fmt.Errorf("it is for %s, and this device is %s", strings.Join(f.Arch, " or "), here.Arch)
	case len(f.Boards) > 0 && !slices.Contains(f.Boards, here.SoC):
		return fmt.Errorf("it is for boards with %s, and this one has %s", strings.Join(f.Boards, " or "), soc(here))
	case f.MinMemoryMiB > here.MemoryMiB:
		return fmt.Errorf("it needs %d MiB of memory, and this device has %d MiB", f.MinMemoryMiB, here.MemoryMiB)
	}
	return nil
}

func soc(here wire.Info) string {
	if here.SoC == "" {
		return "no Jetson's chip"
	}
	return here.SoC
}
