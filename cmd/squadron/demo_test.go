package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/squadron/demo"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
)

// TestTheStoryComesOutAsTold runs the whole demo over real MQTT and HTTP, and
// holds its figures to what the three releases are for.
func TestTheStoryComesOutAsTold(t *testing.T) {
	out, _ := squadron(t, exit.Done, "demo", "--exit", "--json", "--dir", t.TempDir())
	told := hear(t, out)

	early, good := told.accuracy["release "+demo.Early], told.accuracy["release "+demo.Good]
	if len(early) != 1 || len(good) != 1 || good[0] < 0.98 || good[0] <= early[0] {
		t.Errorf("%s reads %v of the pictures and %s %v, want one figure each, the second at least 0.98 and the higher one", demo.Early, early, demo.Good, good)
	}
	if after := told.accuracy["release "+demo.Damaged]; len(after) != 1 || len(good) != 1 || after[0] != good[0] {
		t.Errorf("after the halted rollout the fleet reads %v, before it %v", after, good)
	}
	for chapter, want := range map[string]rollout.Phase{
		"release " + demo.Early: rollout.Done, "release " + demo.Good: rollout.Done, "release " + demo.Damaged: rollout.Halted,
	} {
		if r := told.rollouts[chapter]; r.Phase != want {
			t.Errorf("%s: the rollout is %q, want %q: %s", chapter, r.Phase, want, r.Why)
		}
	}
	halted := told.rollouts["release "+demo.Damaged]
	if halted.Wave != 1 || halted.Failed != 1 || halted.Healthy != 0 || !strings.Contains(halted.Why, "golden") {
		t.Errorf("the damaged release should fail its golden pictures at one device of wave 1, and nowhere else: %+v", halted)
	}
}

// interrupting ends the demo at its first word, as Ctrl-C would.
type interrupting struct{ interrupt context.CancelFunc }

func (i interrupting) Write(b []byte) (int, error) {
	i.interrupt()
	return len(b), nil
}

func TestADemoThatIsInterruptedDidNotComeOutAsTold(t *testing.T) {
	for _, args := range [][]string{{"demo", "--exit"}, {"demo"}} {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var complaint strings.Builder
		status := self.Run(ctx, new(commands), args, interrupting{interrupt}, &complaint)
		if status != exit.Failed || complaint.String() != "squadron: demo: interrupted before the story ended\n" {
			t.Errorf("%v: status %d, complained %q", args, status, &complaint)
		}
	}
}

func TestADemoBeginsInAnEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "passphrase"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, complaint := squadron(t, exit.Usage, "demo", "--exit", "--dir", dir); out != "" || !strings.Contains(complaint, "it holds passphrase already, and the demo begins anew") {
		t.Errorf("it told %q and complained %q", out, complaint)
	}
	squadron(t, exit.Usage, "demo", "--exit", "--dir", filepath.Join(dir, "passphrase"))
}

// heard is what the story's lines say in figures, by chapter.
type heard struct {
	accuracy map[string][]float64
	rollouts map[string]api.Rollout
}

// hear reads the story's JSON lines.
func hear(t *testing.T, lines string) heard {
	t.Helper()
	h := heard{map[string][]float64{}, map[string]api.Rollout{}}
	for line := range strings.Lines(lines) {
		t.Log(strings.TrimSpace(line))
		var l struct {
			demo.Line
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Chapter == "" || l.Text == "" {
			t.Fatalf("not a line of the story: %q, %v", line, err)
		}
		var figures struct {
			Accuracy *float64      `json:"accuracy"`
			Phase    rollout.Phase `json:"phase"`
		}
		if json.Unmarshal(l.Data, &figures) != nil {
			continue // a sentence without figures
		}
		if figures.Accuracy != nil {
			h.accuracy[l.Chapter] = append(h.accuracy[l.Chapter], *figures.Accuracy)
		}
		if figures.Phase != "" {
			var r api.Rollout
			if err := json.Unmarshal(l.Data, &r); err != nil {
				t.Fatalf("the rollout in %q: %v", line, err)
			}
			h.rollouts[l.Chapter] = r
		}
	}
	return h
}
