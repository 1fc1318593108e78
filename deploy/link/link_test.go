package link_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/link"
)

const (
	desired  = "squadron/v1/a/b/desired"
	online   = "squadron/v1/a/b/online"
	patience = 20 * time.Second // for what must happen; nothing waits this long when all is well
)

// running is a link whose Run is under way.
type running struct {
	*link.Link
	t    testing.TB
	stop context.CancelFunc
	done chan error
}

// run starts a link and ends it with the test.
func run(t testing.TB, o link.Options) *running {
	t.Helper()
	l, err := link.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Link: l, t: t, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		r.ended()
	})
	return r
}

// ended waits until Run has returned.
func (r *running) ended() {
	r.t.Helper()
	err := receive(r.t, r.done, "Run to end")
	r.done <- err
	if err != nil {
		r.t.Errorf("Run ended with %v", err)
	}
}

// up waits until the link is up.
func (r *running) up() *running {
	r.t.Helper()
	for what := "the link to come up"; ; {
		c := receive(r.t, r.Changes(), what)
		if c.Up {
			return r
		}
		what = fmt.Sprintf("the link to come up after %v", c.Err)
	}
}

// down waits until the link reports an error.
func (r *running) down() error {
	r.t.Helper()
	for {
		if c := receive(r.t, r.Changes(), "the link to go down"); !c.Up {
			return c.Err
		}
	}
}

func (r *running) publish(m link.Message) {
	r.t.Helper()
	if err := r.Publish(context.Background(), m.Topic, m.QoS, m.Retained, m.Payload); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) next() link.Message {
	r.t.Helper()
	return receive(r.t, r.Messages(), "a message")
}

func receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %s for %s", patience, what)
		panic("not reached")
	}
}

// eventually waits for what no channel tells.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

func TestLinkWithEveryBroker(t *testing.T) {
	for name, start := range brokers {
		t.Run(name, func(t *testing.T) {
			for behaviour, test := range map[string]func(*testing.T, string){
				"messages arrive in order":                  testOrder,
				"retained messages reach who comes later":   testRetained,
				"a broken link leaves its will":             testWillOfABrokenLink,
				"a will speaks of its own connection":       testWillOfALaterConnection,
				"an orderly end leaves its will and mail":   testOrderlyEnd,
				"mail waits for a link that was down":       testMailWaits,
				"a broker that goes away is waited for":     testBrokerGoesAway,
				"a publication that is cut off is not done": testPublicationCutOff,
			} {
				t.Run(behaviour, func(t *testing.T) {
					t.Parallel()
					test(t, start(t))
				})
			}
		})
	}
}

func testOrder(t *testing.T, broker string) {
	l := run(t, link.Options{Broker: "tcp://" + broker, ClientID: "a/b", Topics: []string{desired}}).up()
	for i := range 100 {
		l.publish(link.Message{Topic: desired, QoS: byte(i % 2), Payload: fmt.Append(nil, i)})
	}
	for i := range 100 {
		if m := l.next(); m.Topic != desired || string(m.Payload) != fmt.Sprint(i) || m.Retained {
			t.Fatalf("message %d is %+v", i, m)
		}
	}
}

func testRetained(t *testing.T, broker string) {
	run(t, link.Options{Broker: "tcp://" + broker, ClientID: "controller"}).up().
		publish(link.Message{Topic: desired, QoS: 1, Retained: true, Payload: []byte("order")})
	l := run(t, link.Options{Broker: "tcp://" + broker, ClientID: "a/b", Topics: []string{desired}}).up()
	if m := l.next(); string(m.Payload) != "order" || !m.Retained {
		t.Errorf("got %+v", m)
	}
}

func testWillOfABrokenLink(t *testing.T, broker string) {
	watcher := run(t, link.Options{Broker: "tcp://" + broker, ClientID: "w", Topics: []string{online}}).up()
	c := startCable(t, broker)
	run(t, link.Options{Broker: c.URL(), ClientID: "a/b", Will: says("gone"), Farewell: says("left")}).up()
	c.Cut()
	if m := watcher.next(); string(m.Payload) != "gone" {
		t.Errorf("got %+v", m)
	}
	c.Mend()
}

