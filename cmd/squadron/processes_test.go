package main

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/deploy/wire"
)

var fourth = wire.Device{Site: "waterworks", ID: "meter-4"}

// TestADeviceKilledIsShownOfflineAndServesAgainAlone follows one device that is
// a process of its own: it joins, takes 2.0.0, is watched with Debian's
// mosquitto_sub, is killed, and starts again with nobody to talk to.
func TestADeviceKilledIsShownOfflineAndServesAgainAlone(t *testing.T) {
	needMosquittoSub(t)
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	engineer := subscribe(t, o.broker, "squadron/v1/#")
	program := buildAgent(t)

	device := startAgent(t, program, o)
	until(t, "the device online", func() bool { return o.showsOnline(true) })
	o.asks(exit.Done, "rollout", "start", "meter-reader@2.0.0", "--waves", "100%", "--wait")
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))
	engineer.hear(map[wire.Kind]func(string) bool{
		wire.KindOnline: reads(t, func(m wire.Online) bool { return m.Online }),
		wire.KindInfo:   reads(t, func(m wire.Info) bool { return m.Arch != "" && m.Serve == device.addr && len(m.Engines) > 0 }),
		wire.KindState: reads(t, func(m wire.State) bool {
			return len(m.Models) == 1 && m.Models[0].Running == "2.0.0" && m.Models[0].Phase == wire.PhaseCommitted
		}),
		wire.KindTelemetry: reads(t, func(m wire.Telemetry) bool { return len(m.Models) == 1 && m.Models[0].Inferences > 0 }),
	})

	device.kill()
	gone := reads(t, func(m wire.Online) bool {
		return !m.Online && !m.ConnectedAt.IsZero() && strings.Contains(m.Why, "the connection was lost")
	})
	engineer.hear(map[wire.Kind]func(string) bool{wire.KindOnline: gone})
	until(t, "the device shown offline", func() bool { return o.showsOnline(false) })
	if topic, payload := subscribe(t, o.broker, fourth.Topic(wire.KindOnline)).next(); !gone(payload) {
		t.Errorf("the retained %s is %s, want the last will", topic, payload)
	}

	o.stop()
	device = startAgent(t, program, o)
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))
	device.end()
}

// showsOnline reports whether the operator sees the device with this link.
func (o *office) showsOnline(online bool) bool {
	d := o.devices()
	return len(d) == 1 && d[0].Name() == fourth.String() && d[0].Online == online
}

// reads makes a test of a message's JSON of a test of its fields.
func reads[M wire.Message](t *testing.T, is func(M) bool) func(string) bool {
	return func(payload string) bool {
		m, err := wire.Decode[M]([]byte(payload))
		if err != nil || !strings.Contains(payload, `"v":1`) {
			t.Errorf("%T is not readable: %v in %s", m, err, payload)
		}
		return is(m)
	}
}
