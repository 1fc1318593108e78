package broker_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Two boards that were given one name are told of once, with both addresses; a
// board alone is not, however often its connection hangs or it loses power.
func TestTwoBoardsOfOneNameAreTold(t *testing.T) {
	for runs, told := range map[string]bool{
		"a b a b a b": true,
		"a a a a a a": false, // its connection hangs
		"a b c d e f": false, // it loses power
		"a a b b c c": false,
		"a b a":       false, // too soon to say
	} {
		t.Run(runs, func(t *testing.T) {
			var log lockedLog
			b, err := broker.New(listen(t), secret, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			run(t, b)
			var last, before *client
			for r := range strings.FieldsSeq(runs) {
				last, before = board(t, b, r), last
			}
			text, contested := log.String(), b.Contested(cam)
			if n := strings.Count(text, "push each other out"); (n == 1) != told || (contested != "") != told {
				t.Fatalf("told %d times; contested: %q\n%s", n, contested, text)
			}
			if !told {
				return
			}
			if !strings.Contains(text, "device="+cam.String()) || strings.Count(text, "127.0.0.1:") != 2 {
				t.Errorf("the log says %s", text)
			}
			for _, c := range []*client{last, before} {
				if addr := c.conn.LocalAddr().String(); !strings.Contains(contested, addr) {
					t.Errorf("%q does not name %s", contested, addr)
				}
			}
			if other := b.Contested(other); other != "" {
				t.Errorf("another device: %q", other)
			}
		})
	}
}

// board connects a run of an agent, as devices do.
func board(t *testing.T, b *broker.Broker, run string) *client {
	t.Helper()
	words, err := wire.Encode(wire.Online{Boot: run, Why: "lost"})
	if err != nil {
		t.Fatal(err)
	}
	l := withWill
	l.words = string(words)
	c, code := connect(t, b.Addr(), l)
	if code != 0 {
		t.Fatalf("not welcome: %d", code)
	}
	return c
}

// lockedLog is written by a broker's connections.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
