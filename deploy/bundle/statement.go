package bundle

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// A manifest is signed as an in-toto Statement v1
// (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md): its
// subjects are the bundle's files with their digests, as the OpenSSF's model
// signing lists them, and its predicate is the rest. Tools that know in-toto
// read the files without knowing Squadron.
const (
	// ManifestType is the DSSE payload type of a manifest: in-toto's own.
	ManifestType = "application/vnd.in-toto+json"
	// PredicateType says that an in-toto statement is a manifest.
	PredicateType = "https://github.com/squadron-edge/squadron/manifest/v1"

	statementType = "https://in-toto.io/Statement/v1"
)

// statement is the JSON of a manifest.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Manifest  `json:"predicate"`
}

// subject is a file, as in-toto's ResourceDescriptor.
type subject struct {
	Name        string         `json:"name"`
	Digest      subjectDigests `json:"digest"`
	Annotations annotations    `json:"annotations"`
}

type subjectDigests struct {
	SHA256 hexDigest `json:"sha256"`
}

type annotations struct {
	Size int64 `json:"size_bytes"`
}

// hexDigest is a Digest as in-toto writes it: digits alone.
type hexDigest Digest

// MarshalText implements encoding.TextMarshaler.
func (d hexDigest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *hexDigest) UnmarshalText(b []byte) error {
	v, err := ParseDigest(digestPrefix + string(b))
	if err != nil {
		return err
	}
	*d = hexDigest(v)
	return nil
}

// ParseManifest reads a manifest that trust has accepted. It refuses unknown
// and repeated keys, bytes after the document, statements of another kind, and
// whatever Validate refuses.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > MaxEnvelopeSize {
		return nil, fmt.Errorf("read manifest: %d bytes, more than the %d that one may have", len(data), MaxEnvelopeSize)
	}
	var s statement
	if err := strictjson.Decode(data, &s); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if s.Type != statementType || s.PredicateType != PredicateType {
		return nil, fmt.Errorf("read manifest: the statement is a %.80q about a %.80q, want %q about %q", s.Type, s.PredicateType, statementType, PredicateType)
	}
	m := &s.Predicate
	m.Files = make([]File, len(s.Subject))
	for i, f := range s.Subject {
		m.Files[i] = File{Path: f.Name, Digest: Digest(f.Digest.SHA256), Size: f.Annotations.Size}
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// Encode writes a valid manifest in the form that ParseManifest reads: the
// payload that a publisher signs.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	s := statement{Type: statementType, PredicateType: PredicateType, Predicate: *m}
	for _, f := range m.Files {
		s.Subject = append(s.Subject, subject{f.Path, subjectDigests{hexDigest(f.Digest)}, annotations{f.Size}})
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return data, nil
}
