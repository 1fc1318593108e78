package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// victim is the environment variable that makes the test binary an agent, to be
// killed: its value is a victimConfig.
const victim = "SQUADRON_TEST_VICTIM"

type victimConfig struct {
	Dir, Controller, Broker string
	Trust                   []byte
}

func TestMain(m *testing.M) {
	if v := os.Getenv(victim); v != "" {
		if err := runVictim(v); err != nil {
			slog.Error("victim", "error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runVictim(config string) error {
	var v victimConfig
	if err := json.Unmarshal([]byte(config), &v); err != nil {
		return err
	}
	a, err := Open(Config{
		Device: cam, Controller: v.Controller, Broker: v.Broker, StateDir: v.Dir, Serve: "127.0.0.1:0", Trust: v.Trust,
		Probation: 200 * time.Millisecond, Telemetry: time.Hour, Engines: []kernels.Engine{reference.Engine{}},
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Println(a.Addr()); err != nil {
		return err
	}
	return a.Run(context.Background())
}

// TestKilledAtAnyMomentTheDeviceServesAndCompletesItsOrder kills a real agent
// process with SIGKILL after each line of its log, on its way from 1.0.0 to
// 2.0.0. What it leaves is one whole version, and the next agent serves it and
// completes the order.
func TestKilledAtAnyMomentTheDeviceServesAndCompletesItsOrder(t *testing.T) {
	f := newFleet(t)
	template := t.TempDir()
	committed(t, f, f.config(template)).end()
	next := f.publish(newRelease(t, "2.0.0", false), f.key)
	f.order(next)
	left := map[string]int{}
	for lines, done := 1, false; !done; lines++ {
		dir := t.TempDir() + "/state"
		err := errors.Join(os.CopyFS(dir, os.DirFS(template)), os.Chmod(dir+"/incoming", 0o700))
		if err != nil {
			t.Fatal(err)
		}
		done = f.killAfter(dir, lines)
		left[f.wholeVersion(dir)]++
		r := start(t, f.config(dir))
		r.awaitServing("2.0.0")
		f.awaitPhase("2.0.0", wire.PhaseCommitted)
		r.mustServe("2.0.0")
		r.end()
	}
	t.Logf("left behind: %v", left)
	if left["1.0.0"] < 3 || left["2.0.0"] < 2 {
		t.Errorf("the kills fell too much on one side of the switch: %v", left)
	}
}

// killAfter runs an agent until it has logged so many lines, or has committed,
// and kills it.
func (f *fleet) killAfter(dir string, lines int) (committed bool) {
	f.t.Helper()
	cmd, err := f.victim(dir)
	if err != nil {
		f.t.Fatal(err)
	}
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		f.t.Fatal(err)
	}
	scanner := bufio.NewScanner(log)
	for range lines {
		if !scanner.Scan() {
			f.t.Errorf("the agent ended by itself: %v", scanner.Err())
			break
		}
		if strings.Contains(scanner.Text(), "passed its probation") {
			committed = true
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		f.t.Error(err)
	}
	if err := cmd.Wait(); !errors.As(err, new(*exec.ExitError)) {
		f.t.Errorf("the killed agent ended with %v", err)
	}
	return committed
}

// wholeVersion is the version that a dead agent left active, whole.
func (f *fleet) wholeVersion(dir string) string {
	f.t.Helper()
	s, err := slot.Look(dir)
	if err != nil {
		f.t.Fatal(err)
	}
	found := s.Recover("shade", slot.Pointer{}, readInstalled)
	if err := s.Close(); err != nil {
		f.t.Error(err)
	}
	if found.Active.IsZero() || found.Why != "" {
		f.t.Fatalf("the killed agent left %+v", found)
	}
	return found.Active.Version
}
