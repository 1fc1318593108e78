package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// signer is a key of any kind that TUF knows.
type signer struct {
	id   string
	key  *metadata.Key
	sign func(message []byte) []byte
}

func newSigner(t testing.TB, kind string) signer {
	t.Helper()
	var public crypto.PublicKey
	var sign func([]byte) ([]byte, error)
	var err error
	switch kind {
	case "ed25519":
		_, k, e := ed25519.GenerateKey(nil)
		public, err = k.Public(), e
		sign = func(m []byte) ([]byte, error) { return ed25519.Sign(k, m), nil }
	case "rsa":
		k, e := rsa.GenerateKey(rand.Reader, 2048)
		public, err = k.Public(), e
		sign = func(m []byte) ([]byte, error) {
			sum := sha256.Sum256(m)
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	default:
		k, e := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		public, err = k.Public(), e
		sign = func(m []byte) ([]byte, error) {
			sum := sha256.Sum256(m)
			return ecdsa.SignASN1(rand.Reader, k, sum[:])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer{idOf(t, key), key, func(m []byte) []byte {
		sig, err := sign(m)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}}
}

func idOf(t testing.TB, key *metadata.Key) string {
	t.Helper()
	id, err := key.ID()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// with gives a signer's key a further field, and so another id.
func (s signer) with(t testing.TB, field string, value any) signer {
	s.key = &metadata.Key{Type: s.key.Type, Scheme: s.key.Scheme, Value: s.key.Value, UnrecognizedFields: map[string]any{field: value}}
	s.id = idOf(t, s.key)
	return s
}