// A will speaks of its own connection, not of the first one.
func testWillOfALaterConnection(t *testing.T, broker string) {
	watcher := run(t, link.Options{Broker: "tcp://" + broker, ClientID: "w", Topics: []string{online}}).up()
	c := startCable(t, broker)
	dated := func(connected time.Time) (link.Message, error) {
		return link.Message{Topic: online, QoS: 1, Payload: []byte(connected.Format(time.RFC3339Nano))}, nil
	}
	l := run(t, link.Options{Broker: c.URL(), ClientID: "a/b", Will: dated})
	for range 2 {
		change := <-l.Changes()
		for !change.Up {
			change = <-l.Changes()
		}
		c.Cut()
		if m := watcher.next(); string(m.Payload) != change.Connected.Format(time.RFC3339Nano) {
			t.Errorf("the will of the connection made at %s says %s", change.Connected, m.Payload)
		}
		c.Mend()
	}
}

// says is a will or a farewell of one word, wills any message as one.
func says(word string) func(time.Time) (link.Message, error) {
	return wills(link.Message{Topic: online, QoS: 1, Payload: []byte(word)})
}

func wills(m link.Message) func(time.Time) (link.Message, error) {
	return func(time.Time) (link.Message, error) { return m, nil }
}

func testOrderlyEnd(t *testing.T, broker string) {
	watcher := run(t, link.Options{Broker: "tcp://" + broker, ClientID: "w", Topics: []string{"squadron/v1/a/b/+"}}).up()
	l := run(t, link.Options{Broker: "tcp://" + broker, ClientID: "a/b", Will: says("gone"), Farewell: says("left")}).up()
	l.publish(link.Message{Topic: "squadron/v1/a/b/telemetry", Payload: []byte("last")})
	l.stop()
	l.ended()
	for _, want := range []string{"last", "left"} {
		if m := watcher.next(); string(m.Payload) != want {
			t.Errorf("want %q, got %+v", want, m)
		}
	}
	if err := l.Publish(context.Background(), online, 1, false, nil); !errors.Is(err, link.ErrDown) {
		t.Errorf("publishing after the end: %v", err)
	}
}

func testMailWaits(t *testing.T, broker string) {
	c := startCable(t, broker)
	l := run(t, link.Options{Broker: c.URL(), ClientID: "a/b", Topics: []string{desired}}).up()
	c.Cut()
	l.down()
	run(t, link.Options{Broker: "tcp://" + broker, ClientID: "controller"}).up().
		publish(link.Message{Topic: desired, QoS: 1, Payload: []byte("while you were out")})
	c.Mend()
	if m := l.up().next(); string(m.Payload) != "while you were out" {
		t.Errorf("got %+v", m)
	}
}

func testBrokerGoesAway(t *testing.T, broker string) {
	c := startCable(t, broker)
	l := run(t, link.Options{Broker: c.URL(), ClientID: "a/b", Topics: []string{desired}}).up()
	c.Cut()
	for range 2 { // the loss, then a try in vain
		if err := l.down(); !strings.Contains(err.Error(), "link to "+c.URL()+" as a/b: connect") &&
			!strings.Contains(err.Error(), "link to "+c.URL()+" as a/b: the connection broke") {
			t.Errorf("the sentence does not say what happened: %v", err)
		}
		if err := l.Publish(context.Background(), desired, 1, false, nil); !errors.Is(err, link.ErrDown) {
			t.Errorf("publishing while down: %v", err)
		}
	}
	c.Mend()
	l.up().publish(link.Message{Topic: desired, QoS: 1, Payload: []byte("back")})
	if m := l.next(); string(m.Payload) != "back" {
		t.Errorf("got %+v", m)
	}
}

