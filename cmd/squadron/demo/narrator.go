package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Line is one sentence of the story, as --json prints it.
type Line struct {
	Seconds float64 `json:"seconds"` // since the story began
	Chapter string  `json:"chapter"`
	Text    string  `json:"text"`
	// Data holds the figures of the sentence, for scripts.
	Data any `json:"data,omitempty"`
}

// narrator tells the story as it happens. It is safe for concurrent use.
type narrator struct {
	out   io.Writer
	json  bool
	start time.Time

	mu      sync.Mutex
	chapter string
	failed  error // the first failure to write
}

// begin opens a chapter.
func (n *narrator) begin(chapter, text string) {
	n.mu.Lock()
	n.chapter = chapter
	n.mu.Unlock()
	if !n.json {
		n.write("\n" + text + "\n")
		return
	}
	n.say(nil, "%s", text)
}

// say tells one sentence.
func (n *narrator) say(data any, format string, args ...any) {
	line := Line{Seconds: float64(time.Since(n.start).Milliseconds()) / 1000, Text: fmt.Sprintf(format, args...), Data: data}
	n.mu.Lock()
	line.Chapter = n.chapter
	n.mu.Unlock()
	if !n.json {
		n.write(fmt.Sprintf("%6.1f s  %s\n", line.Seconds, line.Text))
		return
	}
	b, err := json.Marshal(line)
	if err != nil {
		n.fail(err)
		return
	}
	n.write(string(b) + "\n")
}

func (n *narrator) write(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := io.WriteString(n.out, s); err != nil && n.failed == nil {
		n.failed = err
	}
}

func (n *narrator) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed == nil {
		n.failed = err
	}
}

// err is the first failure to tell the story.
func (n *narrator) err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}
