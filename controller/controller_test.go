package controller_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/internal/bundletest"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestARolloutGoesThroughItsWaves(t *testing.T) {
	b := newBench(t)
	b.start()
	for _, id := range []wire.DeviceID{"cam-1", "cam-2", "cam-3"} {
		b.join(id, wire.PhaseCommitted)
	}
	b.publish("1.0.0")
	r := b.startRollout("1.0.0")
	if done := b.await(r.ID, rollout.Done); done.Healthy != 3 || done.Wave != 3 {
		t.Errorf("%+v", done)
	}
}

func TestAFailureHaltsAndEverybodyGoesBack(t *testing.T) {
	b := newBench(t)
	b.start()
	d1, d2 := b.join("cam-1", wire.PhaseCommitted), b.join("cam-2", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	d1.answer.Store("2.0.0", wire.PhaseRefused)
	d2.answer.Store("2.0.0", wire.PhaseRefused)
	r := b.startRollout("2.0.0")
	halted := b.await(r.ID, rollout.Halted)
	if halted.Wave != 1 || halted.Failed != 1 || !strings.Contains(halted.Sentence, "cam-") || !strings.Contains(halted.Sentence, "is refused") {
		t.Errorf("%+v", halted)
	}
	for _, d := range []*played{d1, d2} {
		got, err := b.client.Device(t.Context(), d.id)
		if err != nil || got.Desired.Models[0].Version != "1.0.0" {
			t.Errorf("%s is ordered %+v, %v", d.id, got.Desired, err)
		}
	}
}

func TestARestartGoesOnInTheMiddle(t *testing.T) {
	b := newBench(t)
	b.start()
	silent := b.join("cam-1", wire.PhaseDownloading)
	b.publish("1.0.0")
	r := b.startRollout("1.0.0")
	before := silent.ordered()
	silent.stop()
	b.stop()

	b.start()
	online := b.dial(link.Options{ClientID: "engineer", Topics: []string{silent.id.Topic(wire.KindOnline)}}).Messages()
	away := string((<-online).Payload)
	if !strings.Contains(away, `"online":false`) || !strings.Contains(away, `"last_heard_at":"20`) || strings.Contains(away, "connected_at") {
		t.Errorf("a device that has not come back yet is shown as %s", away)
	}
	again := b.join("cam-1", wire.PhaseCommitted)
	if after := again.ordered(); after.Generation != before.Generation || after.Models[0].Digest != before.Models[0].Digest {
		t.Errorf("the order that stood was %+v, after the restart %+v", before, after)
	}
	b.await(r.ID, rollout.Done)
}

func TestRefusalsHaveASentence(t *testing.T) {
	b := newBench(t)
	b.start()
	b.publish("1.0.0")
	ask := api.StartRollout{Model: "meter", Version: "1.0.0", Waves: []string{"1", "100%"}}
	_, err := b.client.StartRollout(t.Context(), ask)
	refused(t, err, http.StatusUnprocessableEntity, "no device")
	b.join("cam-1", wire.PhaseDownloading)
	ask.Version = "9.0.0"
	_, err = b.client.StartRollout(t.Context(), ask)
	refused(t, err, http.StatusNotFound, "not published")
	r := b.startRollout("1.0.0")
	ask.Version = "1.0.0"
	_, err = b.client.StartRollout(t.Context(), ask)
	refused(t, err, http.StatusConflict, "is running")
	if _, err := b.client.Abort(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.client.Abort(t.Context(), r.ID)
	refused(t, err, http.StatusConflict, "does not run")
	b.stop()
	_, err = b.client.Devices(t.Context())
	if gone := (*api.UnreachableError)(nil); !errors.As(err, &gone) {
		t.Errorf("a controller that is gone: %v", err)
	}
}

func TestAFolderHasOneController(t *testing.T) {
	b := newBench(t)
	b.start()
	second := b.config()
	if _, err := controller.New(t.Context(), second); err == nil || !strings.Contains(err.Error(), "another controller") {
		t.Errorf("a second controller on the folder: %v", err)
	}
	b.stop()
	b.start() // the first one's end gives it back
}

func TestAnOpenPortNeedsAToken(t *testing.T) {
	good := controller.Config{Dir: "d", Trust: "t", OnlineKey: trusttest.Key(1), HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	open := good
	open.HTTP = ":8080"
	if err := open.Validate(); err == nil || !strings.Contains(err.Error(), "operator_token") {
		t.Errorf("HTTP for all: %v", err)
	}
	open = good
	open.MQTT = "0.0.0.0:1883"
	if err := open.Validate(); err == nil || !strings.Contains(err.Error(), "device_secret") {
		t.Errorf("MQTT for all: %v", err)
	}
	open.DeviceSecret = "only 16 letters."
	if err := open.Validate(); err == nil || !strings.Contains(err.Error(), "want at least 32") {
		t.Errorf("a secret that can be guessed: %v", err)
	}
}

func refused(t *testing.T, err error, status int, why string) {
	t.Helper()
	var r *api.RefusedError
	if !errors.As(err, &r) || r.Status != status || !strings.Contains(r.Why, why) {
		t.Errorf("want %d with %q, got %v", status, why, err)
	}
}

// bench is a controller that can be stopped and started on one folder.
type bench struct {
	t      *testing.T
	dir    string
	trust  string // the owner's folder
	pub    bundletest.Publisher
	home   trusttest.Home // the publisher's
	c      *controller.Controller
	client *api.Client
	watch  *link.Link
	stop   func()
}

func (b *bench) config() controller.Config {
	return controller.Config{
		Dir: filepath.Join(b.dir, "state"), Trust: b.trust, OnlineKey: b.pub.Owner.Online, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0",
	}
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), pub: bundletest.NewPublisher(t, "*")}
	b.trust = b.pub.TrustFolder(t)
	return b
}

func (b *bench) start() {
	b.t.Helper()
	c, err := controller.New(b.t.Context(), b.config())
	if err != nil {
		b.t.Fatal(err)
	}
	b.c, b.stop = c, background(b.t, c.Run)
	b.client = api.NewClient("http://"+c.HTTPAddr(), "", "ada")
	b.watch = b.dial(link.Options{ClientID: "watcher", Topics: []string{wire.Root + "/+/rollouts/+"}})
}

// background runs until the returned function, or the test's end, stops it.
func background(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func (b *bench) dial(o link.Options) *link.Link {
	b.t.Helper()
	l, _ := b.connect(o)
	return l
}

// connect is dial for one who hangs up before the test ends.
func (b *bench) connect(o link.Options) (l *link.Link, hangUp func()) {
	b.t.Helper()
	o.Broker = "tcp://" + b.c.BrokerAddr()
	l, err := link.New(o)
	if err != nil {
		b.t.Fatal(err)
	}
	hangUp = background(b.t, l.Run)
	if c := <-l.Changes(); !c.Up {
		b.t.Fatal(c.Err)
	}
	return l, hangUp
}

func (b *bench) publish(version string) {
	b.t.Helper()
	row, created, err := b.client.Publish(b.t.Context(), bytes.NewReader(b.pub.Bundle(b.t, "meter", version)))
	if err == nil {
		_, err = b.client.Vouch(b.t.Context(), b.signer(), release(row), time.Now().UTC())
	}
	if err != nil || !created {
		b.t.Fatalf("publish %s: created %t, %v", version, created, err)
	}
}

// signer is the publisher at home.
func (b *bench) signer() api.Signer { return api.Signer{Key: b.pub.Key, Home: &b.home} }

// release is what the publisher vouches for of a bundle.
func release(b api.Bundle) trust.Release {
	return trust.Release{Model: b.Name, Version: b.Version, Digest: b.Digest, Length: b.EnvelopeBytes}
}

func (b *bench) startRollout(version string) api.Rollout {
	b.t.Helper()
	r, err := b.client.StartRollout(b.t.Context(), api.StartRollout{Model: "meter", Version: version, Waves: []string{"1", "50%", "100%"}})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// await reads what a person with an MQTT client reads.
func (b *bench) await(id wire.RolloutID, phase rollout.Phase) wire.RolloutStatus {
	b.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case m := <-b.watch.Messages():
			s, err := wire.Decode[wire.RolloutStatus](m.Payload)
			if err != nil {
				b.t.Fatal(err)
			}
			if s.Rollout == id && s.Phase == string(phase) {
				return s
			}
		case <-limit:
			r, err := b.client.Rollout(b.t.Context(), id)
			b.t.Fatalf("rollout %s is not %s: %+v, %v", id, phase, r, err)
		}
	}
}
