package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

type runCommand struct {
	Out  string `help:"File to write the table to." required:"" placeholder:"FILE"`
	Pair string `help:"Folder with base.onnx and tuned.onnx of train-digits pair." placeholder:"DIR"`
}

func (c runCommand) Run(s streams) error {
	zstd, err := zstdVersion()
	if err != nil {
		return fmt.Errorf("ask zstd for its version: %w", err)
	}
	if zstd == "" {
		fmt.Fprintln(s.out, "There is no zstd program (Debian package zstd): its patches are left out.")
	}
	dir, err := os.MkdirTemp("", "bench-delta")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var results []result
	for _, bc := range allCases(c.Pair) {
		fmt.Fprintf(s.out, "%s: ", bc.name)
		r, err := bc.measure(dir, zstd != "")
		if err != nil {
			return fmt.Errorf("measure %s: %w", bc.name, err)
		}
		fmt.Fprintf(s.out, "%.2f MiB of %.2f, encoded in %.2f s, applied in %.2f s.\n", mib(r.summary.Size), mib(r.whole), r.encode.Wall.Seconds(), r.apply.Wall.Seconds())
		results = append(results, r)
	}
	if err := os.WriteFile(c.Out, page(results, zstd, time.Now()), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Wrote %s.\n", c.Out)
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// page is the whole document.
func page(results []result, zstd string, now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What an update costs\n\n`make bench-delta`, %s, on %s, %d cores (load %s), %s.\n", now.UTC().Format("2006-01-02"), processorName(), runtime.NumCPU(), load(), runtime.Version())
	if zstd == "" {
		fmt.Fprintln(&b, "No zstd program was there (Debian package zstd): its columns are empty.")
	} else {
		fmt.Fprintf(&b, "zstd --patch-from at level 3: %s.\n", zstd)
	}
	b.WriteString(preface)
	b.WriteString("\n| weights | whole, MiB | **delta, MiB** | share | earlier | zstd, MiB | encode, s | apply, s | apply's peak, MiB | zstd: make, s | apply, s | apply's peak, MiB |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		earlier, patch := "", "| | |"
		if r.earlier > 0 {
			earlier = fmt.Sprintf("%.4g %%", r.earlier)
		}
		size := ""
		if r.patch > 0 {
			size = fmt.Sprintf("%.2f", mib(r.patch))
			patch = fmt.Sprintf("%s | %s | %.0f", seconds(r.patchMake), seconds(r.use), r.use.PeakMiB)
		}
		fmt.Fprintf(&b, "| %s | %.2f | **%.2f** | %.2f %% | %s | %s | %s | %s | %.0f | %s |\n", r.name, mib(r.whole), mib(r.summary.Size),
			100*float64(r.summary.Size)/float64(r.whole), earlier, size, seconds(r.encode), seconds(r.apply), r.apply.PeakMiB, patch)
	}
	return b.Bytes()
}

const preface = `
Drawn weights are normally distributed with standard deviation σ; N is a normal number
for each weight. "Earlier" is what a prototype needed on the like of it (integer
subtraction, byte planes, zstd); the changes of its last layers and tails were not
written down, and those here are a guess that gives zstd's patches about the length that
they had then. Seconds are elapsed, and in parentheses the processor's if they
differ by a tenth: then others were at work on the machine, and the processor's are
nearer the truth, if too high. Peaks are of the whole process: with nothing to do, this program has
about 8 MiB. Applying includes hashing the target, writing it to a file, and the start of
the process.
`

func seconds(c cost) string {
	wall, processor := c.Wall.Seconds(), c.Processor.Seconds()
	if processor < wall*0.9 || processor > wall*1.1 {
		return fmt.Sprintf("%.2f (%.2f)", wall, processor)
	}
	return fmt.Sprintf("%.2f", wall)
}

// processorName is what Linux calls the processor.
func processorName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// load is how many processes wanted to run in the last minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}
