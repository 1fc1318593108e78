package api

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
)

// admit lets an operator change things.
func (h *handler) admit(w http.ResponseWriter, r *http.Request) error {
	if h.Token == "" {
		return admitLocal(r)
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(h.Token)) != 1 {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return Refuse(http.StatusUnauthorized, "this needs the operator's token, as Authorization: Bearer TOKEN")
	}
	return nil
}

// admitLocal wants the caller to have called a loopback address by its name: a
// page whose own name resolves to this machine has another in its Host header.
func admitLocal(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if host == "localhost" || err == nil && addr.Unmap().IsLoopback() {
		return nil
	}
	return Refuse(http.StatusForbidden, "without an operator's token configured, only a loopback address such as 127.0.0.1 may be called to change things, not %.80q", r.Host)
}

// operatorHeader names the person behind a call, for the audit log. It is their
// word; the token is what admits them.
const operatorHeader = "Squadron-Operator"

// who is a caller in the audit log.
func who(r *http.Request) string {
	name := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, r.Header.Get(operatorHeader))
	if name = name[:min(len(name), 64)]; name == "" {
		name = "an operator"
	}
	return strings.ToValidUTF8(name, "") + " from " + caller(r)
}

// caller is the address that a call comes from.
func caller(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
