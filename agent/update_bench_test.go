package agent

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var table = flag.String("table", "", "write BenchmarkUpdate's table to this file, in Markdown")

// heavy is how many bytes the file has that the measured versions bring. No
// engine loads it, so that what is measured is the update.
const heavy = 500_000_000

// BenchmarkUpdate has the device's program bring 500 MB whole, and then as a
// delta in which each weight moved, while it serves. make bench-update writes
// docs/benchmarks/update.md with it.
func BenchmarkUpdate(b *testing.B) {
	program := filepath.Join(b.TempDir(), "squadron-agent")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/squadron-agent").CombinedOutput(); err != nil {
		b.Fatalf("build squadron-agent: %v\n%s", err, out)
	}
	h := newHeavyFleet(b)
	rows := map[string][]spent{}
	for b.Loop() {
		rows["curl"] = append(rows["curl"], h.curl())
		d := h.startDevice(program)
		for _, v := range []string{"2.0.0", "3.0.0"} {
			rows[v] = append(rows[v], d.update(v))
		}
		d.stop()
	}
	report := h.report(rows)
	b.Log(report)
	if *table != "" {
		if err := os.WriteFile(*table, []byte(report), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// heavyFleet has three versions: 1.0.0 is small, 2.0.0 brings 500 MB, and 3.0.0
// the same with each weight moved by a ten-thousandth of itself.
type heavyFleet struct {
	*fleet
	b        *testing.B
	versions map[string]wire.DesiredModel
	whole    bundle.File // of 2.0.0
	delta    int         // bytes
}

func newHeavyFleet(b *testing.B) *heavyFleet {
	h := &heavyFleet{fleet: newFleet(b), b: b, versions: map[string]wire.DesiredModel{}}
	weights, moved := make([]byte, heavy), make([]byte, heavy)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < heavy; i += 4 {
		w := r.NormFloat64()
		binary.LittleEndian.PutUint32(weights[i:], math.Float32bits(float32(w)))
		binary.LittleEndian.PutUint32(moved[i:], math.Float32bits(float32(w*(1+1e-4*r.NormFloat64()))))
	}
	regions := []delta.Region{{Key: "w", Length: heavy, ElementSize: 4}}
	var d bytes.Buffer
	if _, err := delta.Encode(&d, delta.File{Data: weights, Regions: regions}, delta.File{Data: moved, Regions: regions}); err != nil {
		b.Fatal(err)
	}
	h.delta = d.Len()
	digests := map[string]bundle.Digest{}
	for version, more := range map[string][]byte{"1.0.0": nil, "2.0.0": weights, "3.0.0": moved} {
		release := newRelease(b, version, false)
		if more != nil {
			release.add("weights.bin", more)
			h.whole = release.manifest.Files[len(release.manifest.Files)-1]
			digests[version] = h.whole.Digest
		}
		h.versions[version] = h.publish(release, h.key)
	}
	h.deltas = map[string][]byte{digests["3.0.0"].Hex() + "/from/" + digests["2.0.0"].Hex(): d.Bytes()}
	h.whole = bundle.File{Digest: digests["2.0.0"], Size: heavy}
	return h
}

// spent is what bringing a version cost a process.
type spent struct {
	time    time.Duration
	peak    int64 // KiB of resident memory; 0 if not known
	read    int64 // bytes, of sockets and files
	written int64 // bytes, to sockets and files
}

// curl brings the file as people would, and hashes it.
func (h *heavyFleet) curl() spent {
	to := filepath.Join(h.b.TempDir(), "fetched")
	start := time.Now()
	for _, args := range [][]string{
		{"curl", "--silent", "--show-error", "--fail", "--output", to, h.http.URL + "/v1/artefacts/sha256/" + h.whole.Digest.Hex()},
		{"sha256sum", to},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			h.b.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	took := time.Since(start)
	if err := os.Remove(to); err != nil {
		h.b.Fatal(err)
	}
	return spent{time: took}
}

// device is the program on a new state folder, which serves 1.0.0.
type deviceProcess struct {
	h   *heavyFleet
	cmd *exec.Cmd
}

func (h *heavyFleet) startDevice(program string) *deviceProcess {
	dir := h.b.TempDir()
	settings, err := json.Marshal(map[string]string{
		"site": string(cam.Site), "device": string(cam.ID), "controller": h.http.URL, "broker": "tcp://" + h.port,
		"serve": "127.0.0.1:0", "shadow": "0s", "probation": "100ms", "telemetry_interval": "1h",
	})
	write(h.b, filepath.Join(dir, "agent.json"), settings)
	write(h.b, filepath.Join(dir, "root.json"), h.trust.Files["1.root.json"])
	d := &deviceProcess{h, exec.Command(program, "run", "--config", filepath.Join(dir, "agent.json"),
		"--trust", filepath.Join(dir, "root.json"), "--state", filepath.Join(dir, "state"))}
	log, pipe := d.cmd.StderrPipe()
	if err = errors.Join(err, pipe, d.cmd.Start()); err != nil {
		h.b.Fatal(err)
	}
	h.b.Cleanup(d.stop)
	go func() {
		for scan := bufio.NewScanner(log); scan.Scan(); {
			fmt.Fprintln(h.b.Output(), scan.Text())
		}
	}()
	h.mu.Lock()
	clear(h.events)
	h.mu.Unlock()
	h.order(h.versions["1.0.0"])
	h.eventText(wire.PhaseCommitted, "1.0.0")
	return d
}

// update brings a version up to its self-test, and commits it.
func (d *deviceProcess) update(version string) (s spent) {
	d.forgetPeak()
	read, written := d.count("rchar"), d.count("wchar")
	start := time.Now()
	d.h.order(d.h.versions[version])
	d.h.eventText(wire.PhaseTesting, version)
	s.time = time.Since(start)
	s.read, s.written = d.count("rchar")-read, d.count("wchar")-written
	text := d.h.eventText(wire.PhaseCommitted, version)
	s.peak = d.peak()
	d.h.b.Logf("%s: %+v, %s", version, s, text)
	return s
}

func (d *deviceProcess) proc(file string) string {
	return fmt.Sprintf("/proc/%d/%s", d.cmd.Process.Pid, file)
}

// forgetPeak has the kernel begin its count of the peak anew.
func (d *deviceProcess) forgetPeak() {
	if err := os.WriteFile(d.proc("clear_refs"), []byte("5"), 0o600); err != nil {
		d.h.b.Fatal(err)
	}
}

func (d *deviceProcess) peak() int64 { return d.number("status", "VmHWM") }

func (d *deviceProcess) count(what string) int64 { return d.number("io", what) }

func (d *deviceProcess) number(file, key string) int64 {
	b, err := os.ReadFile(d.proc(file))
	if err != nil {
		d.h.b.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			if err != nil {
				d.h.b.Fatal(err)
			}
			return n
		}
	}
	d.h.b.Fatalf("%s has no %s", file, key)
	return 0
}

func (d *deviceProcess) stop() {
	if d.cmd.ProcessState != nil {
		return
	}
	if err := errors.Join(d.cmd.Process.Signal(os.Interrupt), d.cmd.Wait()); err != nil {
		d.h.b.Error(err)
	}
}

// report is the table: medians of time, the largest of the rest.
func (h *heavyFleet) report(rows map[string][]spent) string {
	median := func(v string) spent {
		all := rows[v]
		slices.SortFunc(all, func(a, b spent) int { return int(a.time - b.time) })
		m := all[len(all)/2]
		for _, s := range all {
			m.peak, m.read, m.written = max(m.peak, s.peak), max(m.read, s.read), max(m.written, s.written)
		}
		return m
	}
	curl := median("curl").time
	var out strings.Builder
	fmt.Fprintf(&out, "# An update of 500 MB\n\n`make bench-update`, %s, on %s, %d cores, %s; medians of %d rounds, the largest memory and bytes.\n",
		time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), len(rows["curl"]))
	out.WriteString(`
` + "`squadron-agent run`" + ` serves a small model, is ordered a version that brings a file of 500 MB,
and then one in which each of its 125 million float32 moved by a ten-thousandth of itself: once
whole over HTTP, once as a delta. Time is from the order to the self-test; memory is the most that
the process had resident since the order; bytes read and written are of sockets and files
(` + "`rchar` and `wchar` of `/proc/PID/io`" + `). curl and sha256sum bring the same file from the same server, in turn.
The targets: below 64 MiB, each byte read once, and 0.8 of the rate of curl and sha256sum.

| | median, s | MB/s of the file | rate beside curl, sha256sum | peak RSS, MiB | read, MB | written, MB |
|---|---|---|---|---|---|---|
`)
	for _, row := range []struct{ name, key string }{
		{"whole", "2.0.0"}, {fmt.Sprintf("delta of %.0f MB", float64(h.delta)/1e6), "3.0.0"}, {"`curl`, `sha256sum`", "curl"},
	} {
		s := median(row.key)
		seconds := s.time.Seconds()
		fmt.Fprintf(&out, "| %s | %.2f | %.0f | %.2f |", row.name, seconds, heavy/1e6/seconds, curl.Seconds()/seconds)
		if s.peak == 0 {
			out.WriteString(" | | |\n")
			continue
		}
		fmt.Fprintf(&out, " %.1f | %.0f | %.0f |\n", float64(s.peak)/1024, float64(s.read)/1e6, float64(s.written)/1e6)
	}
	return out.String()
}

// processor is the CPU's name, as far as Linux tells it.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}
