package tegra_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/squadron-edge/squadron/arm64/tegra"
)

// load makes a file system of one board under testdata. They are archives, not
// trees: the kernel's names have colons, which a Go module may not hold.
func load(t *testing.T, board string) fstest.MapFS {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", board+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	root := fstest.MapFS{}
	for _, f := range archive.Files {
		text := string(f.Data)
		if strings.Contains(text, `\0`) { // a device-tree property has no line end
			text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), `\0`, "\x00")
		}
		root[f.Name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestBoards(t *testing.T) {
	for _, c := range []struct {
		name    string
		board   tegra.Board
		load    float64
		rails   map[string]int
		celsius map[string]float64
		silent  string // what the error on temperatures names
		mode    string
	}{
		{
			name:    "nano-jp46",
			board:   tegra.Board{Model: "NVIDIA Jetson Nano Developer Kit", SoC: "tegra210", SM: "5.3", L4T: "32.7.1"},
			load:    42.7,
			rails:   map[string]int{"POM_5V_IN": 4380, "POM_5V_GPU": 912, "POM_5V_CPU": 1280},
			celsius: map[string]float64{"AO-therm": 44.5, "CPU-therm": 37.5, "GPU-therm": 36, "PLL-therm": 35.5},
			mode:    "MAXN",
		},
		{
			name:  "tx2-jp46",
			board: tegra.Board{Model: "quill", SoC: "tegra186", SM: "6.2", L4T: "32.7.4"},
			load:  0,
			rails: map[string]int{"VDD_IN": 2524, "VDD_SYS_GPU": 152, "VDD_SYS_SOC": 381, "VDD_4V0_WIFI": 0,
				"VDD_SYS_CPU": 305, "VDD_SYS_DDR": 556},
			celsius: map[string]float64{"BCPU-therm": 39.5, "MCPU-therm": 39.5},
			silent:  "GPU-therm",
			mode:    "mode 3",
		},
		{
			name:    "xavier-jp5",
			board:   tegra.Board{Model: "NVIDIA Jetson Xavier NX Developer Kit", SoC: "tegra194", SM: "7.2", L4T: "35.4.1"},
			load:    100,
			rails:   map[string]int{"VDD_IN": 4414, "VDD_CPU_GPU_CV": 626},
			celsius: map[string]float64{"CPU-therm": 41, "GPU-therm": 39.5},
			mode:    "MODE_20W_6CORE",
		},
		{
			name:    "orin-jp5",
			board:   tegra.Board{Model: "Jetson AGX Orin", SoC: "tegra234", SM: "8.7", L4T: "35.4.1"},
			load:    0.5,
			rails:   map[string]int{"VDD_GPU_SOC": 3187, "VDDQ_VDD2_1V8AO": 797},
			celsius: map[string]float64{"CPU-therm": 47.125, "tj-therm": 47.125},
			silent:  "CV0-therm",
			mode:    "MAXN",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := load(t, c.name)
			if b, err := tegra.Identify(root); err != nil || b != c.board {
				t.Errorf("identified %+v, %v", b, err)
			}
			if l, err := tegra.GPULoad(root); err != nil || l != c.load {
				t.Errorf("GPU load %v, %v", l, err)
			}
			if r, err := tegra.Rails(root); err != nil || !maps.Equal(r, c.rails) {
				t.Errorf("rails %v, %v", r, err)
			}
			celsius, err := tegra.Temperatures(root)
			if !maps.Equal(celsius, c.celsius) || (err != nil) != (c.silent != "") || !strings.Contains(fmt.Sprint(err), c.silent) {
				t.Errorf("temperatures %v, %v", celsius, err)
			}
			if m, err := tegra.PowerMode(root); err != nil || m != c.mode {
				t.Errorf("power mode %q, %v", m, err)
			}
		})
	}
}

