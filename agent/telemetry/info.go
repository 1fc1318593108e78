package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/shirou/gopsutil/v3/mem"

	"github.com/squadron-edge/squadron/arm64/tegra"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Info says what the machine is: everything of wire.Info that does not depend on
// the agent's version, engines and settings. The error names what could not be
// read; that a machine is no Jetson is none.
func Info(ctx context.Context, root fs.FS) (wire.Info, error) {
	board, err := tegra.Identify(root)
	if errors.Is(err, tegra.ErrNotTegra) {
		err = nil
	}
	info := wire.Info{
		Arch: runtime.GOARCH, OS: runtime.GOOS,
		Board: board.Model, SoC: board.SoC, L4T: board.L4T, GPUSM: board.SM,
	}
	if info.Board == "" {
		info.Board = "unknown"
	}
	memory, merr := mem.VirtualMemoryWithContext(ctx)
	if merr == nil && memory.Total == 0 {
		merr = errNothing
	}
	if merr != nil {
		return info, errors.Join(err, fmt.Errorf("read the size of the memory: %w", merr))
	}
	info.MemoryMiB = mebibytes(memory.Total)
	return info, err
}
