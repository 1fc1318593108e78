// Package link keeps one MQTT 3.1.1 connection to a broker for as long as its
// owner wants it.
//
// It owns connecting, reconnecting, subscribing, the last will and the orderly
// end, and it is the only package that knows the MQTT library. It refuses to
// keep anything: what must survive a lost connection or a power cut lies in its
// owner's outbox until the far side has acknowledged it by application, and is
// published again when Changes says that the link is up.
//
// Vocabulary: the link is up when the broker has accepted the connection and
// every subscription; a change is the link coming up, going down, or failing
// to come up.
//
//	l, err := link.New(link.Options{
//		Broker: "ssl://fleet.example:8883", ClientID: "plant-7/cam-3", Username: "plant-7/cam-3", Password: token,
//		Will: func(connected time.Time) (link.Message, error) { return offlineSince(connected) },
//		Topics: []string{desired, command},
//	})
//	...
//	group.Go(func() error { return l.Run(ctx) })
//	for {
//		select {
//		case c := <-l.Changes():
//			if c.Up { publishStateAgain() }
//		case m := <-l.Messages():
//			handle(m)
//		case <-ctx.Done():
//			return nil
//		}
//	}
package link

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// ErrDown says that a message was not published, or that nobody knows whether
// it was, because the link is down. Publish it again when the link is up.
var ErrDown = errors.New("the link to the broker is down")

// Bounds.
const (
	messageBuffer = 256  // messages that wait for a slow owner before the oldest goes
	changeBuffer  = 16   // likewise
	maxTopic      = 1024 // bytes
)

// Options say whom a link connects, as whom, and what for.
type Options struct {
	// Broker is tcp://host:port or ssl://host:port.
	Broker string
	// TLS holds the roots and certificates for ssl://; nil means the system's
	// roots.
	TLS *tls.Config
	// ClientID names the session, which the broker keeps while the link is
	// down. Two links of one name throw each other out.
	ClientID string
	// Username and Password may be empty.
	Username, Password string
	// Will makes what others read when this link is lost. It is asked on every
	// connection, with the time of it, since the broker takes a will's words then
	// and publishes them when the connection breaks. They need a payload; nil
	// means no will.
	Will func(connected time.Time) (Message, error)
	// Farewell makes what Run publishes itself before an orderly end; nil means
	// nothing.
	Farewell func(connected time.Time) (Message, error)
	// Topics are subscribed to at QoS 1 on every connection.
	Topics []string
}

// Message is one MQTT message.
type Message struct {
	Topic    string
	Payload  []byte
	QoS      byte // 0 or 1
	Retained bool
}

// check refuses what the broker would answer by closing the connection.
func (m Message) check() error {
	if m.Topic == "" || len(m.Topic) > maxTopic || strings.ContainsAny(m.Topic, "+#\x00") {
		return fmt.Errorf("topic %.200q: want 1 to %d bytes without wildcards", m.Topic, maxTopic)
	}
	if m.QoS > 1 {
		return fmt.Errorf("topic %s: QoS %d, want 0 or 1: not every broker speaks QoS 2", m.Topic, m.QoS)
	}
	return nil
}

// Change says that the link is up (Err is nil), or that it went down or did not
// come up, why, and how long Run waits before it tries again.
type Change struct {
	Up        bool
	Connected time.Time // when the connection was made that is up
	Err       error
	Retry     time.Duration
}

// Link is one connection to a broker, made anew whenever it is lost. Its
// methods are safe for concurrent use.
type Link struct {
	options  Options
	broker   *url.URL
	messages chan Message
	changes  chan Change
	dropped  atomic.Int64
	session  atomic.Pointer[session] // nil while the link is down
}

