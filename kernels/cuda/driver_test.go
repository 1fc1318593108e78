//go:build cgo

package cuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestWithoutADriverTheLoaderSaysWhy(t *testing.T) {
	first := filepath.Join(t.TempDir(), "libcuda.so.1")
	second := filepath.Join(t.TempDir(), "libcuda.so.1")
	found, err := probe([]string{first, second})
	wantRefusal(t, found, err, "", "no CUDA driver on this machine: "+first+": cannot open shared object file: No such file or directory; "+second+": cannot open")
}

func TestAFileThatIsNoLibraryIsNoDriver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	if err := os.WriteFile(path, []byte("not a library, and longer than an ELF header would have to be: 64 bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := probe([]string{path})
	wantRefusal(t, found, err, "", "no CUDA driver on this machine: "+path+": invalid ELF header")
}

func TestTheTegraPathIsTriedSecond(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "libcuda.so.1")
	found, err := probe([]string{missing, standIn(t)})
	wantRefusal(t, found, err, "CUDA driver 10.2, NVIDIA Tegra X1 (compute capability 5.3)", "no CUDA kernels yet")
}

func TestADriverIsAskedAndAnswers(t *testing.T) {
	const none = ""
	tests := []struct {
		name   string
		driver []string
		found  string
		err    string
	}{
		{"a driver that works is reported with its version and device", nil,
			"CUDA driver 10.2, NVIDIA Tegra X1 (compute capability 5.3)",
			"CUDA driver 10.2, NVIDIA Tegra X1 (compute capability 5.3), was found, but Squadron has no CUDA kernels yet"},
		{"a newer driver's version is read right", []string{"-DVERSION=12040"},
			"CUDA driver 12.4, NVIDIA Tegra X1 (compute capability 5.3)", "no CUDA kernels yet"},
		{"a name that fills its buffer without a NUL is cut", []string{"-DDEVICES=2"},
			"CUDA driver 10.2, NVIDIA Tegra X1 (compute capability 5.3), " + strings.Repeat("x", 255) + " (compute capability 5.3)", "no CUDA kernels yet"},
		{"a driver package without a GPU", []string{"-DINIT=100"}, none,
			"the CUDA driver refuses cuInit: error 100, CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected"},
		{"an error the driver cannot name keeps its number", []string{"-DINIT=100", "-DNAMELESS"}, none,
			"the CUDA driver refuses cuInit: error 100, which it does not name"},
		{"a driver that lists no device", []string{"-DDEVICES=0"},
			"CUDA driver 10.2", "CUDA driver 10.2, lists no device"},
		{"a count below nothing is nothing", []string{"-DDEVICES=-1"},
			"CUDA driver 10.2", "CUDA driver 10.2, lists no device"},
		{"a device that cannot be had is named", []string{"-DDEVICE=101"}, none,
			"device 0: the CUDA driver refuses cuDeviceGet: error 101, CUDA_ERROR_INVALID_DEVICE"},
		{"a library without one of the calls", []string{"-DWITHOUT_NAME"}, none,
			"undefined symbol: cuDeviceGetName"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found, err := probe([]string{standIn(t, test.driver...)})
			wantRefusal(t, found, err, test.found, test.err)
		})
	}
}

func wantRefusal(t *testing.T, found string, err error, wantFound, wantErr string) {
	t.Helper()
	if found != wantFound {
		t.Errorf("found %q, want %q", found, wantFound)
	}
	if err == nil || !strings.Contains(err.Error(), wantErr) {
		t.Errorf("error %v, want one with %q", err, wantErr)
	}
}

// standIn compiles testdata/libcuda.c with flags and gives its path. CC names
// the compiler where the test is not for the machine that builds it.
func standIn(t *testing.T, flags ...string) string {
	t.Helper()
	compiler := strings.Fields(os.Getenv("CC"))
	if len(compiler) == 0 {
		compiler = []string{"cc"}
	}
	if _, err := exec.LookPath(compiler[0]); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the stand-in driver needs a C compiler: %v", err)
		}
		t.Skipf("install gcc to compile the stand-in driver: %v", err)
	}
	library := filepath.Join(t.TempDir(), "libcuda.so.1")
	args := append(compiler[1:], "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, "testdata/libcuda.c")
	if said, err := exec.Command(compiler[0], append(args, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("compile the stand-in driver: %v\n%s", err, said)
	}
	return library
}
