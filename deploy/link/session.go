package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	connectTimeout = 10 * time.Second // for dialling, TLS and CONNACK; then again for SUBACK
	writeTimeout   = 10 * time.Second // of one packet; a longer stall is a lost connection
	flushTimeout   = 2 * time.Second  // for the acknowledgements at an orderly end
	keepAlive      = 30 * time.Second
	quiesce        = 1000 // milliseconds for the DISCONNECT packet itself

	refusedSubscription = 0x80 // a SUBACK's failure [MQTT-3.9.3-2], which paho takes for success
)

// session is one connection, from CONNACK to its end. The library's own
// reconnecting is not used: across it, tokens succeed without proof of delivery.
type session struct {
	client    mqtt.Client
	connected time.Time // when the connection was asked for
	outbox    chan publication
	lost      chan error    // why the connection broke; holds one
	over      chan struct{} // closed when the connection has ended
	pending   []mqtt.Token  // publications that may still wait for their PUBACK
}

// publication is one message on its way from Publish to the session's owner,
// who answers with its token.
type publication struct {
	message Message
	token   chan mqtt.Token // holds one
}

// connect opens a connection. When ctx ends meanwhile, it is closed at once.
func (l *Link) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s := &session{connected: time.Now().UTC(), outbox: make(chan publication), lost: make(chan error, 1), over: make(chan struct{})}
	will, err := words(l.options.Will, s.connected)
	if err != nil {
		return nil, fmt.Errorf("connect: last will: %w", err)
	}
	var conn *connection
	o := l.clientOptions(will)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.lost <- err })
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		var err error
		if conn, err = dial(ctx, l.broker, l.options.TLS); err != nil {
			return nil, err
		}
		return conn, nil
	})
	s.client = mqtt.NewClient(o)
	token := s.client.Connect()
	<-token.Done() // not for ever: ctx ends and closes the connection
	if err := token.Error(); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if !conn.keep() {
		s.end()
		return nil, errors.New("connect: the broker refused, or did not answer in time")
	}
	return s, nil
}

// clientOptions sets every option of the library that matters here; its
// defaults wait 30 s to connect, write without limit and keep no session.
func (l *Link) clientOptions(will Message) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions()
	o.AddBroker(l.options.Broker)
	o.SetProtocolVersion(4) // MQTT 3.1.1, without trying 3.1 after a refusal
	o.SetClientID(l.options.ClientID)
	o.SetUsername(l.options.Username)
	o.SetPassword(l.options.Password)
	o.SetCleanSession(false) // the broker keeps QoS 1 messages while the link is down
	o.SetAutoReconnect(false)
	o.SetConnectTimeout(connectTimeout)
	o.SetWriteTimeout(writeTimeout)
	o.SetKeepAlive(keepAlive)
	// Our handler never blocks, so the library may call it in order. For all
	// messages, not by route: kept ones arrive before the subscription is made.
	o.SetOrderMatters(true)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		l.receive(Message{Topic: m.Topic(), Payload: m.Payload(), QoS: m.Qos(), Retained: m.Retained()})
	})
	if will.Topic != "" {
		o.SetBinaryWill(will.Topic, will.Payload, will.QoS, will.Retained)
	}
	return o
}

// subscribe asks for the topics at QoS 1 and fails unless the broker grants
// every one.
func (s *session) subscribe(ctx context.Context, topics []string) error {
	if len(topics) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	filters := map[string]byte{}
	for _, t := range topics {
		filters[t] = 1
	}
	token := s.client.SubscribeMultiple(filters, nil).(*mqtt.SubscribeToken)
	select {
	case <-token.Done():
	case err := <-s.lost:
		return fmt.Errorf("subscribe: the connection broke: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("subscribe to %s: the broker did not answer: %w", strings.Join(topics, ", "), ctx.Err())
	}
	if err := token.Error(); err != nil {
		return fmt.Errorf("subscribe to %s: %w", strings.Join(topics, ", "), err)
	}
	return granted(topics, token.Result())
}

// granted checks the SUBACK's code of every topic.
func granted(topics []string, codes map[string]byte) error {
	for _, t := range topics {
		if code, ok := codes[t]; !ok || code >= refusedSubscription {
			return fmt.Errorf("subscribe: the broker refuses %s to this client: its access rules must let it read that topic", t)
		}
	}
	return nil
}

// serve sends what Publish brings until the connection breaks, which is an
// error, or ctx ends, which is not.
func (s *session) serve(ctx context.Context) error {
	for {
		select {
		case p := <-s.outbox:
			p.token <- s.send(p.message)
		case err := <-s.lost:
			return fmt.Errorf("the connection broke: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

// send hands a message to the library. It blocks for at most writeTimeout.
func (s *session) send(m Message) mqtt.Token {
	token := s.client.Publish(m.Topic, m.QoS, m.Retained, m.Payload)
	if len(s.pending) == cap(s.pending) {
		s.pending = slices.DeleteFunc(s.pending, done)
	}
	s.pending = append(s.pending, token)
	return token
}

// leave sends what is under way and the farewell, and waits for their
// acknowledgements.
func (s *session) leave(farewell Message) error {
	for waiting := true; waiting; {
		select {
		case p := <-s.outbox:
			p.token <- s.send(p.message)
		default:
			waiting = false
		}
	}
	if farewell.Topic != "" {
		s.send(farewell)
	}
	limit := time.NewTimer(flushTimeout)
	defer limit.Stop()
	for _, token := range s.pending {
		select {
		case <-token.Done():
		case err := <-s.lost:
			return fmt.Errorf("leave: the connection broke: %w", err)
		case <-limit.C:
			return fmt.Errorf("leave: the broker did not acknowledge the last messages within %s", flushTimeout)
		}
	}
	return nil
}

// end closes the connection and releases everybody who waits for it.
func (s *session) end() {
	s.client.Disconnect(quiesce)
	close(s.over)
}

// publish brings a message to the session's owner and waits for the broker.
func (s *session) publish(ctx context.Context, m Message) error {
	p := publication{message: m, token: make(chan mqtt.Token, 1)}
	select {
	case s.outbox <- p:
	case <-s.over:
		return ErrDown
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var token mqtt.Token
	select {
	case token = <-p.token: // the owner answers all that it takes
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-token.Done():
	case <-s.over:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return outcome(token)
}

// outcome is what is known of a publication now.
func outcome(token mqtt.Token) error {
	if !done(token) {
		return ErrDown
	}
	if err := token.Error(); err != nil {
		return errors.Join(ErrDown, err)
	}
	return nil
}

func done(token mqtt.Token) bool {
	select {
	case <-token.Done():
		return true
	default:
		return false
	}
}
