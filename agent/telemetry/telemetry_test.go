package telemetry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v3/common"

	"github.com/squadron-edge/squadron/agent/telemetry"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func noModels() []wire.ModelTelemetry { return nil }

// machine is a kernel's /proc and /sys in a temporary directory, in which
// gopsutil looks; the rest of the real machine stays visible.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T) machine {
	m := machine{t, t.TempDir()}
	m.write("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n")
	m.write("proc/meminfo", "MemTotal: 4096000 kB\nMemFree: 1024000 kB\nMemAvailable: 2048000 kB\nBuffers: 0 kB\nCached: 0 kB\n")
	m.write("proc/net/dev", "Inter-|   Receive  |  Transmit\n face |bytes packets\n"+
		"    lo: 900 9 0 0 0 0 0 0 900 9 0 0 0 0 0 0\n  eth0: 70 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0\n wlan0: 7 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n")
	m.write(fmt.Sprintf("proc/%d/statm", os.Getpid()), "9999 2560 100 1 0 1 0\n")
	return m
}

func (m machine) write(path, text string) {
	m.t.Helper()
	path = filepath.Join(m.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) sensor(hwmon int, name, milli string) {
	dir := fmt.Sprintf("sys/class/hwmon/hwmon%d/", hwmon)
	m.write(dir+"name", name+"\n")
	m.write(dir+"temp1_input", milli+"\n")
}

func (m machine) context() context.Context {
	return context.WithValue(m.t.Context(), common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: filepath.Join(m.dir, "proc"),
		common.HostSysEnvKey:  filepath.Join(m.dir, "sys"),
	})
}

