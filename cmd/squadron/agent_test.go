package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildAgent builds the device's program.
func buildAgent(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "squadron-agent")
	if out, err := exec.Command("go", "build", "-o", program, "../squadron-agent").CombinedOutput(); err != nil {
		t.Fatalf("build squadron-agent: %v\n%s", err, out)
	}
	return program
}

// agentProcess is a device as a process of its own.
type agentProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of its log
	addr  string      // of its inference API
}

// startAgent starts the fourth device, with the configuration that the demo
// writes and further keys, on the state folder that it had.
func startAgent(t *testing.T, program string, o *office, keys ...string) *agentProcess {
	t.Helper()
	config := "{" + strings.Join(append(keys, `"site": "waterworks"`, `"device": "meter-4"`, `"serve": "127.0.0.1:0"`,
		`"probation": "200ms"`, `"telemetry_interval": "200ms"`), ", ") + "}"
	if err := os.WriteFile(o.file("meter-4.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &agentProcess{t: t, lines: make(chan string, 10_000)}
	p.cmd = exec.Command(program, "--json", "run", "--config", o.file("meter-4.json"), "--trust", o.file("trust/root.json"),
		"--state", o.file("meter-4"), "--controller", o.url, "--broker", "tcp://"+o.broker)
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for scan := bufio.NewScanner(log); scan.Scan(); {
			p.lines <- scan.Text()
		}
	}()
	t.Cleanup(p.kill)
	p.awaitAddress()
	return p
}

// awaitAddress reads the log up to where the device serves.
func (p *agentProcess) awaitAddress() {
	p.t.Helper()
	tooLate := time.After(patience)
	for p.addr == "" {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatal("the agent ended before it served")
			}
			p.t.Log(line)
			var entry struct {
				Address string `json:"address"`
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				p.t.Fatalf("the agent logged %q: %v", line, err)
			}
			p.addr = entry.Address
		case <-tooLate:
			p.t.Fatalf("the agent did not serve within %v", patience)
		}
	}
}

// kill ends the process as a power cut would, and waits for it.
func (p *agentProcess) kill() { kill(p.t, p.cmd, p.lines) }

// end asks the process to end, which it must do with status 0.
func (p *agentProcess) end() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	drain(p.lines)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the agent, asked to end: %v", err)
	}
}

// kill sends SIGKILL, unless the process has ended already, and waits for it and
// the reader of its lines.
func kill(t *testing.T, cmd *exec.Cmd, lines <-chan string) {
	t.Helper()
	if cmd.ProcessState != nil {
		return
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	drain(lines)
	var ended *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &ended) {
		t.Error(err)
	}
}

// drain reads until the lines end.
func drain(lines <-chan string) {
	for range lines {
	}
}

// wantReading has a device read a picture of a 0 with 2.0.0, and no other
// version, as soon as it has loaded it.
func wantReading(t *testing.T, addr, picture string) {
	t.Helper()
	png, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	var r predicted
	until(t, "a reading", func() bool {
		r = read(t, addr, png)
		return r.status == http.StatusOK
	})
	if r.Version != "2.0.0" || len(r.Labels) == 0 || r.Labels[0].Label != "0" {
		t.Errorf("%+v, want a 0 read by 2.0.0", r)
	}
}

// predicted is an answer of the inference API.
type predicted struct {
	status  int
	Version string `json:"version"`
	Labels  []struct {
		Label string `json:"label"`
	} `json:"labels"`
}

// read asks a device to read a picture.
func read(t *testing.T, addr string, png []byte) predicted {
	t.Helper()
	client := http.Client{Timeout: patience}
	resp, err := client.Post("http://"+addr+"/v1/predict/meter-reader", "image/png", bytes.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := predicted{status: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return r
}
