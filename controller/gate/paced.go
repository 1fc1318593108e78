package gate

import (
	"net"
	"sync"
	"time"
)

// A chunk has its own deadline, not the answer: a device on a link of 16 KiB a
// second takes its model for as long as that needs, and one that reads nothing
// holds its connection, and the file behind it, for half a minute.
const (
	chunk       = 32 << 10
	chunkWithin = 30 * time.Second
)

// Paced is a listener whose connections give up a write of which 32 KiB are not
// taken within 30 seconds. An earlier deadline that was set on one holds too. It
// belongs below TLS, whose records it paces.
func Paced(l net.Listener) net.Listener { return pacedListener{l} }

type pacedListener struct{ net.Listener }

func (l pacedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &paced{Conn: conn}, nil
}

// paced hides what its connection could do beside net.Conn: a whole file handed
// to the kernel would have one deadline.
type paced struct {
	net.Conn
	mu    sync.Mutex
	limit time.Time // set from outside; zero if there is none
}

func (p *paced) Write(b []byte) (n int, err error) {
	for {
		part := b[n:min(len(b), n+chunk)]
		if err := p.begin(); err != nil {
			return n, err
		}
		wrote, err := p.Conn.Write(part)
		n += wrote
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// begin sets the deadline of the next chunk.
func (p *paced) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := time.Now().Add(chunkWithin)
	if !p.limit.IsZero() && p.limit.Before(at) {
		at = p.limit
	}
	return p.Conn.SetWriteDeadline(at)
}

func (p *paced) SetWriteDeadline(at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = at
	return p.Conn.SetWriteDeadline(at)
}

func (p *paced) SetDeadline(at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = at
	return p.Conn.SetDeadline(at)
}
