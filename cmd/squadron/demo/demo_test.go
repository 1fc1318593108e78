package demo_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/squadron/demo"
)

// TestTheStoryComesOutAsTold runs the whole of it: real MQTT, real HTTP, three
// devices. Run itself fails at any step that does not come out; the lines must
// say what a script would look for.
func TestTheStoryComesOutAsTold(t *testing.T) {
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out, JSON: true, Exit: true, Dir: t.TempDir()}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	accuracy := map[string]float64{}
	halted := ""
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var l struct {
			Chapter, Text string
			Data          struct {
				Version, Phase string
				Accuracy       float64
			}
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l.Data.Accuracy > 0 {
			accuracy[l.Data.Version] = l.Data.Accuracy
		}
		if l.Data.Phase == "halted" {
			halted = l.Text
		}
	}
	if accuracy[demo.Good] < 0.98 || accuracy[demo.Early] >= accuracy[demo.Good] {
		t.Errorf("accuracies %v", accuracy)
	}
	if !strings.Contains(halted, "golden pictures") {
		t.Errorf("the rollout of %s halted with %q", demo.Damaged, halted)
	}
}
