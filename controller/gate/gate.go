// Package gate bounds what connections may take of the controller, whoever
// makes them: how many there are, and how long one may leave its answer unread.
//
// It owns the count of the HTTP port's connections and the deadline of each
// write. It refuses to read what they say, and to keep any of them waiting: one
// that is too many is closed at once, so that whoever called may try again. The
// broker, who knows a stranger from a device, counts its own, by Origin too.
//
// Vocabulary: a connection waits while no request of it is being answered. An
// origin is an address, or a /64 of IPv6: who has one address of those has 2^64.
//
//	bound := gate.NewBound(log)
//	server := &http.Server{Handler: handler, ConnState: bound.Changed}
//	err := server.Serve(gate.Paced(listener))
package gate

import (
	"net"
	"net/netip"
)

// Origin is whom an address counts for.
func Origin(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(ip.WithZone(""), bits).Masked()
}
