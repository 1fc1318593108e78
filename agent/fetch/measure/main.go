// Command measure fetches 500 MB from a server on this machine, in a process of
// its own, beside curl and sha256sum from the same server, and prints what each
// took. make bench-fetch writes docs/benchmarks/fetch.md with it.
//
// It needs the Debian packages curl and coreutils.
//
//	go run ./agent/fetch/measure > docs/benchmarks/fetch.md
package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

const (
	objectSize = 500_000_000
	rounds     = 5
)

func main() {
	err := errors.New("usage: measure, without arguments")
	switch {
	case len(os.Args) == 1:
		err = measure(os.Stdout)
	case len(os.Args) == 6 && os.Args[1] == "fetch":
		err = fetchOnce(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

// fetchOnce is the process that is measured.
func fetchOnce(base, dir, digest, authority string) error {
	b, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b)
	d, err := bundle.ParseDigest(digest)
	if err != nil {
		return err
	}
	f, err := fetch.New(fetch.Options{Base: base, Dir: dir, RootCAs: roots})
	if err != nil {
		return err
	}
	if _, err = f.Fetch(context.Background(), d, objectSize); err != nil {
		return err
	}
	// Only the kernel's count for this address space: a child's maximum as its
	// parent sees it contains the parent's own, from before the exec.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Print(strings.Fields(kib)[0])
		}
	}
	return nil
}

// bench is a server with one object, and room for what is fetched.
type bench struct {
	dir       string
	digest    bundle.Digest
	authority string // file
	plain     *httptest.Server
	secure    *httptest.Server
}

func measure(out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "measure-fetch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := open(dir)
	if err != nil {
		return err
	}
	defer b.plain.Close()
	defer b.secure.Close()
	if err := head(out); err != nil {
		return err
	}
	for _, s := range []*httptest.Server{b.plain, b.secure} {
		if err := b.compare(out, s); err != nil {
			return err
		}
	}
	return nil
}

// open writes the object and serves it with and without TLS.
func open(dir string) (*bench, error) {
	b := &bench{dir: dir, authority: filepath.Join(dir, "authority.pem")}
	name := filepath.Join(dir, "object")
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8([32]byte{1}), objectSize)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	b.digest = bundle.Digest(h.Sum(nil))
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+b.digest.Hex()+`"`)
		http.ServeFile(w, r, name)
	})
	b.plain, b.secure = httptest.NewServer(serve), httptest.NewTLSServer(serve)
	block := &pem.Block{Type: "CERTIFICATE", Bytes: b.secure.Certificate().Raw}
	return b, os.WriteFile(b.authority, pem.EncodeToMemory(block), 0o600)
}

// cost is what a way took: the wall and processor time of its processes after
// one another, and the peak of resident memory.
type cost struct {
	time time.Duration
	cpu  time.Duration
	rss  int64 // KiB, as the process itself says; 0 if it does not
}

// way is one way to bring the object and to know its digest.
type way struct {
	name     string
	commands [][]string
}

func (b *bench) ways(s *httptest.Server) []way {
	to := filepath.Join(b.dir, "fetched")
	object := s.URL + "/sha256/" + b.digest.Hex()
	curl := []string{"curl", "--silent", "--show-error", "--fail", "--cacert", b.authority, "--output", to, object}
	return []way{
		{"`fetch.Fetch`", [][]string{{os.Args[0], "fetch", s.URL, filepath.Join(b.dir, "incoming"), "sha256:" + b.digest.Hex(), b.authority}}},
		{"`curl`, `sha256sum`", [][]string{curl, {"sha256sum", to}}},
		{"`curl`, `sync`, `sha256sum`", [][]string{curl, {"sync", to}, {"sha256sum", to}}},
	}
}

// compare runs the ways in turn, so that other work on the machine hits all.
func (b *bench) compare(out io.Writer, s *httptest.Server) error {
	ways := b.ways(s)
	costs := make([][]cost, len(ways))
	for range rounds {
		for i, w := range ways {
			c, err := b.run(w)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			costs[i] = append(costs[i], c)
		}
	}
	scheme, _, _ := strings.Cut(s.URL, ":")
	baseline := median(costs[1]).time
	fmt.Fprintf(out, "\n| %s | median, s | best, s | processor, s | MB/s | rate beside `curl`, `sha256sum` | peak RSS, MiB |\n|---|---|---|---|---|---|---|\n", scheme)
	for i, w := range ways {
		m := median(costs[i])
		memory := ""
		if m.rss > 0 {
			memory = fmt.Sprintf("%.1f", float64(m.rss)/1024)
		}
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.0f | %.2f | %s |\n", w.name, m.time.Seconds(), costs[i][0].time.Seconds(), m.cpu.Seconds(),
			objectSize/1e6/m.time.Seconds(), baseline.Seconds()/m.time.Seconds(), memory)
	}
	return nil
}

// run measures one way once, into an empty folder.
func (b *bench) run(w way) (c cost, err error) {
	for _, name := range []string{"incoming", "fetched"} {
		if err := os.RemoveAll(filepath.Join(b.dir, name)); err != nil {
			return c, err
		}
	}
	for _, args := range w.commands {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stderr = os.Stderr
		start := time.Now()
		said, err := cmd.Output()
		if err != nil {
			return c, err
		}
		c.time += time.Since(start)
		c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if kib, err := strconv.ParseInt(string(said), 10, 64); err == nil {
			c.rss = kib
		}
	}
	return c, nil
}

// median sorts by wall time; its processor time is the least and its memory the
// largest of all rounds.
func median(costs []cost) cost {
	slices.SortFunc(costs, func(a, b cost) int { return int(a.time - b.time) })
	m := costs[len(costs)/2]
	for _, c := range costs {
		m.cpu = min(m.cpu, c.cpu)
		m.rss = max(m.rss, c.rss)
	}
	return m
}

func head(out io.Writer) error {
	curl, err := exec.Command("curl", "--version").Output()
	if err != nil {
		return fmt.Errorf("ask curl for its version: %w", err)
	}
	version, _, _ := strings.Cut(string(curl), " (")
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `# Fetching 500 MB

`+"`make bench-fetch`"+`, %s, on %s, %d cores, %s, %s; load average at the start %s.

Client and server share the machine; the server is the same for all, and the ways take
turns for %d rounds. `+"`fetch.Fetch`"+` is a process of its own that hashes while it reads,
and syncs every 4 MiB: its bytes are on disk and known to be right when it ends. The
targets: at most 64 MiB of memory, and 0.8 of the rate of curl and sha256sum. Processor
time, the least of all rounds, tells more than wall time where other work shares the
machine, as the load average shows.
`, time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), version, strings.Fields(string(load))[0], rounds)
	return err
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
