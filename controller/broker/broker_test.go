package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

const secret = "a fleet's secret, of 32 characters"

var (
	cam   = wire.Device{Site: "plant-7", ID: "cam-3"}
	other = wire.Device{Site: "plant-7", ID: "cam-4"}
	token = broker.Token(secret, cam)
)

// The value is openssl's: printf plant-7/cam-3 | openssl dgst -sha256 -hmac SECRET -binary | basenc --base64url
func TestATokenIsThatOfTheNameUnderTheSecret(t *testing.T) {
	if token != "2u5VcT_G-p8ooKyjVm5-8QfcSr1HtrS-wCvO7cy4X-A" {
		t.Errorf("got %s", token)
	}
}

func TestADeviceSpeaksForItselfAndHearsItsOrder(t *testing.T) {
	b := start(t)
	publish(t, b, cam.Topic(wire.KindDesired), "order")
	c := device(t, b, cam)
	if code := c.subscribe(cam.Topic(wire.KindDesired)); code != 1 {
		t.Fatalf("subscribe: code %#x", code)
	}
	if pk, ok := c.read(); !ok || string(pk.Payload) != "order" || !pk.FixedHeader.Retain {
		t.Errorf("want the retained order, got %+v", pk)
	}
	if c.subscribe(cam.Topic(wire.KindCommand)) != 1 {
		t.Error("may not read its own commands")
	}
	for _, kind := range wire.FromDevice {
		if !c.publish(cam.Topic(kind), "hello", false) {
			t.Fatalf("may not write its own %s", kind)
		}
		if f := <-b.Facts(); f.Device != cam || f.Kind != kind || string(f.Payload) != "hello" {
			t.Errorf("fact %+v", f)
		}
	}
}

func TestAttackDeviceWritesWhereItMayNot(t *testing.T) {
	for _, topic := range []string{
		other.Topic(wire.KindState), other.Topic(wire.KindEvent), other.Topic(wire.KindOnline),
		cam.Topic(wire.KindDesired), other.Topic(wire.KindDesired), cam.Topic(wire.KindCommand),
		wire.RolloutTopic("plant-7", "r1"), "squadron/v1/plant-7/cam-3/state/more", "squadron/v1/plant-7/cam-3/other",
		"squadron/v2/plant-7/cam-3/state", "elsewhere",
	} {
		t.Run(topic, func(t *testing.T) {
			b := start(t)
			if device(t, b, cam).publish(topic, "forged", true) {
				t.Error("the broker took it")
			}
			expectSilence(t, b)
			if got := retained(t, b, topic); got != "" {
				t.Errorf("%q is retained there", got)
			}
		})
	}
}

func TestAttackDeviceListensWhereItMayNot(t *testing.T) {
	b := start(t)
	c := device(t, b, cam)
	for _, filter := range []string{
		"#", "+/#", "squadron/v1/#", "squadron/v1/plant-7/+/desired", "squadron/v1/plant-7/cam-3/#",
		other.Topic(wire.KindDesired), other.Topic(wire.KindCommand), cam.Topic(wire.KindState), "$SYS/#",
		"$share/x/" + cam.Topic(wire.KindDesired),
	} {
		if code := c.subscribe(filter); code != 0x80 {
			t.Errorf("%s: code %#x, want 0x80", filter, code)
		}
	}
}

func TestAttackLogins(t *testing.T) {
	name := cam.String()
	for what, l := range map[string]login{
		"a wrong password":                   {id: name, user: name, password: "guess"},
		"no password":                        {id: name, user: name},
		"another device's token":             {id: name, user: name, password: broker.Token(secret, other)},
		"the secret itself":                  {id: name, user: name, password: secret},
		"another's client id":                {id: other.String(), user: name, password: token},
		"a user that is no device":           {id: "admin", user: "admin", password: token},
		"a wildcard for a user":              {id: "+/+", user: "+/+", password: token},
		"a will on another's topic":          {id: name, user: name, password: token, will: other.Topic(wire.KindOnline)},
		"a will on an order":                 {id: name, user: name, password: token, will: cam.Topic(wire.KindDesired)},
		"anonymous with a device's id":       {id: name},
		"anonymous as the controller itself": {id: "inline"},
		"anonymous with a will":              {id: "reader", will: cam.Topic(wire.KindOnline)},
	} {
		b := start(t)
		if _, code := connect(t, b.Addr(), l); code == 0 {
			t.Errorf("%s was let in", what)
		}
	}
}

