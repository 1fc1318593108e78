package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/deploy/delta"
)

func TestACaseIsEncodedAndItsDeltaApplied(t *testing.T) {
	for _, to := range []format{float32s, float16s, int8s} {
		c := synthetic("few", 50_000, to, 0.5, plus(1e-2), 0)
		base, target, err := c.make()
		if err != nil {
			t.Fatal(err)
		}
		half := len(base.Data) / 2
		if !bytes.Equal(base.Data[:half], target.Data[:half]) || bytes.Equal(base.Data[half:], target.Data[half:]) {
			t.Errorf("%d bytes an element: not the last half changed", to.size)
		}
		dir := t.TempDir()
		var d bytes.Buffer
		s, err := delta.Encode(&d, base, target)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(s.Pair)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"base": base.Data, "delta": d.Bytes()} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out, errs bytes.Buffer
		if code := run([]string{"apply", dir}, bytes.NewReader(want), &out, &errs); code != exit.Done {
			t.Fatalf("exit %d: %s", code, &errs)
		}
		if made, err := os.ReadFile(filepath.Join(dir, "made")); err != nil || !bytes.Equal(made, target.Data) {
			t.Errorf("made something else, %v", err)
		}
	}
}

func TestHalfIsBinary16(t *testing.T) {
	for w, want := range map[float64]uint16{
		0: 0, 1: 0x3c00, -2: 0xc000, 0.1: 0x2e66, 65504: 0x7bff, 1.0 / (1 << 14): 0x0400,
		1.0 / (1 << 24): 1, -1.0 / (1 << 26): 0x8000, 0.99999: 0x3c00, 2049: 0x6800, 2051: 0x6802,
	} {
		if got := half(w); got != want {
			t.Errorf("half(%v) is %#04x, want %#04x", w, got, want)
		}
	}
	if got := half(math.Copysign(0, -1)); got != 0x8000 {
		t.Errorf("half(−0) is %#04x", got)
	}
}

func TestThePageNamesItsCommandAndEveryCase(t *testing.T) {
	r := result{name: "some weights", whole: 4 << 20, earlier: 57.1, patch: 3 << 20, encode: cost{Wall: time.Second, Processor: time.Second / 2}}
	r.summary.Size = 1 << 20
	got := string(page([]result{r}, "zstd 1", time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)))
	for _, want := range []string{"make bench-delta", "2026-11-24", "zstd 1", "| some weights | 4.00 | **1.00** | 25.00 % | 57.1 % | 3.00 | 1.00 (0.50) |"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := string(page(nil, "", time.Time{})); !strings.Contains(got, "Debian package zstd") {
		t.Errorf("the missing program is not named in\n%s", got)
	}
}

func TestAWrongCommandLineIsAUsageError(t *testing.T) {
	for name, args := range map[string][]string{"nothing": {}, "no file": {"run"}, "an unknown flag": {"run", "--out", "x", "--pears", "y"}} {
		var out, errs bytes.Buffer
		if code := run(args, nil, &out, &errs); code != exit.Usage || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, said %q", name, code, &errs)
		}
	}
}
