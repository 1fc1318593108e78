package trust

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// PrivateKey signs as one publisher. Printing it shows only its id.
type PrivateKey struct {
	key ed25519.PrivateKey
}

// Generate makes a key of 32 bytes of chance, such as crypto/rand's.
func Generate(rand io.Reader) (PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return PrivateKey{}, fmt.Errorf("make key: %w", err)
	}
	return PrivateKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// Public is the half of the key that others judge by; nil for the zero key.
func (k PrivateKey) Public() PublicKey {
	if k.key == nil {
		return nil
	}
	return PublicKey(k.key.Public().(ed25519.PublicKey))
}

// ID is the name of the key.
func (k PrivateKey) ID() KeyID { return k.Public().ID() }

// Format implements fmt.Formatter: every verb names the key, none shows it.
func (k PrivateKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "private key ", k.ID().Short()) }

// Sign makes an envelope of a payload: DSSE v1 JSON with one signature. The
// same arguments give the same bytes.
func Sign(payloadType string, payload []byte, key PrivateKey) ([]byte, error) {
	if key.key == nil {
		return nil, errors.New("sign: there is no private key")
	}
	s, err := dsse.NewEnvelopeSigner(signer(key))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	e, err := s.SignPayload(context.Background(), payloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	envelope, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if len(envelope) > bundle.MaxEnvelopeSize {
		return nil, fmt.Errorf("sign: the envelope has %d bytes, more than the %d that a reader accepts", len(envelope), bundle.MaxEnvelopeSize)
	}
	return envelope, nil
}

// signer is a private key as the dsse package wants it.
type signer PrivateKey

func (s signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key, data), nil
}

func (s signer) KeyID() (string, error) { return string(PrivateKey(s).ID()), nil }