func TestASampleHoldsWhatTheKernelShows(t *testing.T) {
	m := newMachine(t)
	m.sensor(0, "coretemp", "51000")
	m.sensor(1, "nvme", "38000")
	m.sensor(2, "nvme", "40500") // the hotter of two of a name
	serving := []wire.ModelTelemetry{{Name: "meter", Inferences: 3}}
	s := telemetry.New(fstest.MapFS{}, t.TempDir(), func() []wire.ModelTelemetry { return serving })
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.Sample(m.context(), now)
	m.write("proc/stat", "cpu  130 0 110 860 0 0 0 0 0 0\n")
	got := s.Sample(m.context(), now)

	if !got.At.Equal(now) || got.CPUPercent != 40 || got.MemoryUsedMiB != 3000 || got.MemoryFreeMiB != 2000 ||
		got.NetSentBytes != 55 || got.NetRecvBytes != 77 || !slices.Equal(got.Models, serving) {
		t.Errorf("got %+v", got)
	}
	if want := 2560 * os.Getpagesize() >> 20; got.AgentRSSMiB != want {
		t.Errorf("resident memory: got %d MiB, want %d", got.AgentRSSMiB, want)
	}
	if got.DiskFreeMiB <= 0 || got.UptimeSeconds == 0 {
		t.Errorf("got %+v", got)
	}
	if c := got.Temperatures; len(c) != 2 || c["coretemp"] != 51 || c["nvme"] != 40.5 {
		t.Errorf("temperatures: got %v", c)
	}
	if want := "gpu_load_percent, power_milliwatts, power_mode: not an NVIDIA Jetson: the machine has no device tree"; !slices.Equal(got.Missing, []string{want}) {
		t.Errorf("missing: got %q", got.Missing)
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	m := machine{t, t.TempDir()} // a kernel that shows nothing
	got := telemetry.New(fstest.MapFS{}, filepath.Join(m.dir, "gone"), noModels).Sample(m.context(), time.Time{})
	missing := strings.Join(got.Missing, "\n")
	for _, field := range []string{"cpu_percent", "memory_used_mib", "memory_available_mib", "disk_free_mib", "agent_rss_mib",
		"net_sent_bytes", "net_received_bytes", "temperature_celsius", "gpu_load_percent", "power_milliwatts", "power_mode"} {
		if !strings.Contains(missing, field) {
			t.Errorf("%s is not named", field)
		}
	}
	if t.Failed() {
		t.Logf("named are:\n%s", missing)
	}
	if _, err := wire.Encode(got); err != nil {
		t.Error(err)
	}
}

func TestTwoSamplesAtOnceDoNotInventALoad(t *testing.T) {
	m := newMachine(t)
	s := telemetry.New(fstest.MapFS{}, t.TempDir(), noModels)
	s.Sample(m.context(), time.Time{})
	got := s.Sample(m.context(), time.Time{})
	if len(got.Missing) == 0 || !strings.HasPrefix(got.Missing[0], "cpu_percent: no processor time") {
		t.Errorf("got %v %%, missing %q", got.CPUPercent, got.Missing)
	}
}

// jetson is the least that makes a machine one.
func jetson() fstest.MapFS {
	return fstest.MapFS{
		"proc/device-tree/model":               {Data: []byte("NVIDIA Jetson Nano Developer Kit\x00")},
		"proc/device-tree/compatible":          {Data: []byte("nvidia,jetson-nano\x00nvidia,tegra210\x00")},
		"etc/nv_tegra_release":                 {Data: []byte("# R32 (release), REVISION: 7.1, GCID: 1\n")},
		"sys/devices/gpu.0/load":               {Data: []byte("995\n")},
		"sys/class/thermal/thermal_zone0/type": {Data: []byte("GPU-therm\n")},
		"sys/class/thermal/thermal_zone0/temp": {Data: []byte("61500\n")},
		"var/lib/nvpmodel/status":              {Data: []byte("pmode:0001")},
	}
}

func TestAJetsonAddsItsGPUAndZones(t *testing.T) {
	m := newMachine(t)
	m.sensor(0, "tmp451", "20000") // must not hide the board's own zones
	got := telemetry.New(jetson(), t.TempDir(), noModels).Sample(m.context(), time.Time{})
	if got.GPULoadPercent == nil || *got.GPULoadPercent != 99.5 || got.PowerMode != "mode 1" ||
		len(got.Temperatures) != 1 || got.Temperatures["GPU-therm"] != 61.5 {
		t.Errorf("got %+v", got)
	}
	if want := "power_milliwatts: the board has no power monitor (INA3221)"; !slices.Contains(got.Missing, want) {
		t.Errorf("missing: got %q", got.Missing)
	}
}

func TestThermalZonesStandInForSensors(t *testing.T) {
	m := newMachine(t)
	root := jetson()
	delete(root, "proc/device-tree/compatible")
	got := telemetry.New(root, t.TempDir(), noModels).Sample(m.context(), time.Time{})
	if got.Temperatures["GPU-therm"] != 61.5 {
		t.Errorf("got %v, missing %q", got.Temperatures, got.Missing)
	}
}

func TestAMessageHasRoomForTheHottestSensorsOnly(t *testing.T) {
	m := newMachine(t)
	for i := range 200 {
		m.sensor(i, fmt.Sprintf("sensor_with_quite_a_long_name_%d", i), fmt.Sprint(20_000+100*i))
	}
	got := telemetry.New(fstest.MapFS{}, t.TempDir(), noModels).Sample(m.context(), time.Time{})
	if len(got.Temperatures) != 16 || got.Temperatures["sensor_with_quite_a_long_name_199"] != 39.9 {
		t.Errorf("got %v", got.Temperatures)
	}
	if !slices.Contains(got.Missing, "temperature_celsius: 184 cooler sensors are left out") {
		t.Errorf("missing: got %q", got.Missing)
	}
	if _, err := wire.Encode(got); err != nil {
		t.Error(err)
	}
}

func TestALongReasonIsOneShortLine(t *testing.T) {
	m, root := newMachine(t), jetson()
	for i := range 100 { // zones that are switched off
		root[fmt.Sprintf("sys/class/thermal/thermal_zone%d/type", i)] = &fstest.MapFile{Data: []byte("Tboard-therm")}
		root[fmt.Sprintf("sys/class/thermal/thermal_zone%d/temp", i)] = &fstest.MapFile{}
	}
	got := telemetry.New(root, t.TempDir(), noModels).Sample(m.context(), time.Time{})
	last := got.Missing[len(got.Missing)-1]
	if !strings.HasPrefix(last, "temperature_celsius: read thermal zone Tboard-therm: ") || strings.Contains(last, "\n") || len(last) > 150 {
		t.Errorf("got %q", last)
	}
}

func TestTheFirstLoadIsSinceRunBegan(t *testing.T) {
	m := newMachine(t)
	synctest.Test(t, func(t *testing.T) {
		m := machine{t, m.dir} // its context belongs to the bubble
		ctx, cancel := context.WithCancel(m.context())
		s := telemetry.New(fstest.MapFS{}, m.dir, noModels)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, time.Hour, time.Minute) }()
		synctest.Wait()
		m.write("proc/stat", "cpu  130 0 110 860 0 0 0 0 0 0\n")
		if got := (<-s.Newest()).CPUPercent; got != 40 {
			t.Errorf("got %v %%", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestALinkThatWasDownGetsTheNewestSampleOnly(t *testing.T) {
	m := newMachine(t)
	synctest.Test(t, func(t *testing.T) {
		m := machine{t, m.dir} // its context belongs to the bubble
		ctx, cancel := context.WithCancel(m.context())
		start := time.Now()
		s := telemetry.New(fstest.MapFS{}, m.dir, noModels)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, 10*time.Second, 3*time.Second) }()
		at := func() time.Duration { return (<-s.Newest()).At.Sub(start) }
		if got := at(); got != 3*time.Second {
			t.Errorf("the first sample came after %v", got)
		}
		if got := at(); got != 13*time.Second {
			t.Errorf("the second came after %v", got)
		}
		time.Sleep(65 * time.Second) // offline, on the bubble's clock
		synctest.Wait()
		if got := at(); got != 73*time.Second {
			t.Errorf("after a minute without a link, the sample is of %v", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestInfoSaysWhatTheMachineIs(t *testing.T) {
	m := newMachine(t)
	got, err := telemetry.Info(m.context(), jetson())
	if err != nil || got.Board != "NVIDIA Jetson Nano Developer Kit" || got.SoC != "tegra210" || got.L4T != "32.7.1" ||
		got.GPUSM != "5.3" || got.MemoryMiB != 4000 || got.Arch != runtime.GOARCH || got.OS != runtime.GOOS {
		t.Errorf("a Jetson: got %+v, %v", got, err)
	}
	if got, err := telemetry.Info(m.context(), fstest.MapFS{}); err != nil || got.Board != "unknown" || got.MemoryMiB != 4000 {
		t.Errorf("a PC: got %+v, %v", got, err)
	}
	root := jetson()
	delete(root, "etc/nv_tegra_release")
	if got, err := telemetry.Info(m.context(), root); err == nil || got.SoC != "tegra210" || got.MemoryMiB != 4000 {
		t.Errorf("a Jetson that hides its release: got %+v, %v", got, err)
	}
	if got, err := telemetry.Info(machine{t, t.TempDir()}.context(), fstest.MapFS{}); err == nil {
		t.Errorf("a machine that hides its memory: got %+v", got)
	}
}
