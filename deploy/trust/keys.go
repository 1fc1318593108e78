// Package trust judges who signed: envelope, keys and time in, verdict out.
//
// It owns the form of signatures, of the device's trust file and of the
// publisher's private key. It is pure: bytes in, values out, time and chance
// are arguments. It refuses to read the payload: what a manifest says is
// package bundle's; and to know of files, networks and clocks.
//
// Vocabulary: an envelope is a payload with signatures, as the DSSE
// specification v1 describes (https://github.com/secure-systems-lab/dsse); a
// publisher is who may sign models; the trust file lists the publishers that
// one device believes; a verdict is what follows from them. Signatures are
// Ed25519 (RFC 8032). A private key's file is not encrypted: whoever can read
// it can sign.
//
//	keys, err := trust.ParseKeys(file)
//	...
//	verdict := trust.Verify(envelope, keys, now)
//	if !verdict.OK {
//		return errors.New(verdict.Why)
//	}
//	m, err := bundle.ParseManifest(verdict.Payload)
//	...
//	if !verdict.MayPublish(m.Name) {
//		return fmt.Errorf("key %s may not publish %s", verdict.KeyID, m.Name)
//	}
package trust

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// Bounds on a trust file.
const (
	keysVersion   = 1
	maxKeysSize   = 256 << 10
	maxPublishers = 256
	maxPatterns   = 64
)

// Keys are the publishers that a device believes: the content of its trust
// file.
//
//	{"v":1,"publishers":[{"key":"<base64>","id":"<hex>","models":["meter-reader","lab-*"]}]}
type Keys struct {
	V          int         `json:"v"`
	Publishers []Publisher `json:"publishers"`
}

// Publisher is one key and the models that it may publish.
type Publisher struct {
	Key    PublicKey `json:"key"`
	ID     KeyID     `json:"id"` // follows from Key; says so for people
	Models []Pattern `json:"models"`
	// Until ends the trust, for a key lent for a time; zero means no end.
	Until time.Time `json:"until,omitzero"`
}

// PublicKey is an Ed25519 public key; in JSON it is standard base64.
type PublicKey []byte

// KeyID names a key: the SHA-256, in hexadecimal, of the key in TUF's canonical
// JSON form (TUF specification §4.2), so that a key has the same name there.
type KeyID string

// ID derives the key's name.
func (k PublicKey) ID() KeyID {
	canonical := fmt.Sprintf(`{"keytype":"ed25519","keyval":{"public":"%x"},"scheme":"ed25519"}`, []byte(k))
	sum := sha256.Sum256([]byte(canonical))
	return KeyID(hex.EncodeToString(sum[:]))
}

// Short is enough of the id for a person to tell two keys apart.
func (id KeyID) Short() string { return string(id[:min(len(id), 12)]) }

// Pattern selects models by name: a name, or the start of one and a '*'.
type Pattern string

// Matches reports whether the pattern selects the name.
func (p Pattern) Matches(name string) bool {
	if start, open := strings.CutSuffix(string(p), "*"); open {
		return strings.HasPrefix(name, start)
	}
	return string(p) == name
}

func (p Pattern) check() error {
	start, open := strings.CutSuffix(string(p), "*")
	if open && start == "" {
		return nil
	}
	if err := bundle.ValidName(start); err != nil {
		return fmt.Errorf("models %.80q: want a model's name, or the start of one followed by *", string(p))
	}
	return nil
}

// ParseKeys reads a trust file. It refuses unknown and repeated keys, ids that
// do not belong to their key, and a file without publishers.
func ParseKeys(file []byte) (Keys, error) {
	if len(file) > maxKeysSize {
		return Keys{}, fmt.Errorf("read trust file: %d bytes, more than the %d that one may have", len(file), maxKeysSize)
	}
	var k Keys
	if err := strictjson.Decode(file, &k); err != nil {
		return Keys{}, fmt.Errorf("read trust file: %w", err)
	}
	if err := k.Validate(); err != nil {
		return Keys{}, err
	}
	return k, nil
}

// Encode writes a valid trust file.
func (k Keys) Encode() ([]byte, error) {
	k.V = keysVersion
	if err := k.Validate(); err != nil {
		return nil, err
	}
	return json.MarshalIndent(k, "", "  ")
}

// Validate refuses keys that break a rule of the trust file.
func (k Keys) Validate() error {
	if k.V != keysVersion {
		return fmt.Errorf("trust file: version %d, this program reads %d", k.V, keysVersion)
	}
	if n := len(k.Publishers); n == 0 || n > maxPublishers {
		return fmt.Errorf("trust file: %d publishers, want 1 to %d", n, maxPublishers)
	}
	seen := map[KeyID]bool{}
	for i, p := range k.Publishers {
		if err := p.check(); err != nil {
			return fmt.Errorf("trust file: publisher %d: %w", i+1, err)
		}
		if seen[p.ID] {
			return fmt.Errorf("trust file: publisher %d: the key %s is there twice", i+1, p.ID.Short())
		}
		seen[p.ID] = true
	}
	return nil
}

func (p Publisher) check() error {
	if err := p.Key.check(); err != nil {
		return err
	}
	if want := p.Key.ID(); p.ID != want {
		return fmt.Errorf("the id %.80q does not belong to the key, whose id is %s", string(p.ID), want)
	}
	if n := len(p.Models); n == 0 || n > maxPatterns {
		return fmt.Errorf("%d entries in models, want 1 to %d", n, maxPatterns)
	}
	for _, m := range p.Models {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

func (k PublicKey) check() error {
	if len(k) != ed25519.PublicKeySize {
		return fmt.Errorf("the key has %d bytes, want the %d of an Ed25519 public key in base64", len(k), ed25519.PublicKeySize)
	}
	return nil
}
