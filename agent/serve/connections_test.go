package serve_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdleConnectionsNeitherPileUpNorCloseTheAPI: whoever opens many and asks
// for nothing.
func TestIdleConnectionsNeitherPileUpNorCloseTheAPI(t *testing.T) {
	const most, more = 512, 100
	online(t, &session{version: 1}, func(t *testing.T, n *network) {
		var idle []net.Conn
		for range most + more {
			client, server := net.Pipe()
			t.Cleanup(func() {
				if err := client.Close(); err != nil {
					t.Error(err)
				}
			})
			n.dialled <- server
			idle = append(idle, client)
		}
		synctest.Wait()
		for i, c := range idle {
			open := c.SetDeadline(time.Time{}) == nil // which a pipe refuses once an end is closed
			if open != (i >= more) {
				t.Errorf("connection %d of %d: open is %t", i, len(idle), open)
			}
		}
		if a := n.send(t, len(picture), picture).answer(); a.Code != 200 {
			t.Errorf("one that asks: got %+v", a)
		}
	})
}
