package bucket_test

import (
	"testing"
	"time"
)

// lines are a log that is read as it grows.
type lines struct{ c chan string }

func newLines() *lines { return &lines{make(chan string, 100)} }

// Write implements io.Writer; a handler writes a line at a time.
func (l *lines) Write(b []byte) (int, error) {
	l.c <- string(b)
	return len(b), nil
}

func (l *lines) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-l.c:
		t.Log(line)
		return line
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was logged within 20 s")
		return ""
	}
}
