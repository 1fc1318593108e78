package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
)

// TestAnEmptyFleetSaysWhatToDoNext asks a new controller everything that a
// person would before anything was done.
func TestAnEmptyFleetSaysWhatToDoNext(t *testing.T) {
	o := openOffice(t)
	for asked, next := range map[string]string{
		"devices list":   "Next, on a device: squadron-agent run",
		"bundles list":   "Next: squadron pack",
		"rollout status": "Next: squadron rollout start",
	} {
		if out, _ := o.asks(exit.Done, strings.Fields(asked)...); !strings.Contains(out, next) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s printed %q, want one line with %q", asked, out, next)
		}
		if out, _ := o.asks(exit.Done, append(strings.Fields(asked), "--json")...); strings.TrimSpace(out) != "[]" {
			t.Errorf("%s --json printed %q", asked, out)
		}
	}
	for asked, next := range map[string]string{
		"devices show plant-7/cam-3":              "device plant-7/cam-3: not found; squadron devices list shows which there are",
		"rollout status 20260101-000000-abcd":     "not found; squadron rollout status shows which there are",
		"rollout abort 20260101-000000-abcd":      "not found; squadron rollout status shows which there are",
		"rollout start meter-reader@2.0.0":        "publish its bundle first; squadron bundles list shows which there are",
		"rollout start meter-reader@2.0.0 --json": `","exit":1}`,
	} {
		if out, complaint := o.asks(exit.Failed, strings.Fields(asked)...); !strings.Contains(complaint, next) || out != "" {
			t.Errorf("%s printed %q and complained %q, want %q", asked, out, complaint, next)
		}
	}
}

func TestAPortThatIsTakenIsSaidWithWhatToDo(t *testing.T) {
	o := openOffice(t)
	for key, taken := range map[string]string{"http": strings.TrimPrefix(o.url, "http://"), "mqtt": o.broker} {
		settings := map[string]string{"dir": o.file("second"), "trust": o.file("trust"), "online_key_file": o.key("online.key"), "passphrase_file": o.file("passphrase"), "http": "127.0.0.1:0", "mqtt": "127.0.0.1:0"}
		settings[key] = taken
		b, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(o.file("second.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, complaint := squadron(t, exit.Failed, "controller", "--config", o.file("second.json"))
		if !strings.Contains(complaint, taken) || !strings.Contains(complaint, `name another address with "http" or "mqtt" in `+o.file("second.json")) {
			t.Errorf("%s: complained %q", key, complaint)
		}
	}
}
