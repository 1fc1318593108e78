package trust

import (
	"encoding/json"
	"fmt"

	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// PublicKeyKind is the "kind" of a public key's file.
const PublicKeyKind = "squadron-public-key"

// publicKeyFile is the JSON of a public key's file.
type publicKeyFile struct {
	V      int       `json:"v"`
	Kind   string    `json:"kind"`
	ID     KeyID     `json:"id"`
	Public PublicKey `json:"public"`
}

// Encode writes the key's file, which holds no secret.
func (k PublicKey) Encode() ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, fmt.Errorf("write public key: %w", err)
	}
	return json.MarshalIndent(publicKeyFile{publicKeyVersion, PublicKeyKind, k.ID(), k}, "", "  ")
}

const publicKeyVersion = 1

// ReadPublicKey reads a public key's file, or the public half out of a private
// key's, for which no passphrase is needed.
func ReadPublicKey(file []byte) (PublicKey, error) {
	if private, err := parsePrivateKey(file); err == nil {
		return private.Public, nil
	}
	if len(file) > maxPrivateKeySize {
		return nil, fmt.Errorf("read public key: %d bytes, more than the %d that such a file may have", len(file), maxPrivateKeySize)
	}
	var f publicKeyFile
	if err := strictjson.Decode(file, &f); err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	if f.V != publicKeyVersion || f.Kind != PublicKeyKind {
		return nil, fmt.Errorf("read public key: want version %d of a file that squadron keys wrote, of kind %q", publicKeyVersion, PublicKeyKind)
	}
	if err := f.Public.check(); err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	if f.Public.ID() != f.ID {
		return nil, fmt.Errorf("read public key: the id %.80q does not belong to the key: the file was damaged or changed", string(f.ID))
	}
	return f.Public, nil
}
