package controller

import (
	"errors"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// outbox is what is to be published once a turn is durable. A later message on
// a retained topic takes the place of an earlier one.
type outbox struct{ messages []message }

type message struct {
	topic    string
	payload  []byte
	retained bool
}

func (o *outbox) put(m message) {
	for i := range o.messages {
		if m.retained && o.messages[i].topic == m.topic {
			o.messages[i] = m
			return
		}
	}
	o.messages = append(o.messages, m)
}

// status tells a rollout's progress in each site that it concerns.
func (o *outbox) status(s rollout.State) error {
	payload, err := wire.Encode(s.Status())
	if err != nil {
		return err
	}
	told := map[wire.SiteID]bool{}
	for _, d := range s.Devices {
		if !told[d.Site] {
			told[d.Site] = true
			o.put(message{wire.RolloutTopic(d.Site, s.ID), payload, true})
		}
	}
	return nil
}

// memory is what a device last said, and the note that it is away. It may be
// longer in our encoding than it was in the device's, and too long.
func (o *outbox) memory(d store.Device) error {
	var err error
	if d.Info != nil {
		err = errors.Join(err, add(o, d.Topic(wire.KindInfo), *d.Info, true))
	}
	if d.State != nil {
		err = errors.Join(err, add(o, d.Topic(wire.KindState), *d.State, true))
	}
	away := wire.Online{Boot: d.Boot, LastHeardAt: d.LastSeen, Why: "it has not connected since the controller started"}
	return errors.Join(err, add(o, d.Topic(wire.KindOnline), away, true))
}

// order signs a device's order.
func (o *outbox) order(key *repository.Repository, d wire.Device, order wire.Desired) error {
	envelope, err := api.SignOrder(key, d, order)
	if err != nil {
		return err
	}
	o.put(message{d.Topic(wire.KindDesired), envelope, true})
	return nil
}

// send publishes all, and tells what could not be.
func (o *outbox) send(b *broker.Broker) error {
	var err error
	for _, m := range o.messages {
		err = errors.Join(err, b.Publish(m.topic, m.payload, m.retained))
	}
	return err
}

// add encodes a message.
func add[M wire.Message](o *outbox, topic string, m M, retained bool) error {
	payload, err := wire.Encode(m)
	if err != nil {
		return err
	}
	o.put(message{topic, payload, retained})
	return nil
}
