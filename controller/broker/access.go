package broker

import (
	"bytes"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// access holds the rules of the package doc, as a hook of the broker.
type access struct {
	mqtt.HookBase
	secret string
}

// ID names the hook.
func (a *access) ID() string { return "squadron-access" }

// Provides lists the hooks in use.
func (a *access) Provides(b byte) bool {
	return bytes.Contains([]byte{mqtt.OnConnectAuthenticate, mqtt.OnACLCheck}, []byte{b})
}

// OnConnectAuthenticate decides who may connect, and as whom.
func (a *access) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	ok := a.knows(cl, pk)
	if v, isOurs := cl.Net.Conn.(*visitor); ok && isOurs {
		v.admit()
	}
	return ok
}

func (a *access) knows(cl *mqtt.Client, pk packets.Packet) bool {
	if len(pk.Connect.Username) == 0 {
		return a.admitReader(cl, pk)
	}
	d, err := wire.ParseDevice(string(pk.Connect.Username))
	return err == nil && a.admitDevice(d, cl, pk)
}

// admitDevice holds a device to its name in every place: a client id of
// another's would end that one's connection, and the broker checks no rules on
// a last will.
func (a *access) admitDevice(d wire.Device, cl *mqtt.Client, pk packets.Packet) bool {
	return cl.ID == d.String() &&
		(a.secret == "" || subtle.ConstantTimeCompare(pk.Connect.Password, []byte(Token(a.secret, d))) == 1) &&
		(!pk.Connect.WillFlag || pk.Connect.WillTopic == d.Topic(wire.KindOnline))
}

// admitReader lets a person on this machine watch, under a client id that is
// nobody else's.
func (a *access) admitReader(cl *mqtt.Client, pk packets.Packet) bool {
	remote, err := netip.ParseAddrPort(cl.Net.Remote)
	return err == nil && remote.Addr().Unmap().IsLoopback() &&
		!strings.Contains(cl.ID, "/") && cl.ID != mqtt.InlineClientId && !pk.Connect.WillFlag
}

// OnACLCheck is asked about the topic of every message, in and out, and about
// the filter of every subscription.
func (a *access) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if len(cl.Properties.Username) == 0 {
		return !write && strings.HasPrefix(topic, wire.Root+"/")
	}
	d, kind, err := wire.ParseTopic(topic)
	if err != nil || d.String() != string(cl.Properties.Username) {
		return false
	}
	if write {
		return slices.Contains(wire.FromDevice, kind)
	}
	return kind == wire.KindDesired || kind == wire.KindCommand
}
