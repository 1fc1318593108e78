package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/agent/serve"
)

// network is a listener in memory, for a server whose time is the test's.
type network struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.dialled:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// sender is a client that has begun to send a picture.
type sender struct {
	net.Conn
	t *testing.T
}

// send promises size bytes of a picture, and sends those of part.
func (n *network) send(t *testing.T, size int, part []byte) sender {
	client, server := net.Pipe()
	n.dialled <- server
	s := sender{client, t}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	s.write(fmt.Appendf(nil, "POST /v1/predict/meter HTTP/1.1\r\nHost: device\r\nContent-Length: %d\r\n\r\n", size))
	go client.Write(part) // the server may end it
	synctest.Wait()
	return s
}

func (s sender) write(b []byte) {
	s.t.Helper()
	if _, err := s.Write(b); err != nil {
		s.t.Error(err)
	}
}

func (s sender) answer() (a answer) {
	s.t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(s), nil)
	if err != nil {
		s.t.Error(err)
		return a
	}
	a.Code, a.Retry = r.StatusCode, r.Header.Get("Retry-After")
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		s.t.Errorf("%d: %v", r.StatusCode, err)
	}
	return a
}

// online runs a server in a bubble.
func online(t *testing.T, s *session, test func(*testing.T, *network)) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, s)
		n := &network{dialled: make(chan net.Conn), closed: make(chan struct{})}
		ended := make(chan error)
		ctx, stop := context.WithCancel(context.Background())
		t.Cleanup(func() { // after the senders have closed
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		go func() { ended <- serve.New(d.Models, quiet).Run(ctx, n) }()
		test(t, n)
	})
}

// TestSlowSendersKeepNobodyWaiting: as many as there is room for send one byte
// and no more.
func TestSlowSendersKeepNobodyWaiting(t *testing.T) {
	const uploads = 64
	online(t, &session{version: 1}, func(t *testing.T, n *network) {
		var slow []sender
		for range uploads {
			slow = append(slow, n.send(t, 100_000, []byte("x")))
			time.Sleep(time.Millisecond)
		}
		if a := n.send(t, len(picture), picture).answer(); a.Code != 503 || a.Retry == "" {
			t.Errorf("before any was slow, one too many: got %+v", a)
		}
		time.Sleep(2 * time.Second)
		for i := range 3 {
			if a := n.send(t, len(picture), picture).answer(); a.Code != 200 {
				t.Errorf("a quick sender: got %+v", a)
			}
			if i > 0 {
				continue // the first made room for all
			}
			if a := slow[0].answer(); a.Code != 503 || a.Retry == "" {
				t.Errorf("the slowest sender: got %+v", a)
			}
		}
		slow[1].write(make([]byte, 99_999)) // it still may
		if a := slow[1].answer(); a.Code != 415 {
			t.Errorf("one that came round: got %+v", a)
		}
	})
}

// TestHalfAPictureKeepsNobodyWaiting: as much of them as there is memory for.
func TestHalfAPictureKeepsNobodyWaiting(t *testing.T) {
	const size = 16 << 20
	online(t, &session{version: 1}, func(t *testing.T, n *network) {
		var stuck, refused int
		for i := range 6 {
			s := n.send(t, size, make([]byte, size-1))
			if i < 3 {
				stuck++
				continue
			}
			if a := s.answer(); a.Code == 503 && a.Retry != "" {
				refused++
			}
		}
		if stuck != 3 || refused != 3 { // 64 MiB hold three, and what the fourth grows from
			t.Errorf("%d are held and %d refused", stuck, refused)
		}
		if a := n.send(t, len(picture), picture).answer(); a.Code != 200 {
			t.Errorf("a small picture: got %+v", a)
		}
		time.Sleep(2 * time.Second)
		if a := n.send(t, size, make([]byte, size)).answer(); a.Code != 415 {
			t.Errorf("a large picture that is whole: got %+v", a)
		}
	})
}

func TestASilentSenderIsGivenUp(t *testing.T) {
	online(t, &session{version: 1}, func(t *testing.T, n *network) {
		began := time.Now()
		if a := n.send(t, 1000, []byte("x")).answer(); a.Code != 408 || time.Since(began) != 10*time.Second {
			t.Errorf("after %s: got %+v", time.Since(began), a)
		}
		began = time.Now()
		s := n.send(t, 1000, []byte("x"))
		for range 5 {
			time.Sleep(5 * time.Second)
			s.write([]byte("x"))
		}
		if a := s.answer(); a.Code != 408 || time.Since(began) != 30*time.Second {
			t.Errorf("a byte every five seconds, after %s: got %+v", time.Since(began), a)
		}
	})
}
