package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// needMosquittoSub skips a test on a machine without the program that the
// demo tells people to try; CI has it.
func needMosquittoSub(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("mosquitto_sub"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("the package mosquitto-clients is not installed, and CI must not skip this test")
	}
	t.Skip("install the package mosquitto-clients to test what a field engineer sees")
}

// subscriber is a mosquitto_sub as the demo prints it.
type subscriber struct {
	t     *testing.T
	lines chan string
	last  string // the line that next gave last
}

// subscribe starts one; it ends with the test.
func subscribe(t *testing.T, broker, topic string) *subscriber {
	t.Helper()
	host, port, err := net.SplitHostPort(broker)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-t", topic, "-v")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout // its complaints are lines too
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It holds more lines than a test hears, so that the reader never waits.
	s := &subscriber{t: t, lines: make(chan string, 10_000)}
	go func() {
		defer close(s.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			s.lines <- scan.Text()
		}
	}()
	t.Cleanup(func() { kill(t, cmd, s.lines) })
	return s
}

// next is the next message.
func (s *subscriber) next() (topic, payload string) {
	s.t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			s.t.Fatalf("mosquitto_sub ended after %q", s.last)
		}
		s.last = line
		topic, payload, _ = strings.Cut(line, " ")
		return topic, payload
	case <-time.After(patience):
		s.t.Fatalf("mosquitto_sub printed nothing within %v after %q", patience, s.last)
	}
	return "", ""
}

// hear reads on until the fourth device has said each of what is wanted.
func (s *subscriber) hear(want map[wire.Kind]func(payload string) bool) {
	s.t.Helper()
	tooLate := time.Now().Add(patience)
	for open := len(want); open > 0; {
		topic, payload := s.next()
		for kind, said := range want {
			if topic == fourth.Topic(kind) && said != nil && said(payload) {
				s.t.Logf("%s %s", topic, payload)
				want[kind] = nil
				open--
			}
		}
		if time.Now().After(tooLate) {
			s.t.Fatalf("within %v not every message came: %v", patience, want)
		}
	}
}
