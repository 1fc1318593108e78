package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/telemetry"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// uplink speaks with the fleet over MQTT. What it says is all in the updater,
// the outbox and the sampler; a link that is down loses nothing but telemetry.
type uplink struct {
	config  Config
	log     *slog.Logger
	link    *link.Link
	updater *updater
	outbox  *outbox
	asker   *asker
	sampler *telemetry.Sampler

	info      wire.Info
	boot      string
	up        bool
	connected time.Time   // when the connection that is up was made
	sent      int64       // newest event published on this connection
	told      []byte      // newest state published on this connection
	late      *time.Timer // publishes again what a slow broker did not take
}

// Bounds on waiting for the broker.
const (
	publishTimeout = 10 * time.Second
	publishRetry   = 5 * time.Second
)

func newUplink(a *Agent, info wire.Info, out *outbox) (*uplink, error) {
	u := &uplink{
		config: a.config, log: a.log, updater: a.updater, outbox: out, asker: a.asker, info: info, boot: rand.Text(),
		sampler: telemetry.New(os.DirFS("/"), a.config.StateDir, a.models.Telemetry),
	}
	var err error
	u.link, err = link.New(link.Options{
		Broker: a.config.Broker, ClientID: a.config.Device.String(), Username: a.config.Device.String(), Password: a.config.Token,
		TLS:      u.tls(),
		Will:     u.offline("the connection was lost: the broker says so in the device's place"),
		Farewell: u.offline("the agent ended in good order"),
		Topics:   []string{u.topic(wire.KindDesired), u.topic(wire.KindCommand)},
	})
	return u, err
}

// offline makes the message that the device is not connected any more.
func (u *uplink) offline(why string) func(connected time.Time) (link.Message, error) {
	return func(connected time.Time) (link.Message, error) {
		b, err := wire.Encode(wire.Online{Boot: u.boot, ConnectedAt: connected, Why: why})
		return link.Message{Topic: u.topic(wire.KindOnline), Payload: b, QoS: 1, Retained: true}, err
	}
}

// tls is nil for tcp://, which does not use it.
func (u *uplink) tls() *tls.Config {
	if u.config.plainBroker() {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: u.config.RootCAs}
}

func (u *uplink) topic(k wire.Kind) string { return u.config.Device.Topic(k) }

// run handles what the link brings and publishes what changes, until ctx ends.
func (u *uplink) run(ctx context.Context) error {
	u.late = time.NewTimer(time.Hour)
	defer u.late.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-u.link.Changes():
			u.change(ctx, c)
		case m := <-u.link.Messages():
			u.receive(ctx, m)
		case <-u.updater.changed:
			u.tell(ctx)
		case <-u.late.C:
			u.tellAll(ctx)
		case t := <-u.sampler.Newest():
			u.sample(ctx, t)
		}
	}
}

// change publishes everything anew on a connection that came up, and asks for
// the order: what a broker retains is a cache.
func (u *uplink) change(ctx context.Context, c link.Change) {
	u.up, u.connected = c.Up, c.Connected
	if !c.Up {
		u.log.Info(awayBecause(c.Err), "error", c.Err, "retry", c.Retry)
		return
	}
	u.log.Info("connected", "broker", u.config.Broker)
	u.sent, u.told = 0, nil
	u.asker.ask()
	u.tellAll(ctx)
}

// awayBecause says what to do about a broker that is there and refuses.
func awayBecause(err error) string {
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "not authorized") {
		return "the broker refuses this device: its token in the config is not the one that squadron devices token prints for this site and device"
	}
	return "the broker is away"
}

func (u *uplink) tellAll(ctx context.Context) {
	u.told = nil // whoever asks shall hear it again
	err := publish(ctx, u, wire.KindOnline, wire.Online{Online: true, Boot: u.boot, ConnectedAt: u.connected, Why: "connected"})
	if err == nil {
		err = publish(ctx, u, wire.KindInfo, u.info)
	}
	if err != nil {
		u.later(err)
		return
	}
	u.tell(ctx)
}

// tell publishes the state and the events that are new.
func (u *uplink) tell(ctx context.Context) {
	if !u.up {
		return
	}
	state, err := encodeState(u.updater.snapshot())
	if err == nil && !bytes.Equal(state, u.told) {
		if err = u.send(ctx, wire.KindState, state); err == nil {
			u.told = state
		}
	}
	for _, e := range u.outbox.after(u.sent) {
		if err != nil {
			break
		}
		if err = publish(ctx, u, wire.KindEvent, e); err == nil {
			u.sent = e.Seq
		}
	}
	u.later(err)
}

// later tries again what a slow broker did not take. After a lost connection
// the next one brings everything anew.
func (u *uplink) later(err error) {
	if err == nil || errors.Is(err, link.ErrDown) {
		return
	}
	u.log.Warn("tell the fleet", "error", err)
	u.late.Reset(publishRetry)
}

func (u *uplink) sample(ctx context.Context, t wire.Telemetry) {
	if !u.up {
		return
	}
	if err := publish(ctx, u, wire.KindTelemetry, t); err != nil {
		u.log.Debug("send telemetry", "error", err)
	}
}

func publish[M wire.Message](ctx context.Context, u *uplink, k wire.Kind, m M) error {
	b, err := wire.Encode(m)
	if err != nil {
		return err
	}
	return u.send(ctx, k, b)
}

func (u *uplink) send(ctx context.Context, k wire.Kind, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	var qos byte = 1
	if k == wire.KindTelemetry {
		qos = 0
	}
	retained := k == wire.KindOnline || k == wire.KindInfo || k == wire.KindState
	return u.link.Publish(ctx, u.topic(k), qos, retained, payload)
}

// receive takes an order or a command. What cannot be read is logged: whoever
// sent it is not the controller, or speaks another version.
func (u *uplink) receive(ctx context.Context, m link.Message) {
	var err error
	switch m.Topic {
	case u.topic(wire.KindDesired):
		if len(m.Payload) == 0 {
			return // the retained order was cleared
		}
		u.updater.offer(m.Payload)
	case u.topic(wire.KindCommand):
		var c wire.Command
		if c, err = wire.Decode[wire.Command](m.Payload); err == nil {
			err = u.obey(ctx, c)
		}
	}
	if err != nil {
		u.log.Warn("receive", "topic", m.Topic, "error", err)
	}
}

// obey does what a command asks for, once; one that came too late is answered
// with that.
func (u *uplink) obey(ctx context.Context, c wire.Command) error {
	if c.Kind == wire.CommandAck {
		return u.outbox.acknowledge(c.Seq)
	}
	reply := wire.Reply{ID: c.ID, OK: true}
	switch {
	case !c.Expires.IsZero() && time.Now().After(c.Expires):
		reply.OK, reply.Error = false, fmt.Sprintf("the command expired at %s", c.Expires.Format(time.RFC3339))
	case c.Kind == wire.CommandReport:
		u.tellAll(ctx)
	default:
		reply.OK, reply.Error = false, fmt.Sprintf("unknown command %.40q: this agent knows %s and %s", c.Kind, wire.CommandAck, wire.CommandReport)
	}
	return publish(ctx, u, wire.KindReply, reply)
}
