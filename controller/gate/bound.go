package gate

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// The most connections of the HTTP port, where the process may open files
// enough: a site's devices come from one address perhaps, and whoever puts a proxy
// in front makes one address of everybody.
const (
	most     = 2048
	mostFrom = 256
	// perConnection is how many of the process's files the bound sets aside for
	// each: its own, that of the object it reads, and as many for the broker.
	perConnection = 4
	tellEvery     = 10 * time.Second // that connections were turned away
)

// Bound makes room for a connection that is one too many, for its origin or for
// all, by closing that which has waited longest. If none of the others waits,
// that is the new one.
type Bound struct {
	log            *slog.Logger
	most, mostFrom int

	mu      sync.Mutex
	open    map[net.Conn]netip.Prefix
	from    map[netip.Prefix]int
	waiting []net.Conn // the longest first
	refused int        // since told
	told    time.Time
}

// NewBound allows 2,048 connections, 256 of them from one origin, or fewer where
// the process may open few files.
func NewBound(log *slog.Logger) *Bound {
	all := min(most, files()/perConnection)
	return newBound(all, min(mostFrom, all/2), log)
}

func newBound(most, mostFrom int, log *slog.Logger) *Bound {
	return &Bound{log: log, most: most, mostFrom: mostFrom, open: map[net.Conn]netip.Prefix{}, from: map[netip.Prefix]int{}}
}

// files is how many the process may open.
func files() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return most * perConnection // there is no limit that can be asked for
	}
	return int(min(limit.Cur, most*perConnection))
}

// Changed is a http.Server's ConnState.
func (b *Bound) Changed(conn net.Conn, state http.ConnState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stir(conn)
	switch state {
	case http.StateNew:
		b.enter(conn)
	case http.StateIdle:
		b.waiting = append(b.waiting, conn)
	case http.StateClosed, http.StateHijacked:
		b.leave(conn)
	}
}

// stir takes a connection off those that wait; mu is held, here and below.
func (b *Bound) stir(conn net.Conn) {
	b.waiting = slices.DeleteFunc(b.waiting, func(other net.Conn) bool { return other == conn })
}

func (b *Bound) enter(conn net.Conn) {
	origin := Origin(conn.RemoteAddr())
	b.open[conn] = origin
	b.from[origin]++
	b.waiting = append(b.waiting, conn)
	gone := conn
	switch {
	case b.from[origin] > b.mostFrom:
		gone = b.longest(origin)
	case len(b.open) > b.most:
		gone = b.waiting[0]
	default:
		return
	}
	b.stir(gone)
	b.leave(gone)
	end(gone)
	if gone == conn {
		b.refuse(origin)
	}
}

// longest is the connection of an origin that has waited longest; there is one,
// which has just come.
func (b *Bound) longest(origin netip.Prefix) net.Conn {
	return b.waiting[slices.IndexFunc(b.waiting, func(c net.Conn) bool { return b.open[c] == origin })]
}

// leave counts a connection out, once.
func (b *Bound) leave(conn net.Conn) {
	origin, ok := b.open[conn]
	if !ok {
		return
	}
	delete(b.open, conn)
	if b.from[origin]--; b.from[origin] == 0 {
		delete(b.from, origin)
	}
}

// refuse tells of connections that were turned away, from time to time.
func (b *Bound) refuse(origin netip.Prefix) {
	b.refused++
	if time.Since(b.told) < tellEvery {
		return
	}
	b.log.Warn("HTTP connections were turned away, since too many are being answered already",
		"connections", b.refused, "last_from", origin.String(), "from_one_address", b.mostFrom, "together", b.most)
	b.refused, b.told = 0, time.Now()
}

// end closes a connection without TLS's goodbye, for which everybody would wait.
func end(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close() // it fails if the other side has closed it, which is as well
}
