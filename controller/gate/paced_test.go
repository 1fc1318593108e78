package gate_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/controller/gate"
)

// answer is what the tests' server sends: more than any buffer on the way holds.
var answer = bytes.Repeat([]byte("squadron"), 1<<17)

// Whoever asks and never reads, again and again on the same connection, holds it
// for the time of one chunk.
func TestAttackAnAnswerThatIsNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near := serveOne(t)
		begun := time.Now()
		if _, err := io.WriteString(near, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 8)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(gate.ChunkWithin + time.Second) // of the bubble's clock
		synctest.Wait()
		if n, err := io.Copy(io.Discard, near); err != nil || n > 0 {
			t.Errorf("after %v the connection still brings %d bytes, %v", time.Since(begun), n, err)
		}
	})
}

// A device behind 16 KiB a second gets all of a long answer, which takes it longer
// than a chunk may take.
func TestASlowReaderIsServedToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near := serveOne(t)
		begun := time.Now()
		if _, err := io.WriteString(near, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for {
			_, err := io.CopyN(&got, near, 16<<10)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // of the bubble's clock
		}
		if !bytes.HasSuffix(got.Bytes(), answer) || time.Since(begun) < 2*gate.ChunkWithin {
			t.Errorf("got %d bytes in %v", got.Len(), time.Since(begun))
		}
	})
}

func TestAnEarlierDeadlineHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, near := pacedPipe(t)
		defer near.Close()
		begun := time.Now()
		if err := conn.SetWriteDeadline(begun.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(answer); err == nil || time.Since(begun) != time.Second {
			t.Errorf("the write ended after %v, %v", time.Since(begun), err)
		}
	})
}

// serveOne is the other end of a server's only connection.
func serveOne(t *testing.T) net.Conn {
	near, far := net.Pipe()
	l := &one{conns: make(chan net.Conn, 1)}
	l.conns <- far
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
			w.Write(answer)
		}),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(gate.Paced(l)) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return near
}

func pacedPipe(t *testing.T) (far, near net.Conn) {
	t.Helper()
	near, far = net.Pipe()
	l := &one{conns: make(chan net.Conn, 1)}
	l.conns <- far
	far, err := gate.Paced(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	return far, near
}

// one is a listener of one connection.
type one struct{ conns chan net.Conn }

func (l *one) Accept() (net.Conn, error) {
	if conn, ok := <-l.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l *one) Close() error {
	close(l.conns)
	return nil
}

func (l *one) Addr() net.Addr { return &net.TCPAddr{} }
