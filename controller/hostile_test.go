package controller_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Two sites run eight models of long names each, and a device that joins where
// both are the baseline would need an order that no message holds. It is heard
// all the same, and so is everybody else.
func TestAttackAJoinerWhoseOrderIsTooLong(t *testing.T) {
	b := newBench(t)
	b.start()
	for i, site := range []wire.SiteID{"a", "b"} {
		b.joinIn(site, "cam-1", wire.PhaseCommitted)
		for n := range 8 {
			b.rollOutLong(fmt.Sprintf("model-%d-%d-", i, n), site, "c")
		}
	}
	victim := b.joinIn("a", "cam-2", wire.PhaseCommitted)
	b.joinIn("c", "cam-1", wire.PhaseCommitted) // waits for its acknowledgement
	say(victim, wire.KindEvent, wire.Event{Seq: 2, At: time.Now(), Kind: "config", Text: "Heard."})
	say(victim, wire.KindTelemetry, wire.Telemetry{At: time.Now(), CPUPercent: 77})
	b.until("the other device's telemetry", func() bool {
		d, err := b.client.Device(t.Context(), victim.id)
		return err == nil && d.Telemetry != nil
	})
	d, err := b.client.Device(t.Context(), wire.Device{Site: "c", ID: "cam-1"})
	if err != nil || len(d.Desired.Models) == 0 || len(d.Desired.Models) > 8 {
		t.Errorf("the joiner is ordered %+v, %v", d.Desired, err)
	}
	if log := b.get("/v1/audit"); !strings.Contains(log, "c/cam-1 is not ordered to run") {
		t.Errorf("the audit log does not tell: %s", log)
	}
	long := strings.Repeat("x", 50)
	b.publishAs("extra-"+long, "1.0.0-"+long)
	_, err = b.client.StartRollout(t.Context(), api.StartRollout{Model: "extra-" + long, Version: "1.0.0-" + long, Waves: []string{"100%"}, Sites: []wire.SiteID{"c"}})
	refused(t, err, http.StatusUnprocessableEntity, "c/cam-1 cannot be ordered")
}

// A device that claims an order out of all proportion is not believed, and
// understood when it says something better.
func TestAttackAGenerationOutOfProportion(t *testing.T) {
	b := newBench(t)
	b.start()
	d := b.join("cam-1", wire.PhaseCommitted)
	b.publish("1.0.0")
	b.publish("2.0.0")
	b.await(b.startRollout("1.0.0").ID, rollout.Done)
	say(d, wire.KindState, wire.State{Generation: 1 << 53})
	b.await(b.startRollout("2.0.0").ID, rollout.Done)
	if got, err := b.client.Device(t.Context(), d.id); err != nil || got.Desired.Generation > 9 || got.State.Generation > 9 {
		t.Errorf("ordered %+v, it said %+v, %v", got.Desired, got.State, err)
	}
}

// A device that reports the right end of an order that it never took opens no
// wave.
func TestAttackAReportBeforeTheOrder(t *testing.T) {
	b := newBench(t)
	b.start()
	devices := []*played{b.join("cam-1", wire.PhaseDownloading), b.join("cam-2", wire.PhaseDownloading)}
	b.publish("1.0.0")
	r := b.startRollout("1.0.0")
	for _, d := range devices {
		first := func(o api.RolloutDevice) bool { return o.Device == d.id.ID && o.Progress == rollout.Ordered }
		if slices.ContainsFunc(r.Devices, first) {
			d.ordered() // it has said what is true: the lie is its last word
		}
		say(d, wire.KindState, wire.State{Generation: 0, Why: "a lie", Models: []wire.ModelState{
			{Name: "meter", Digest: r.Digest, Phase: wire.PhaseCommitted, Rollout: r.ID, Attempt: 1},
		}})
		b.until("the lie", func() bool {
			got, err := b.client.Device(t.Context(), d.id)
			return err == nil && got.State != nil && got.State.Why == "a lie"
		})
	}
	if now, err := b.client.Rollout(t.Context(), r.ID); err != nil || now.Wave != 1 || now.Healthy != 0 {
		t.Errorf("wave %d, %d healthy, %v", now.Wave, now.Healthy, err)
	}
}

// rollOutLong makes a model of a long name the baseline of sites.
func (b *bench) rollOutLong(name string, sites ...wire.SiteID) {
	b.t.Helper()
	long := strings.Repeat("x", 50)
	name, version := name+long, "1.0.0-"+long
	b.publishAs(name, version)
	r, err := b.client.StartRollout(b.t.Context(), api.StartRollout{Model: name, Version: version, Waves: []string{"100%"}, Sites: sites})
	if err != nil {
		b.t.Fatal(err)
	}
	b.await(r.ID, rollout.Done)
}

func (b *bench) publishAs(name, version string) {
	b.t.Helper()
	row, _, err := b.client.Publish(b.t.Context(), bytes.NewReader(b.pub.Bundle(b.t, name, version)))
	if err == nil {
		err = b.client.Vouch(b.t.Context(), row, b.pub.Key, "", time.Now().UTC())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Connections that say nothing take each other's places, and everybody else is
// served.
func TestAttackConnectionsThatSayNothing(t *testing.T) {
	b := newBench(t)
	b.start()
	conns := make([]net.Conn, 257)
	for i := range conns {
		conn, err := net.Dial("tcp", b.c.HTTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	if err := conns[0].SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil { // a header has longer
		t.Fatal(err)
	}
	if _, err := conns[0].Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection that was silent for longest is kept: %v", err)
	}
	if text := b.get("/healthz"); !strings.Contains(text, "true") {
		t.Errorf("the controller answers %s", text)
	}
}

// Two boards of one name: whoever lists the devices, or shows one, reads it.
func TestTwoBoardsOfOneNameAreListed(t *testing.T) {
	b := newBench(t)
	b.start()
	cam := wire.Device{Site: "plant", ID: "cam-1"}
	hangUp := func() {}
	for _, run := range []string{"a", "b", "a", "b"} {
		words, err := wire.Encode(wire.Online{Boot: run})
		if err != nil {
			t.Fatal(err)
		}
		will := link.Message{Topic: cam.Topic(wire.KindOnline), Payload: words, QoS: 1, Retained: true}
		_, next := b.connect(link.Options{
			ClientID: cam.String(), Username: cam.String(), Topics: []string{cam.Topic(wire.KindDesired)},
			Will: func(time.Time) (link.Message, error) { return will, nil },
		})
		hangUp() // the one before, which was pushed out
		hangUp = next
	}
	b.until("the device's line", func() bool {
		list, err := b.client.Devices(t.Context())
		return err == nil && len(list) == 1 && strings.Contains(list[0].Contested, "two devices have this name")
	})
	if d, err := b.client.Device(t.Context(), cam); err != nil || d.Contested == "" {
		t.Errorf("shown: %+v, %v", d, err)
	}
}

// get is an answer's body.
func (b *bench) get(path string) string {
	b.t.Helper()
	answer, err := http.Get("http://" + b.c.HTTPAddr() + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(body)
}

// until asks again and again until something holds.
func (b *bench) until(what string, holds func() bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-end:
			b.t.Fatalf("%s never came", what)
		}
	}
}