func TestAPCTellsWhatItIsNot(t *testing.T) {
	root := load(t, "pc")
	if b, err := tegra.Identify(root); !errors.Is(err, tegra.ErrNotTegra) || b != (tegra.Board{}) {
		t.Errorf("identified %+v, %v", b, err)
	}
	if c, err := tegra.Temperatures(root); err != nil || !maps.Equal(c, map[string]float64{"acpitz": 27.8, "x86_pkg_temp": 52}) {
		t.Errorf("temperatures %v, %v", c, err)
	}
	_, load := tegra.GPULoad(root)
	_, rails := tegra.Rails(root)
	_, mode := tegra.PowerMode(root)
	for name, err := range map[string]error{"GPU load": load, "rails": rails, "power mode": mode} {
		if err == nil {
			t.Errorf("a PC has a %s", name)
		}
	}
}

func TestAnotherMakersBoardKeepsItsName(t *testing.T) {
	b, err := tegra.Identify(fstest.MapFS{
		"proc/device-tree/model":      {Data: []byte("Raspberry Pi 4 Model B\x00")},
		"proc/device-tree/compatible": {Data: []byte("raspberrypi,4-model-b\x00brcm,bcm2711\x00")},
	})
	if !errors.Is(err, tegra.ErrNotTegra) || b.Model != "Raspberry Pi 4 Model B" || b.SoC != "" {
		t.Errorf("identified %+v, %v", b, err)
	}
}

func TestANewerChipIsNamedWithoutInventingItsGPU(t *testing.T) {
	root := load(t, "orin-jp5")
	root["proc/device-tree/compatible"].Data = []byte("nvidia,p3971-0080+p3834-0008\x00nvidia,tegra264\x00")
	if b, err := tegra.Identify(root); err != nil || b.SoC != "tegra264" || b.SM != "" {
		t.Errorf("identified %+v, %v", b, err)
	}
}

func TestWhatABoardDoesNotTellIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		path, text string
		read       func(fs.FS) error
	}{
		"release in other words": {"etc/nv_tegra_release", "Jetson", func(r fs.FS) error { _, err := tegra.Identify(r); return err }},
		"release empty":          {"etc/nv_tegra_release", "", func(r fs.FS) error { _, err := tegra.Identify(r); return err }},
		"load beyond 1000": {"sys/class/devfreq/57000000.gpu/device/load", "1001\n",
			func(r fs.FS) error { _, err := tegra.GPULoad(r); return err }},
		"load in words": {"sys/class/devfreq/57000000.gpu/device/load", "idle\n",
			func(r fs.FS) error { _, err := tegra.GPULoad(r); return err }},
		"rail in words": {"sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power1_input", "much\n",
			func(r fs.FS) error { _, err := tegra.Rails(r); return err }},
		"mode in words": {"var/lib/nvpmodel/status", "fast", func(r fs.FS) error { _, err := tegra.PowerMode(r); return err }},
	} {
		root := load(t, "nano-jp46")
		root[c.path].Data = []byte(c.text)
		if err := c.read(root); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// tryAgain is a board whose file of that name cannot be read just now.
type tryAgain struct {
	fs.FS
	path string
}

func (f tryAgain) Open(name string) (fs.File, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EAGAIN}
	}
	return f.FS.Open(name)
}

func TestAZoneThatCannotAnswerNowLeavesTheOthers(t *testing.T) {
	root := tryAgain{load(t, "nano-jp46"), "sys/class/thermal/thermal_zone2/temp"}
	celsius, err := tegra.Temperatures(root)
	if !errors.Is(err, syscall.EAGAIN) || !strings.Contains(err.Error(), "GPU-therm") || len(celsius) != 3 {
		t.Errorf("got %v, %v", celsius, err)
	}
}

func TestARailThatFailsLeavesTheOthers(t *testing.T) {
	root := load(t, "nano-jp46")
	delete(root, "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power1_input")
	rails, err := tegra.Rails(root)
	if len(rails) != 2 || err == nil || !strings.Contains(err.Error(), "POM_5V_GPU") {
		t.Errorf("got %v, %v", rails, err)
	}
}
