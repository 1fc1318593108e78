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
	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// PrivateKeyKind is the "kind" of a private key's file. It says what is so: the
// key lies there in the clear, and whoever can read the file can sign as its
// publisher.
const PrivateKeyKind = "squadron-private-key-unencrypted"

const maxPrivateKeySize = 4 << 10

// PrivateKey signs as one publisher. Printing it shows only its id.
type PrivateKey struct {
	key ed25519.PrivateKey
}

// privateKeyFile is the JSON of a private key's file.
type privateKeyFile struct {
	V    int    `json:"v"`
	Kind string `json:"kind"`
	ID   KeyID  `json:"id"`
	Seed []byte `json:"seed"` // the 32 bytes of RFC 8032 §5.1.5, in base64
}

// Generate makes a key of 32 bytes of chance, such as crypto/rand's.
func Generate(rand io.Reader) (PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return PrivateKey{}, fmt.Errorf("make key: %w", err)
	}
	return PrivateKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// ParsePrivateKey reads a private key's file.
func ParsePrivateKey(file []byte) (PrivateKey, error) {
	if len(file) > maxPrivateKeySize {
		return PrivateKey{}, fmt.Errorf("read private key: %d bytes, more than the %d that such a file may have", len(file), maxPrivateKeySize)
	}
	var f privateKeyFile
	if err := strictjson.Decode(file, &f); err != nil {
		return PrivateKey{}, fmt.Errorf("read private key: %w", err)
	}
	if f.V != keysVersion || f.Kind != PrivateKeyKind {
		return PrivateKey{}, fmt.Errorf("read private key: want version %d of a file that squadron keys init wrote, of kind %q", keysVersion, PrivateKeyKind)
	}
	if len(f.Seed) != ed25519.SeedSize {
		return PrivateKey{}, fmt.Errorf("read private key: the seed has %d bytes, want %d", len(f.Seed), ed25519.SeedSize)
	}
	k := PrivateKey{ed25519.NewKeyFromSeed(f.Seed)}
	if k.ID() != f.ID {
		return PrivateKey{}, errors.New("read private key: the id does not belong to the seed: the file was damaged or changed")
	}
	return k, nil
}

// Encode writes the key's file. It is not encrypted: keep it at mode 0600 on
// the publisher's machine, never on a controller or a device.
func (k PrivateKey) Encode() ([]byte, error) {
	if k.key == nil {
		return nil, errors.New("write private key: there is none")
	}
	return json.MarshalIndent(privateKeyFile{V: keysVersion, Kind: PrivateKeyKind, ID: k.ID(), Seed: k.key.Seed()}, "", "  ")
}

// Public is the half of the key that a trust file holds; nil for the zero key.
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
