package api

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A body that never comes holds a connection for its ten seconds and no longer,
// whether or not the route reads one and whoever sends it.
func TestAttackABodyThatNeverComes(t *testing.T) {
	for what, head := range map[string]string{
		"a route that reads none": "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
		"without a token":         "POST /v1/rollouts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
		"a bundle without end":    "POST /v1/bundles HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := one{make(chan net.Conn, 1), make(chan struct{})}
			near, far := net.Pipe()
			l.conns <- far
			server := &http.Server{Handler: New(Config{Token: "a token of an operator", Log: slog.New(slog.DiscardHandler)})}
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(l) }()
			begun := time.Now()
			if _, err := io.WriteString(near, head); err != nil {
				t.Fatal(err)
			}
			if err := near.SetReadDeadline(begun.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(near); err != nil || time.Since(begun) > maxBody+time.Second {
				t.Errorf("%s: the connection ended after %v, %v", what, time.Since(begun), err)
			}
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			<-ended
		})
	}
}

// one is a listener of one connection.
type one struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l one) Close() error {
	close(l.closed)
	return nil
}

func (l one) Addr() net.Addr { return &net.TCPAddr{} }