func testPublicationCutOff(t *testing.T, broker string) {
	c := startCable(t, broker)
	l := run(t, link.Options{Broker: c.URL(), ClientID: "a/b"}).up()
	c.Stall()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := l.Publish(ctx, desired, 1, false, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publishing without an answer until ctx ends: %v", err)
	}
	published := make(chan error, 1)
	go func() { published <- l.Publish(context.Background(), desired, 1, false, []byte("x")) }()
	c.Cut()
	if err := receive(t, published, "Publish to end"); !errors.Is(err, link.ErrDown) {
		t.Errorf("publishing into a link that breaks: %v", err)
	}
}

// Brokers answer a forbidden subscription with a code, not with an error, and
// the MQTT library takes it for success.
func TestRefusedSubscriptionIsReported(t *testing.T) {
	l := run(t, link.Options{Broker: "tcp://" + startMochi(t, nil), ClientID: "a/b", Topics: []string{desired, secretTopic}})
	if c := receive(t, l.Changes(), "a change"); c.Up || !strings.Contains(c.Err.Error(), "refuses "+secretTopic) || c.Retry <= 0 {
		t.Errorf("got %+v", c)
	}
	if err := l.Publish(context.Background(), desired, 1, false, nil); !errors.Is(err, link.ErrDown) {
		t.Errorf("a link without its subscriptions publishes: %v", err)
	}
}

func TestWrongPasswordIsReported(t *testing.T) {
	broker := "tcp://" + startMochi(t, nil)
	l := run(t, link.Options{Broker: broker, ClientID: "a/b", Username: "a/b", Password: "wrong"})
	if err := l.down(); !strings.Contains(strings.ToLower(err.Error()), "user name or password") && !strings.Contains(strings.ToLower(err.Error()), "not auth") {
		t.Errorf("got %v", err)
	}
	run(t, link.Options{Broker: broker, ClientID: "a/c", Username: "a/c", Password: rightPassword}).up()
}

// Brokers of MQTT 5 may refuse with a code of their own, which the MQTT library
// takes for success.
func TestRefusalWithAnUnknownCodeIsReported(t *testing.T) {
	broker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	l := run(t, link.Options{Broker: "tcp://" + broker.Addr().String(), ClientID: "a/b"})
	conn, err := broker.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0x20, 2, 0, 0x82}); err != nil { // CONNACK: protocol error
		t.Fatal(err)
	}
	if c := receive(t, l.Changes(), "a change"); c.Up || !strings.Contains(c.Err.Error(), "the broker refused") {
		t.Errorf("got %+v", c)
	}
}

func TestSlowReaderLosesTheOldestAndCanTell(t *testing.T) {
	l := run(t, link.Options{Broker: "tcp://" + startMochi(t, nil), ClientID: "a/b", Topics: []string{desired}}).up()
	const sent, kept = 300, 256
	for i := range sent {
		l.publish(link.Message{Topic: desired, QoS: 1, Payload: fmt.Append(nil, i)})
	}
	eventually(t, "44 messages are dropped", func() bool { return l.Dropped() == sent-kept })
	for i := sent - kept; i < sent; i++ {
		if m := l.next(); string(m.Payload) != fmt.Sprint(i) {
			t.Fatalf("want message %d, got %s", i, m.Payload)
		}
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	broker := "ssl://" + startMochi(t, &tls.Config{Certificates: s.TLS.Certificates})
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())

	l := run(t, link.Options{Broker: broker, ClientID: "a/b", Topics: []string{desired}, TLS: &tls.Config{RootCAs: roots}}).up()
	l.publish(link.Message{Topic: desired, QoS: 1, Payload: []byte("in private")})
	if m := l.next(); string(m.Payload) != "in private" {
		t.Errorf("got %+v", m)
	}
	stranger := run(t, link.Options{Broker: broker, ClientID: "a/c"})
	if err := stranger.down(); !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a certificate of an unknown authority: %v", err)
	}
}

