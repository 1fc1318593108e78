package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/squadron-edge/squadron/deploy/delta"
)

// cost is what one run of something took.
type cost struct {
	Wall, Processor time.Duration
	PeakMiB         float64
}

// result is a row of the table.
type result struct {
	name           string
	whole          int64
	summary        delta.Summary
	encode, apply  cost
	earlier        float64
	patch          int64 // of zstd, 0 without it
	patchMake, use cost
}

// measure encodes, applies in a process of its own, and has zstd do the same.
func (c benchCase) measure(dir string, zstd bool) (r result, err error) {
	base, target, err := c.make()
	if err != nil {
		return r, err
	}
	r = result{name: c.name, earlier: c.earlier, whole: int64(len(target.Data))}
	var d bytes.Buffer
	start, before := time.Now(), processor(syscall.RUSAGE_SELF)
	if r.summary, err = delta.Encode(&d, base, target); err != nil {
		return r, err
	}
	r.encode = cost{Wall: time.Since(start), Processor: processor(syscall.RUSAGE_SELF) - before}
	for name, data := range map[string][]byte{"base": base.Data, "target": target.Data, "delta": d.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return r, err
		}
	}
	if r.apply, err = applyApart(dir, r.summary.Pair); err != nil {
		return r, err
	}
	if zstd {
		err = r.runZstd(dir)
	}
	return r, err
}

// processor is the time that this process or its ended children used.
func processor(who int) time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0 // cannot fail for these
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// applyApart runs this program's apply command.
func applyApart(dir string, pair delta.Pair) (cost, error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	want, err := json.Marshal(pair)
	if err != nil {
		return cost{}, err
	}
	return timed(bytes.NewReader(want), self, "apply", dir)
}

// timed runs a program through this program's time command: Linux counts the
// memory of whoever starts a process as its, and this process is large.
func timed(in io.Reader, args ...string) (c cost, err error) {
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	var out, said bytes.Buffer
	cmd := exec.Command(self, append([]string{"time"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &said
	if err := cmd.Run(); err != nil {
		return c, fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, &said)
	}
	return c, json.Unmarshal(out.Bytes(), &c)
}

// timeCommand runs a program and prints its cost.
type timeCommand struct {
	Args []string `arg:"" passthrough:""`
}

func (t timeCommand) Run(s streams) error {
	cmd := exec.Command(t.Args[0], t.Args[1:]...)
	cmd.Stdin, cmd.Stderr = s.in, os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	c := cost{Wall: time.Since(start), Processor: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.PeakMiB = float64(u.Maxrss) / 1024
	}
	return json.NewEncoder(s.out).Encode(c)
}

// applyCommand makes DIR/made of DIR/base and DIR/delta; the pair is on its
// standard input.
type applyCommand struct {
	Dir string `arg:""`
}

func (a applyCommand) Run(s streams) (err error) {
	var pair delta.Pair
	if err := json.NewDecoder(s.in).Decode(&pair); err != nil {
		return fmt.Errorf("read the pair: %w", err)
	}
	base, err := os.Open(filepath.Join(a.Dir, "base"))
	if err != nil {
		return err
	}
	defer base.Close()
	d, err := os.Open(filepath.Join(a.Dir, "delta"))
	if err != nil {
		return err
	}
	defer d.Close()
	made, err := os.Create(filepath.Join(a.Dir, "made"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	return delta.Apply(base, d, made, pair)
}

// runZstd makes and applies a patch with the zstd program.
func (r *result) runZstd(dir string) (err error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	if r.patchMake, err = timed(nil, "zstd", "-q", "-f", "-3", "--single-thread", "--long=27", "--patch-from="+at("base"), at("target"), "-o", at("patch")); err != nil {
		return err
	}
	if r.use, err = timed(nil, "zstd", "-q", "-f", "-d", "--long=27", "--memory=512MB", "--patch-from="+at("base"), at("patch"), "-o", at("made")); err != nil {
		return err
	}
	info, err := os.Stat(at("patch"))
	if err != nil {
		return err
	}
	r.patch = info.Size()
	return nil
}

// zstdVersion is empty without the program.
func zstdVersion() (string, error) {
	out, err := exec.Command("zstd", "--version").Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.Trim(strings.TrimSpace(string(out)), "* "), err
}
