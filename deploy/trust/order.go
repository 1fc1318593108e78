package trust

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// OrderType is the DSSE payload type of an order: what one device shall run
// now. It is signed so that a broker can hold orders back but not make any.
const OrderType = "application/vnd.squadron.order.v1+json"

// OrdersRole is the delegation of targets.json that says whose orders count.
// There is no file of that role: its keys sign orders, each for the path of one
// device, and so whoever has them can order only what publishers vouch for.
const OrdersRole = "orders"

// OrderPath is what a key must be delegated in order to give a device orders.
func OrderPath(site, device string) string { return OrdersRole + "/" + site + "/" + device }

// SignOrder makes the envelope of an order.
func SignOrder(payload []byte, key PrivateKey) ([]byte, error) { return Sign(OrderType, payload, key) }

// Order opens the envelope of an order for one device. It believes the keys
// that the newest targets.json delegates the device's order path to, and needs
// Refresh before. What the order says, its generation above all, is the
// caller's to judge.
func (c *Client) Order(envelope []byte, site, device string) (payload []byte, signers []KeyID, err error) {
	e, err := decodeEnvelope(envelope, OrderType)
	if err != nil {
		return nil, nil, fmt.Errorf("judge order: %w", err)
	}
	d, ok := c.ordersFor(site, device)
	if !ok {
		return nil, nil, fmt.Errorf("judge order: targets.json lets nobody order %s/%s: its owner delegates orders with squadron keys", site, device)
	}
	verifiers := make([]dsse.Verifier, len(d.Keys))
	for i, k := range d.Keys {
		verifiers[i] = verifier(k)
	}
	v, err := dsse.NewMultiEnvelopeVerifier(d.Threshold, verifiers...)
	if err != nil {
		return nil, nil, fmt.Errorf("judge order: %w", err)
	}
	accepted, payload, err := v.VerifyAndDecode(context.Background(), e)
	if err != nil {
		return nil, nil, errors.New("judge order: no key that targets.json delegates orders to signed these bytes")
	}
	for _, key := range accepted {
		signers = append(signers, KeyID(key.KeyID))
	}
	return payload, signers, nil
}

// MayOrder reports whether each of the keys may still order a device.
func (c *Client) MayOrder(keys []KeyID, site, device string) bool {
	d, ok := c.ordersFor(site, device)
	if !ok {
		return false
	}
	for _, id := range keys {
		if !slices.ContainsFunc(d.Keys, func(k PublicKey) bool { return k.ID() == id }) {
			return false
		}
	}
	return true
}

// ordersFor is the delegation that covers a device's order path.
func (c *Client) ordersFor(site, device string) (Delegation, bool) {
	m := c.set.Targets[metadata.TARGETS]
	if m == nil {
		return Delegation{}, false
	}
	return Targets{m}.Covering(OrderPath(site, device))
}

// decodeEnvelope reads a DSSE envelope of one payload type, bounded.
func decodeEnvelope(envelope []byte, payloadType string) (*dsse.Envelope, error) {
	if len(envelope) > bundle.MaxEnvelopeSize {
		return nil, fmt.Errorf("its envelope has %d bytes, more than the %d that one may have", len(envelope), bundle.MaxEnvelopeSize)
	}
	var e dsse.Envelope
	if err := strictjson.Decode(envelope, &e); err != nil {
		return nil, fmt.Errorf("its envelope is damaged: %w", err)
	}
	if e.PayloadType != payloadType {
		return nil, fmt.Errorf("its envelope holds a %.80q, want %q", e.PayloadType, payloadType)
	}
	if n := len(e.Signatures); n == 0 || n > maxSignatures {
		return nil, fmt.Errorf("its envelope has %d signatures, want 1 to %d", n, maxSignatures)
	}
	return &e, nil
}
