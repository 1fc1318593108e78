package update

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts anew")

// TestTranscripts replays testdata/*.txt: a line with "!" changes the rules, one with ">" is an event, those
// below it are the state and the actions that follow. A second goes by between
// two events, and every state passes through its JSON form. After a wanted
// change: go test ./agent/update -rewrite, and read the difference.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(want) && !*rewrite {
				t.Errorf("%s came out as\n%s", file, firstDifference(string(want), got))
			}
		})
	}
}

func replay(t *testing.T, script string) string {
	rules := Rules{Device: "plant-7/cam-3", Probation: 100 * time.Second}
	state := New("meter-reader")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			fmt.Fprintln(&out, line)
		}
		if rule, isRule := strings.CutPrefix(line, "! "); isRule {
			fmt.Fprintln(&out, line)
			now = setRule(t, &rules, strings.Fields(rule), now)
		}
		command, isEvent := strings.CutPrefix(line, "> ")
		if !isEvent {
			continue
		}
		var actions []Action
		for _, c := range expand(command) {
			now = now.Add(time.Second)
			state, actions = rules.Step(thaw(t, state), parseEvent(t, c, state.Task), now)
		}
		fmt.Fprintln(&out, line)
		fmt.Fprint(&out, describe(state, actions))
	}
	return out.String()
}

// setRule changes what holds from here on: "jitter SPAN", "shadow SPAN", "window
// FROM TO ZONE [DAY…]" in hours, "pin UNTIL REASON", "ahead [MODEL]", and "clock
// TIME".
func setRule(t *testing.T, rules *Rules, words []string, now time.Time) time.Time {
	var err error
	switch words[0] {
	case "jitter":
		rules.Jitter, err = time.ParseDuration(words[1])
	case "shadow":
		rules.Shadow, err = time.ParseDuration(words[1])
	case "ahead":
		rules.Ahead = strings.Join(words[1:], " ")
	case "window":
		rules.Window = window(t, words[1], words[2], words[3])
	case "pin":
		rules.Pin = Pin{Model: "meter-reader", Reason: strings.Join(words[2:], " ")}
		rules.Pin.Until, err = time.Parse(time.RFC3339, words[1])
	case "clock":
		now, err = time.Parse(time.RFC3339, words[1])
	default:
		err = fmt.Errorf("no such rule: %s", words)
	}
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// expand writes out "probation" and "shadow", with or without a health that
// stays, "fetch-fails", and "commit VERSION", of which a transcript shows the last event alone.
func expand(command string) []string {
	if health, ok := strings.CutPrefix(command, "probation"); ok {
		return slices.Repeat([]string{"timer", "observed" + health}, observations)
	}
	if health, ok := strings.CutPrefix(command, "shadow"); ok {
		return append([]string{"observed" + health}, slices.Repeat([]string{"timer", "observed" + health}, observations)...)
	}
	if command == "fetch-fails" {
		return slices.Repeat([]string{"failed no route to host", "timer"}, maxFetchTries)
	}
	if v, ok := strings.CutPrefix(command, "commit "); ok {
		return append([]string{"ordered " + v, "envelope-fetched", "verified", "objects-fetched", "test-passed", "activated"},
			expand("probation")...)
	}
	return []string{command}
}

func thaw(t *testing.T, s State) State {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back State
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// parseEvent reads "name args…"; "task=N" as the last word overrides the task.
func parseEvent(t *testing.T, line string, task Task) Event {
	words := strings.Fields(line)
	if n, ok := strings.CutPrefix(words[len(words)-1], "task="); ok {
		v, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		task, words = Task(v), words[:len(words)-1]
	}
	rest := strings.Join(words[1:], " ")
	switch words[0] {
	case "ordered":
		o := order(words[1])
		if len(words) > 2 {
			o.Rollout = wire.RolloutID(words[2])
		}
		if len(words) > 3 {
			o.Attempt, _ = strconv.Atoi(words[3])
		}
		return Ordered{o}
	case "withdrawn":
		return Withdrawn{}
	case "nearer":
		return Nearer{}
	case "turn":
		return Turn{task}
	case "restarted":
		return Restarted{Serving: version(rest)}
	case "asked-restart":
		return Restarted{version(rest), true}
	case "envelope-fetched":
		return EnvelopeFetched{task}
	case "verified":
		return Verified{task, 3 << 20}
	case "objects-fetched":
		return ObjectsFetched{task, "1.2 of 3.0 MiB (delta from 1.0.0)"}
	case "test-passed":
		return TestPassed{task, "read 32 of 32 golden pictures as their labels"}
	case "activated":
		return Activated{task}
	case "rolled-back":
		return RolledBack{task}
	case "removed":
		return Removed{task}
	case "observed":
		var h Health
		if rest != "" {
			if err := json.Unmarshal([]byte(rest), &h); err != nil {
				t.Fatal(err)
			}
		}
		return Observed{task, h}
	case "failed":
		return Failed{Task: task, Why: rest}
	case "busy":
		after, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		return Failed{task, strings.Join(words[2:], " "), after}
	case "refused":
		return Refused{task, rest}
	case "timer":
		return Timer{task}
	}
	t.Fatalf("unknown event %q", line)
	return nil
}

func order(v string) wire.DesiredModel {
	return wire.DesiredModel{Name: "meter-reader", Version: v, Digest: version(v).Digest, Rollout: "r1", Attempt: 1}
}

func version(v string) Version {
	if v == "nothing" {
		return Version{}
	}
	return Version{Version: v, Digest: bundle.DigestOf([]byte(v))}
}

func describe(s State, actions []Action) string {
	var out bytes.Buffer
	phase := string(s.Step.Phase())
	if s.Message().Pinned {
		phase += ", pinned"
	}
	fmt.Fprintf(&out, "  %s (%s), serves %s: %s\n", s.Step, phase, s.Active, s.Why)
	for _, a := range actions {
		switch a := a.(type) {
		case Report:
			fmt.Fprintf(&out, "    report %d %s %s/%d\n", a.Number, a.Phase, a.Rollout, a.Attempt)
		case SetTimer:
			fmt.Fprintf(&out, "    timer task=%d %s\n", a.Task, a.After)
		case Activate:
			fmt.Fprintf(&out, "    activate task=%d %s\n", a.Task, a.To)
		case RollBack:
			fmt.Fprintf(&out, "    roll-back task=%d to %s\n", a.Task, a.To)
		default:
			fmt.Fprintf(&out, "    %s\n", strings.ToLower(actionName(a)))
		}
	}
	return out.String()
}

func actionName(a Action) string {
	switch a := a.(type) {
	case FetchEnvelope:
		return fmt.Sprintf("fetch-envelope task=%d %s", a.Task, a.Order.Version)
	case Verify:
		return fmt.Sprintf("verify task=%d %s", a.Task, a.Order.Version)
	case FetchObjects:
		return fmt.Sprintf("fetch-objects task=%d %s", a.Task, a.Order.Version)
	case Test:
		return fmt.Sprintf("test task=%d %s", a.Task, a.Order.Version)
	case Shadow:
		return fmt.Sprintf("shadow task=%d %s", a.Task, a.To)
	case Remove:
		return fmt.Sprintf("remove task=%d", a.Task)
	case Observe:
		return fmt.Sprintf("observe task=%d", a.Task)
	}
	return fmt.Sprintf("%T", a)
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d: want %q\n    got %q", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}
