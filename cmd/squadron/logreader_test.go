package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// A daemon's log goes to a reader such as head -1, which ends long before it:
// what it logs then, at the latest that it has ended, must not end it.
func TestADaemonOutlivesTheReaderOfItsLog(t *testing.T) {
	o := openOffice(t)
	settings, err := json.Marshal(map[string]string{
		"dir": o.file("second"), "trust": o.file("trust"), "online_key_file": o.key("online.key"), "passphrase_file": o.file("passphrase"),
		"http": "127.0.0.1:0", "mqtt": "127.0.0.1:0",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.file("second.json"), settings, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, daemon := range map[string]*exec.Cmd{
		"the controller": exec.Command("squadron", "controller", "--json", "--config", o.file("second.json")),
		"the agent": exec.Command(buildAgent(t), "run", "--json", "--trust", o.file("trust/root.json"), "--state", o.file("cam-3"),
			"--site", "plant-7", "--device", "cam-3", "--serve", "127.0.0.1:0", "--controller", o.url, "--broker", "tcp://"+o.broker),
	} {
		t.Run(name, func(t *testing.T) {
			log, err := daemon.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := daemon.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewReader(log); ; { // until it has started
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatalf("it logged %q: %v", line, err)
				}
				var entry struct{ Page, Address string }
				if err := json.Unmarshal([]byte(line), &entry); err != nil {
					t.Fatalf("it logged %q: %v", line, err)
				}
				if entry.Address != "" {
					entry.Page = "http://" + entry.Address
				}
				if entry.Page != "" {
					resp, err := http.Get(entry.Page + "/healthz")
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					break
				}
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := daemon.Wait(); err != nil {
				t.Errorf("it ended with: %v", err)
			}
		})
	}
}
