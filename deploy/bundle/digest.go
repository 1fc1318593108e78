package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Digest is the SHA-256 of an object's bytes: its name everywhere.
type Digest [sha256.Size]byte

// DigestOf hashes bytes in memory.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// DigestReader hashes r to its end and counts its bytes.
func DigestReader(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Digest{}, n, err
	}
	return Digest(h.Sum(nil)), n, nil
}

const digestPrefix = "sha256:"

// ParseDigest reads "sha256:" followed by 64 lower-case hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	h, ok := strings.CutPrefix(s, digestPrefix)
	b, err := hex.DecodeString(h)
	if !ok || err != nil || len(b) != sha256.Size || strings.ToLower(h) != h {
		return Digest{}, fmt.Errorf("digest %.80q: want %q and 64 lower-case hexadecimal digits", s, digestPrefix)
	}
	return Digest(b), nil
}

// String is the form that ParseDigest reads.
func (d Digest) String() string { return digestPrefix + d.Hex() }

// Hex is the digest's 64 hexadecimal digits: the name of its file and URL.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// Short is enough of the digest for a person to tell two apart.
func (d Digest) Short() string { return d.Hex()[:12] }

// IsZero reports whether no digest was set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler; the zero digest is empty.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Digest{}
		return nil
	}
	v, err := ParseDigest(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
