package controller_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// played is a device that answers each order at once, with the phase that the
// test gave its version.
type played struct {
	b       *bench
	id      wire.Device
	link    *link.Link
	answer  sync.Map // phase by version
	usual   wire.Phase
	orders  chan wire.Desired
	trust   *trust.Client
	running wire.ModelState
	held    int64 // generation of the newest order
	stop    func()
	hangUp  func()
}

// join connects a device of the site plant and waits until the controller
// knows it.
func (b *bench) join(id wire.DeviceID, usual wire.Phase) *played {
	b.t.Helper()
	return b.joinIn("plant", id, usual)
}

func (b *bench) joinIn(site wire.SiteID, id wire.DeviceID, usual wire.Phase) *played {
	b.t.Helper()
	return b.joinHolding(site, id, usual, wire.State{})
}

// joinHolding connects a device that says that it holds an order already.
func (b *bench) joinHolding(site wire.SiteID, id wire.DeviceID, usual wire.Phase, held wire.State) *played {
	b.t.Helper()
	p := &played{b: b, id: wire.Device{Site: site, ID: id}, usual: usual, orders: make(chan wire.Desired, 16), held: held.Generation}
	p.trust = b.trusting()
	p.link, p.hangUp = b.connect(link.Options{
		ClientID: p.id.String(), Username: p.id.String(),
		Topics: []string{p.id.Topic(wire.KindDesired), p.id.Topic(wire.KindCommand)},
	})
	say(p, wire.KindOnline, wire.Online{Online: true, Boot: "b"})
	say(p, wire.KindState, held)
	say(p, wire.KindEvent, wire.Event{Seq: 1, At: time.Now(), Kind: "started", Text: "Hello."})
	acked := make(chan struct{})
	p.stop = background(b.t, func(ctx context.Context) error { return p.run(ctx, acked) })
	<-acked
	return p
}

// trusting is what a device trusts that was given the owner's first root.
func (b *bench) trusting() *trust.Client {
	b.t.Helper()
	client, err := trust.Open(b.pub.Owner.Device(), time.Now())
	if err == nil {
		err = client.Refresh(func(name string, max int64) ([]byte, error) {
			file, err := b.client.Metadata(context.Background(), name)
			if err == nil && file == nil {
				err = trust.ErrNoFile
			}
			return file, err
		})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

// run answers until ctx ends; acked is closed by the first acknowledgement.
func (p *played) run(ctx context.Context, acked chan struct{}) error {
	for heard := false; ; {
		var m link.Message
		select {
		case <-ctx.Done():
			return nil
		case m = <-p.link.Messages():
		}
		if m.Topic == p.id.Topic(wire.KindCommand) {
			c, err := wire.Decode[wire.Command](m.Payload)
			if err != nil {
				return err
			}
			if c.Kind == wire.CommandAck && c.Seq == 1 && !heard {
				heard = true
				close(acked)
			}
			continue
		}
		if len(m.Payload) == 0 {
			continue // the order was taken away
		}
		payload, _, err := p.trust.Order(m.Payload, string(p.id.Site), string(p.id.ID))
		if err != nil {
			return err
		}
		order, err := wire.Decode[wire.Desired](payload)
		if err != nil {
			return err
		}
		if order.Site != p.id.Site || order.Device != p.id.ID {
			return fmt.Errorf("%s got the order of %s/%s", p.id, order.Site, order.Device)
		}
		if order.Generation <= p.held {
			continue
		}
		p.held = order.Generation
		p.obey(order)
		p.orders <- order
	}
}

// obey reports each model of an order.
func (p *played) obey(order wire.Desired) {
	state := wire.State{Generation: order.Generation}
	for _, m := range order.Models {
		phase := p.usual
		if v, ok := p.answer.Load(m.Version); ok {
			phase = v.(wire.Phase)
		}
		if phase == wire.PhaseCommitted {
			p.running.Digest, p.running.Running = m.Digest, m.Version
		}
		p.running.Wanted, p.running.WantedD = m.Version, m.Digest
		p.running.Name, p.running.Rollout, p.running.Attempt = m.Name, m.Rollout, m.Attempt
		p.running.Phase, p.running.Why = phase, "is "+string(phase)
		state.Models = append(state.Models, p.running)
	}
	say(p, wire.KindState, state)
}

// leave has the controller know that the device is away.
func (p *played) leave() {
	p.b.t.Helper()
	say(p, wire.KindOnline, wire.Online{Boot: "b"})
	p.stop()
	p.hangUp()
	p.b.until(p.id.String()+" away", func() bool {
		d, err := p.b.client.Device(p.b.t.Context(), p.id)
		return err == nil && !d.Online
	})
}

// ordered is the next order.
func (p *played) ordered() wire.Desired {
	p.b.t.Helper()
	select {
	case order := <-p.orders:
		return order
	case <-time.After(20 * time.Second):
		p.b.t.Fatalf("%s got no order", p.id)
		return wire.Desired{}
	}
}

func say[M wire.Message](p *played, k wire.Kind, m M) {
	b, err := wire.Encode(m)
	if err == nil {
		err = p.link.Publish(context.Background(), p.id.Topic(k), 1, k != wire.KindEvent, b)
	}
	// A controller that stops takes its broker with it; its order comes again.
	if err != nil && !errors.Is(err, link.ErrDown) {
		p.b.t.Errorf("%s says %s: %v", p.id, k, err)
	}
}
