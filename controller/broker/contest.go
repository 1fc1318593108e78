package broker

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Two boards that were given one name push each other's connection out, each as
// soon as it is back. One board never comes back as a run of its agent that another
// run has pushed out: contestOf takeovers within contestWithin, the last by such a
// one, are of two.
const (
	contestOf     = 3
	contestWithin = 5 * time.Minute
)

// contests remembers who pushed whom out, as long as it is news.
type contests struct {
	log *slog.Logger

	mu     sync.Mutex
	byName map[string]*contest
}

type contest struct {
	takeovers []takeoverOf
	told      bool
}

// takeoverOf is one connection's end by another.
type takeoverOf struct {
	at       time.Time
	old, new party
}

// party is a run of an agent, and where it called from.
type party struct{ run, address string }

// note is told of each connection that is ended by another of its name.
func (c *contests) note(name string, old, next party, now time.Time) {
	if old.run == next.run {
		return // the board is back whose connection hung
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.byName, func(_ string, other *contest) bool { return other.isOver(now) })
	n := c.byName[name]
	if n == nil {
		n = &contest{}
		c.byName[name] = n
	}
	returns := slices.ContainsFunc(n.takeovers, func(t takeoverOf) bool { return t.old.run == next.run })
	n.takeovers = append(n.takeovers, takeoverOf{now, old, next})
	n.takeovers = n.takeovers[max(0, len(n.takeovers)-contestOf):]
	if n.told || !returns || len(n.takeovers) < contestOf || now.Sub(n.takeovers[0].at) > contestWithin {
		return
	}
	n.told = true
	c.log.Warn("two devices have one name and push each other out: give one of them another name",
		"device", name, "one", old.address, "other", next.address)
}

// isOver reports whether nobody was pushed out lately.
func (n *contest) isOver(now time.Time) bool {
	return now.Sub(n.takeovers[len(n.takeovers)-1].at) > contestWithin
}

// standing says who contends for a name; empty if nobody does.
func (c *contests) standing(name string, now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.byName[name]
	if n == nil || !n.told || n.isOver(now) {
		return ""
	}
	last := n.takeovers[len(n.takeovers)-1]
	return fmt.Sprintf("two devices have this name and push each other out, from %s and %s: give one of them another name", last.old.address, last.new.address)
}

// partyOf tells runs apart by the wills that they leave, or else by their hosts.
func partyOf(cl *mqtt.Client) party {
	if m, err := wire.Decode[wire.Online](cl.Properties.Will.Payload); err == nil && m.Boot != "" {
		return party{m.Boot, cl.Net.Remote}
	}
	host, _, err := net.SplitHostPort(cl.Net.Remote)
	if err != nil {
		host = cl.Net.Remote
	}
	return party{host, cl.Net.Remote}
}