func TestAttackAnonymousWrites(t *testing.T) {
	b := start(t)
	for _, topic := range []string{cam.Topic(wire.KindState), cam.Topic(wire.KindDesired), "elsewhere"} {
		c, _ := connect(t, b.Addr(), login{id: "reader"})
		if c.publish(topic, "forged", true) {
			t.Errorf("%s: the broker took it", topic)
		}
	}
	expectSilence(t, b)
}

func TestAPersonOnThisMachineReadsTheFleetAndNothingElse(t *testing.T) {
	b := start(t)
	publish(t, b, cam.Topic(wire.KindState), "well")
	c, code := connect(t, b.Addr(), login{id: "reader"})
	if code != 0 {
		t.Fatalf("not let in: %d", code)
	}
	for _, filter := range []string{"#", "squadron/#", "+/v1/#", "$SYS/#", "squadron/v10/#"} {
		if code := c.subscribe(filter); code != 0x80 {
			t.Errorf("%s: code %#x, want 0x80", filter, code)
		}
	}
	if code := c.subscribe("squadron/v1/#"); code != 1 {
		t.Fatalf("code %#x", code)
	}
	if pk, ok := c.read(); !ok || string(pk.Payload) != "well" {
		t.Errorf("got %+v", pk)
	}
}

func TestAnOversizeMessageEndsTheConnection(t *testing.T) {
	b := start(t)
	if device(t, b, cam).publish(cam.Topic(wire.KindState), strings.Repeat("x", 64<<10), true) {
		t.Error("the broker took it")
	}
	expectSilence(t, b)
}

func TestALastWillSpeaksForADeviceThatIsGone(t *testing.T) {
	b := start(t)
	c, _ := connect(t, b.Addr(), withWill)
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if f := <-b.Facts(); f.Device != cam || f.Kind != wire.KindOnline || string(f.Payload) != "gone" {
		t.Errorf("fact %+v", f)
	}
}

// A device whose old connection hangs comes back on a new one: the old one's
// will must not be the last word.
func TestAnOldWillIsNotTheLastWord(t *testing.T) {
	b := start(t)
	for i := range 50 {
		connect(t, b.Addr(), withWill)
		c, _ := connect(t, b.Addr(), withWill)
		here := fmt.Sprint("here ", i)
		c.publish(cam.Topic(wire.KindOnline), here, true)
		for f := <-b.Facts(); string(f.Payload) != here; f = <-b.Facts() {
		}
		if got := retained(t, b, cam.Topic(wire.KindOnline)); got != here {
			t.Fatalf("a person reads %q", got)
		}
	}
}

var withWill = login{id: cam.String(), user: cam.String(), password: token, will: cam.Topic(wire.KindOnline), keep: true}

func TestADeviceThatLeavesSendsNoWill(t *testing.T) {
	b := start(t)
	c, _ := connect(t, b.Addr(), withWill)
	c.leave()
	c.read()
	expectSilence(t, b)
}

// Of a device that is forgotten nothing is retained, and no order waits in its
// session; its neighbour's stay.
func TestAForgottenDeviceLeavesNothing(t *testing.T) {
	b := start(t)
	c, _ := connect(t, b.Addr(), login{id: cam.String(), user: cam.String(), password: token, keep: true})
	c.subscribe(cam.Topic(wire.KindDesired))
	c.publish(cam.Topic(wire.KindState), "state", true)
	c.leave()
	c.read()
	for !b.Gone(cam.String()) {
		runtime.Gosched() // the broker closes a connection before it says so
	}
	<-b.Facts()
	publish(t, b, cam.Topic(wire.KindDesired), "order")
	publish(t, b, other.Topic(wire.KindDesired), "another's")
	if err := b.Forget(cam); err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]string{
		cam.Topic(wire.KindState): "", cam.Topic(wire.KindDesired): "", other.Topic(wire.KindDesired): "another's",
	} {
		if got := retained(t, b, topic); got != want {
			t.Errorf("%s holds %q, want %q", topic, got, want)
		}
	}
	back, _ := connect(t, b.Addr(), login{id: cam.String(), user: cam.String(), password: token, keep: true})
	back.ask(cam.Topic(wire.KindDesired))
	if pk, ok := back.read(); !ok || pk.FixedHeader.Type != packets.Suback {
		t.Errorf("it comes back to %q", pk.Payload)
	}
}