// New checks the options. Nothing happens before Run.
func New(o Options) (*Link, error) {
	broker, err := parseBroker(o.Broker, o.TLS)
	if err != nil {
		return nil, err
	}
	if o.ClientID == "" {
		return nil, fmt.Errorf("link to %s: a client id is missing: the broker keeps the session under it", o.Broker)
	}
	for _, topic := range o.Topics {
		if topic == "" {
			return nil, fmt.Errorf("link to %s: a topic to subscribe to is empty", o.Broker)
		}
	}
	if _, err := words(o.Will, time.Now()); err != nil {
		return nil, fmt.Errorf("link to %s: last will: %w", o.Broker, err)
	}
	if _, err := words(o.Farewell, time.Now()); err != nil {
		return nil, fmt.Errorf("link to %s: farewell: %w", o.Broker, err)
	}
	return &Link{
		options:  o,
		broker:   broker,
		messages: make(chan Message, messageBuffer),
		changes:  make(chan Change, changeBuffer),
	}, nil
}

// words asks for a will or a farewell; the zero Message is none. An empty
// payload is refused: MQTT 3.1.1 allows one, the broker that the controller
// embeds does not.
func words(of func(time.Time) (Message, error), connected time.Time) (Message, error) {
	if of == nil {
		return Message{}, nil
	}
	m, err := of(connected)
	if err != nil {
		return Message{}, err
	}
	if len(m.Payload) == 0 {
		return Message{}, fmt.Errorf("topic %s: a payload is missing", m.Topic)
	}
	return m, m.check()
}

// Run connects and stays connected until ctx ends; it tries again for ever,
// after waits that grow to a minute and differ by chance, so that a fleet does
// not come back in one instant. When ctx ends it lets publications under way
// finish, publishes the farewell, disconnects and returns nil. It is called once.
func (l *Link) Run(ctx context.Context) error {
	for tries := 0; ; tries++ {
		began := time.Now()
		err := l.once(ctx)
		if ctx.Err() != nil {
			l.report(Change{Err: cmp.Or(err, context.Cause(ctx))})
			return nil
		}
		if time.Since(began) > maxBackoff {
			tries = 0
		}
		wait := backoff(tries, rand.Float64())
		l.report(Change{Err: fmt.Errorf("link to %s as %s: %w", l.options.Broker, l.options.ClientID, err), Retry: wait})
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// once makes one connection and serves it until it ends.
func (l *Link) once(ctx context.Context) error {
	s, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.subscribe(ctx, l.options.Topics); err != nil {
		return err
	}
	l.session.Store(s)
	l.report(Change{Up: true, Connected: s.connected})
	err = s.serve(ctx)
	l.session.Store(nil)
	if err != nil {
		return err
	}
	farewell, err := words(l.options.Farewell, s.connected)
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return s.leave(farewell)
}

// Messages gives what the broker sends, in its order. The channel holds 256;
// when its reader falls further behind, the oldest is dropped and counted,
// since a message is a state and the newest counts. It is never closed.
func (l *Link) Messages() <-chan Message { return l.messages }

// Dropped counts the messages that were dropped because nobody read them in
// time. Whoever sees it rise asks for the state again.
func (l *Link) Dropped() int64 { return l.dropped.Load() }

// Changes gives the changes of the link. The channel holds 16; the oldest goes
// when nobody reads. It is never closed.
func (l *Link) Changes() <-chan Change { return l.changes }

func (l *Link) report(c Change) { offer(l.changes, c) }

func (l *Link) receive(m Message) { l.dropped.Add(offer(l.messages, m)) }

// offer puts v into a bounded channel without ever blocking, and reports how
// many older values it had to take out.
func offer[T any](ch chan T, v T) (dropped int64) {
	for {
		select {
		case ch <- v:
			return dropped
		default:
		}
		select {
		case <-ch:
			dropped++
		default:
		}
	}
}

// Publish sends a message and returns when the broker has acknowledged it (QoS
// 1) or it has left this machine (QoS 0), or ctx ends. ErrDown and an ended ctx
// leave open whether the broker got it.
func (l *Link) Publish(ctx context.Context, topic string, qos byte, retained bool, payload []byte) error {
	m := Message{Topic: topic, QoS: qos, Retained: retained, Payload: payload}
	if err := m.check(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	s := l.session.Load()
	if s == nil {
		return fmt.Errorf("publish on %s: %w", topic, ErrDown)
	}
	if err := s.publish(ctx, m); err != nil {
		return fmt.Errorf("publish on %s: %w", topic, err)
	}
	return nil
}
