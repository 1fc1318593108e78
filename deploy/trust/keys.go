// Package trust judges who may say what: what may run (a TUF repository) and who
// orders it now (signed orders). Bytes and a time in, verdict out.
//
// It owns the client of the repository, the form of everything in it, the
// envelopes of bundles and orders, and the private keys' files. It is pure: files
// and network are the caller's functions, the time is an argument. It refuses to
// read what a manifest or an order says beyond who signed it.
//
// Vocabulary (The Update Framework, specification v1.0.33): the root, signed by
// the fleet's owner, says which keys may sign the other roles; targets delegates
// the models of some names to publishers, and orders to the controller's online
// key; a publisher's role vouches for files; the snapshot names one version of
// each role, and the timestamp names the newest snapshot. An envelope is a
// payload with signatures, as the DSSE specification v1 describes
// (https://github.com/secure-systems-lab/dsse). Signatures are Ed25519 (RFC 8032).
//
//	client, err := trust.Open(files, now)
//	if err == nil {
//		err = client.Refresh(fetch)
//	}
//	...
//	target, err := client.Find(trust.TargetPath("meter-reader", "2.0.0"))
//	...
//	verdict := trust.Verify(envelope, target.Publisher())
//	if !verdict.OK {
//		return errors.New(verdict.Why)
//	}
//	m, err := bundle.ParseManifest(verdict.Payload)
package trust

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Keys are the publishers whose signatures count on an envelope.
type Keys struct {
	Publishers []Publisher
}

// Publisher is one key and the models that it may publish.
type Publisher struct {
	Key    PublicKey
	ID     KeyID // follows from Key
	Models []Pattern
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

// Covers reports whether the pattern selects every name that another does.
func (p Pattern) Covers(other Pattern) bool {
	return p.Matches(string(other)) // no name has a '*', so that the other's stands for any
}

// Check refuses what selects no model's name.
func (p Pattern) Check() error {
	start, open := strings.CutSuffix(string(p), "*")
	if open && start == "" {
		return nil
	}
	if err := bundle.ValidName(start); err != nil {
		return fmt.Errorf("models %.80q: want a model's name, or the start of one followed by *", string(p))
	}
	return nil
}

func (k PublicKey) check() error {
	if len(k) != ed25519.PublicKeySize {
		return fmt.Errorf("the key has %d bytes, want the %d of an Ed25519 public key in base64", len(k), ed25519.PublicKeySize)
	}
	return nil
}