func TestNothingRunsAfterRun(t *testing.T) {
	broker := startMochi(t, nil)
	c := startCable(t, broker)
	before := runtime.NumGoroutine()
	for name, end := range map[string]func(*running){
		"orderly":      func(*running) {},
		"after a loss": func(l *running) { c.Cut(); l.down() },
		"stalled":      func(*running) { c.Stall() },
	} {
		l := run(t, link.Options{Broker: c.URL(), ClientID: "a/b", Topics: []string{desired}, Will: says("gone"), Farewell: says("left")}).up()
		end(l)
		l.stop()
		l.ended()
		c.Mend()
		eventually(t, "every goroutine has ended: "+name, func() bool { return runtime.NumGoroutine() <= before })
	}
}

// A machine that accepts and never speaks must not hold up the end.
func TestRunEndsWhileTheBrokerIsSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := run(t, link.Options{Broker: "tcp://" + silent.Addr().String(), ClientID: "a/b"})
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil { // the CONNECT packet has been sent
		t.Fatal(err)
	}
	began := time.Now()
	l.stop()
	l.ended()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Run took %s to end", took)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := link.Options{Broker: "tcp://127.0.0.1:1883", ClientID: "a/b"}
	if _, err := link.New(good); err != nil {
		t.Fatal(err)
	}
	with := func(edit func(*link.Options)) link.Options {
		o := good
		edit(&o)
		return o
	}
	broker := func(s string) link.Options { return with(func(o *link.Options) { o.Broker = s }) }
	for name, c := range map[string]struct {
		o    link.Options
		want string
	}{
		"no broker":              {broker(""), "want tcp://host:port or ssl://host:port"},
		"no scheme":              {broker("127.0.0.1:1883"), "want tcp://host:port"},
		"another scheme":         {broker("mqtt://127.0.0.1:1883"), "want tcp://host:port"},
		"no port":                {broker("tcp://127.0.0.1"), "want tcp://host:port"},
		"no host":                {broker("tcp://:1883"), "want tcp://host:port"},
		"a path":                 {broker("tcp://127.0.0.1:1883/x"), "nothing may follow the port"},
		"a password in the URL":  {broker("tcp://me:hunter2@127.0.0.1:1883"), "do not belong in the address"},
		"certificates in clear":  {with(func(o *link.Options) { o.TLS = new(tls.Config) }), "write ssl://"},
		"no client id":           {with(func(o *link.Options) { o.ClientID = "" }), "client id"},
		"an empty topic":         {with(func(o *link.Options) { o.Topics = []string{""} }), "topic"},
		"a will on a wildcard":   {with(func(o *link.Options) { o.Will = wills(link.Message{Topic: "a/#", Payload: []byte("x")}) }), "without wildcards"},
		"a will without a word":  {with(func(o *link.Options) { o.Will = wills(link.Message{Topic: "a"}) }), "a payload is missing"},
		"a farewell to nowhere":  {with(func(o *link.Options) { o.Farewell = wills(link.Message{Payload: []byte("x")}) }), "topic"},
		"a will at exactly once": {with(func(o *link.Options) { o.Will = wills(link.Message{Topic: "a", QoS: 2, Payload: []byte("x")}) }), "QoS 2"},
	} {
		_, err := link.New(c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: want an error with %q, got %v", name, c.want, err)
		}
	}
}

func TestPublishRefusesWhatBrokersPunish(t *testing.T) {
	l := run(t, link.Options{Broker: "tcp://" + startMochi(t, nil), ClientID: "a/b"}).up()
	for _, m := range []link.Message{{Topic: ""}, {Topic: "a/+"}, {Topic: "a/#"}, {Topic: "a\x00"}, {Topic: "a", QoS: 2}, {Topic: strings.Repeat("a", 1025)}} {
		if err := l.Publish(context.Background(), m.Topic, m.QoS, false, nil); err == nil || errors.Is(err, link.ErrDown) {
			t.Errorf("%.20q at QoS %d: got %v", m.Topic, m.QoS, err)
		}
	}
}
