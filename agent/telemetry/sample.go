package telemetry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"

	"github.com/squadron-edge/squadron/arm64/tegra"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// maxReason bounds a reason in Missing, in bytes: all of them must fit one
// message beside the rest.
const maxReason = 120

// errNothing says that the kernel's answer was empty, which gopsutil gives as
// zeros.
var errNothing = errors.New("the kernel shows nothing")

// Sample reads everything once. The load is since the sample before.
func (s *Sampler) Sample(ctx context.Context, now time.Time) wire.Telemetry {
	r := &sample{Telemetry: wire.Telemetry{At: now.UTC(), Models: s.models()}}
	var err error
	r.CPUPercent, err = s.busy(ctx)
	r.missing("cpu_percent", err)
	r.memory(ctx)
	r.disk(ctx, s.stateDir)
	r.agent(ctx)
	r.network(ctx)
	r.UptimeSeconds, err = host.UptimeWithContext(ctx)
	r.missing("uptime_seconds", err)
	jetson := r.board(s)
	r.Temperatures, err = temperatures(ctx, s.root, jetson)
	r.missing("temperature_celsius", err)
	return r.Telemetry
}

// sample is a message that is being filled.
type sample struct{ wire.Telemetry }

// missing notes what could not be read, on one line.
func (r *sample) missing(fields string, err error) {
	if err == nil {
		return
	}
	why := strings.ReplaceAll(err.Error(), "\n", "; ")
	if len(why) > maxReason {
		why = strings.ToValidUTF8(why[:maxReason], "") + "…"
	}
	r.Missing = append(r.Missing, fields+": "+why)
}

func (r *sample) memory(ctx context.Context) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err == nil && m.Total == 0 {
		err = errNothing
	}
	if err != nil {
		r.missing("memory_used_mib, memory_available_mib", err)
		return
	}
	r.MemoryUsedMiB, r.MemoryFreeMiB = mebibytes(m.Used), mebibytes(m.Available)
}

func (r *sample) disk(ctx context.Context, dir string) {
	d, err := disk.UsageWithContext(ctx, dir)
	if err != nil {
		r.missing("disk_free_mib", fmt.Errorf("%s: %w", dir, err))
		return
	}
	r.DiskFreeMiB = mebibytes(d.Free)
}

// agent reads what this process itself holds in memory.
func (r *sample) agent(ctx context.Context) {
	self, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
	if err != nil {
		r.missing("agent_rss_mib", err)
		return
	}
	m, err := self.MemoryInfoWithContext(ctx)
	if err != nil {
		r.missing("agent_rss_mib", err)
		return
	}
	r.AgentRSSMiB = mebibytes(m.RSS)
}

// network sums over every interface but loopback, since the machine's start.
func (r *sample) network(ctx context.Context) {
	interfaces, err := net.IOCountersWithContext(ctx, true)
	if err != nil {
		r.missing("net_sent_bytes, net_received_bytes", err)
		return
	}
	for _, i := range interfaces {
		if i.Name != "lo" {
			r.NetSentBytes += i.BytesSent
			r.NetRecvBytes += i.BytesRecv
		}
	}
}

// board reads what only a Jetson has, and reports whether the machine is one.
func (r *sample) board(s *Sampler) (jetson bool) {
	if _, err := tegra.Identify(s.root); errors.Is(err, tegra.ErrNotTegra) {
		r.missing("gpu_load_percent, power_milliwatts, power_mode", err)
		return false
	}
	load, err := tegra.GPULoad(s.root)
	if r.missing("gpu_load_percent", err); err == nil {
		r.GPULoadPercent = &load
	}
	r.PowerMilliwatts, err = tegra.Rails(s.root)
	r.missing("power_milliwatts", err)
	r.PowerMode, err = tegra.PowerMode(s.root)
	r.missing("power_mode", err)
	return true
}

// busy is the share of processor time that was not idle since the last call, in
// percent of all processors.
func (s *Sampler) busy(ctx context.Context) (float64, error) {
	times, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return 0, err
	}
	if len(times) == 0 {
		return 0, errNothing
	}
	before := s.before
	s.before = times[0]
	return busyPercent(before, times[0])
}

// busyPercent leaves out guest time, which Linux counts as user time already
// (proc(5), /proc/stat).
func busyPercent(before, now cpu.TimesStat) (float64, error) {
	work := func(t cpu.TimesStat) float64 { return t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal }
	idle := func(t cpu.TimesStat) float64 { return t.Idle + t.Iowait }
	worked := max(0, work(now)-work(before)) // iowait and steal may run backwards
	rested := max(0, idle(now)-idle(before))
	if worked+rested == 0 {
		return 0, errors.New("no processor time has passed since the last sample")
	}
	return math.Round(1000*worked/(worked+rested)) / 10, nil
}

func mebibytes(bytes uint64) int { return int(bytes >> 20) }
