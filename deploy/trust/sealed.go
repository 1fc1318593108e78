package trust

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// PrivateKeyKind is the "kind" of a private key's file.
const PrivateKeyKind = "squadron-private-key"

// MinPassphrase is the shortest passphrase that seals a key, in bytes.
const MinPassphrase = 8

const (
	privateKeyVersion = 2
	maxPrivateKeySize = 4 << 10
)

// ErrPassphrase marks a passphrase that does not open a key's file; which of
// the two is wrong cannot be told.
var ErrPassphrase = errors.New("the passphrase does not open it, or the file was changed")

// privateKeyFile is the JSON of a private key's file. Sealed is the seed of
// RFC 8032 §5.1.5, encrypted with NaCl's secretbox under a key that scrypt
// derives from a passphrase, as TUF's tools do.
type privateKeyFile struct {
	V      int        `json:"v"`
	Kind   string     `json:"kind"`
	ID     KeyID      `json:"id"`
	Public PublicKey  `json:"public"`
	Sealed sealedSeed `json:"sealed"`
}

// sealedSeed is the form of package encrypted.
type sealedSeed struct {
	KDF struct {
		Name   string `json:"name"`
		Params struct {
			N int `json:"N"`
			R int `json:"r"`
			P int `json:"p"`
		} `json:"params"`
		Salt []byte `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

// Seal writes the key's file. Whoever has both the file and the passphrase can
// sign; each alone is worth nothing.
func (k PrivateKey) Seal(passphrase []byte) ([]byte, error) {
	if k.key == nil {
		return nil, errors.New("write private key: there is none")
	}
	if len(passphrase) < MinPassphrase {
		return nil, fmt.Errorf("write private key: the passphrase has %d bytes, want %d or more", len(passphrase), MinPassphrase)
	}
	sealed, err := encrypted.Encrypt(k.key.Seed(), passphrase)
	if err != nil {
		return nil, fmt.Errorf("write private key: %w", err)
	}
	f := privateKeyFile{V: privateKeyVersion, Kind: PrivateKeyKind, ID: k.ID(), Public: k.Public()}
	if err := strictjson.Decode(sealed, &f.Sealed); err != nil {
		return nil, fmt.Errorf("write private key: %w", err)
	}
	return json.MarshalIndent(f, "", "  ")
}

// OpenPrivateKey reads a private key's file.
func OpenPrivateKey(file, passphrase []byte) (PrivateKey, error) {
	f, err := parsePrivateKey(file)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read private key: %w", err)
	}
	sealed, err := json.Marshal(f.Sealed)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read private key: %w", err)
	}
	seed, err := encrypted.Decrypt(sealed, passphrase)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read private key %s: %w", f.ID.Short(), ErrPassphrase)
	}
	if len(seed) != ed25519.SeedSize {
		return PrivateKey{}, fmt.Errorf("read private key: the seed has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	k := PrivateKey{ed25519.NewKeyFromSeed(seed)}
	if k.ID() != f.ID {
		return PrivateKey{}, errors.New("read private key: the id does not belong to the seed: the file was changed")
	}
	return k, nil
}

func parsePrivateKey(file []byte) (privateKeyFile, error) {
	var f privateKeyFile
	if len(file) > maxPrivateKeySize {
		return f, fmt.Errorf("%d bytes, more than the %d that such a file may have", len(file), maxPrivateKeySize)
	}
	if err := strictjson.Decode(file, &f); err != nil {
		return f, err
	}
	if f.V != privateKeyVersion || f.Kind != PrivateKeyKind {
		return f, fmt.Errorf("want version %d of a file that squadron keys wrote, of kind %q", privateKeyVersion, PrivateKeyKind)
	}
	if err := f.Public.check(); err != nil {
		return f, err
	}
	if f.Public.ID() != f.ID {
		return f, errors.New("the id does not belong to the public key: the file was damaged or changed")
	}
	return f, nil
}