func TestAnOrderWaitsForADeviceThatIsAway(t *testing.T) {
	b := start(t)
	c, _ := connect(t, b.Addr(), login{id: cam.String(), user: cam.String(), password: token, keep: true})
	c.subscribe(cam.Topic(wire.KindDesired))
	c.leave()
	c.read()
	publish(t, b, cam.Topic(wire.KindDesired), "new order")
	c, _ = connect(t, b.Addr(), login{id: cam.String(), user: cam.String(), password: token, keep: true})
	if pk, ok := c.read(); !ok || string(pk.Payload) != "new order" {
		t.Errorf("got %+v", pk)
	}
}

// The device that speaks waits while the channel is full; nothing is dropped.
func TestNoFactIsLostWhenTheControllerIsSlow(t *testing.T) {
	b := start(t)
	c := device(t, b, cam)
	say := func(i int) { c.publish(cam.Topic(wire.KindEvent), fmt.Sprint(i), false) }
	early, all := cap(b.Facts())+1, cap(b.Facts())+500
	for i := range early { // the last of them waits in the broker
		say(i)
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		for i := early; i < all; i++ {
			say(i)
		}
	}()
	for i := range all {
		if f := <-b.Facts(); string(f.Payload) != fmt.Sprint(i) {
			t.Fatalf("want fact %d, got %s", i, f.Payload)
		}
	}
	<-said
}

func TestRunEndsWhileNobodyReadsFacts(t *testing.T) {
	l := listen(t)
	b, err := broker.New(l, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	name := cam.String()
	c, _ := connect(t, b.Addr(), login{id: name, user: name})
	for range cap(b.Facts()) + 1 {
		c.publish(cam.Topic(wire.KindEvent), "x", false)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func start(t *testing.T) *broker.Broker {
	t.Helper()
	b, err := broker.New(listen(t), secret, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	run(t, b)
	return b
}

// run serves until the test ends.
func run(t *testing.T, b *broker.Broker) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func device(t *testing.T, b *broker.Broker, d wire.Device) *client {
	t.Helper()
	c, code := connect(t, b.Addr(), login{id: d.String(), user: d.String(), password: broker.Token(secret, d)})
	if code != 0 {
		t.Fatalf("%s was not let in: %d", d, code)
	}
	return c
}

func publish(t *testing.T, b *broker.Broker, topic, payload string) {
	t.Helper()
	if err := b.Publish(topic, []byte(payload), true); err != nil {
		t.Fatal(err)
	}
}

// expectSilence holds that no fact came of what was done: a true one, sent
// after it, is the first to arrive.
func expectSilence(t *testing.T, b *broker.Broker) {
	t.Helper()
	probe := wire.Device{Site: "probe", ID: "p"}
	device(t, b, probe).publish(probe.Topic(wire.KindEvent), "probe", false)
	if f := <-b.Facts(); f.Device != probe {
		t.Errorf("a fact came through: %+v", f)
	}
}

// retained is what a person would find at a topic of the fleet; nothing else
// can be asked for.
func retained(t *testing.T, b *broker.Broker, topic string) string {
	t.Helper()
	c, _ := connect(t, b.Addr(), login{}) // the broker gives it an id
	c.ask(topic)
	probe := wire.RolloutTopic("probe", "p")
	publish(t, b, probe, "probe")
	c.ask(probe)
	found := ""
	for pk, ok := c.read(); ok && pk.TopicName != probe; pk, ok = c.read() {
		if pk.TopicName == topic {
			found = string(pk.Payload)
		}
	}
	return found
}
