package serve

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections bounds the open ones. Each holds some ten KiB and one of the
// files that the agent may open, which its order and its downloads need too.
const maxConnections = 512

// connections makes room for a new connection by closing one: that which has
// waited longest for a request, or if none waits, the new one.
type connections struct {
	mu      sync.Mutex
	open    int
	waiting []net.Conn // without a request, the longest first
}

// changed is a http.Server's ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = slices.DeleteFunc(c.waiting, func(other net.Conn) bool { return other == conn })
	switch state {
	case http.StateNew:
		c.open++
		c.waiting = append(c.waiting, conn)
		if c.open > maxConnections {
			_ = c.waiting[0].Close() // it fails if the client has closed it, which is as well
			c.waiting = c.waiting[1:]
		}
	case http.StateIdle:
		c.waiting = append(c.waiting, conn)
	case http.StateClosed:
		c.open--
	}
}
