package trusttest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Numbers of the repository's keys, as Key makes them.
const (
	RootKey1, RootKey2, RootKey3, TargetsKey, OnlineKey, AdaKey = 1, 2, 3, 4, 5, 6
)

// Resign changes what a file says and signs it anew: what a thief of these keys
// can do, which is more than package trust would write. A snapshot becomes the
// one that the timestamp names.
func (r *Repository) Resign(name string, change func(signed map[string]any), keys ...byte) {
	r.t.Helper()
	var file struct {
		Signed     map[string]any      `json:"signed"`
		Signatures []map[string]string `json:"signatures"`
	}
	d := json.NewDecoder(bytes.NewReader(r.Files[name]))
	d.UseNumber()
	r.Must(d.Decode(&file))
	change(file.Signed)
	file.Signatures = nil
	b, err := json.Marshal(file)
	r.Must(err)
	signed := r.canonical(name, b, file.Signed)
	for _, n := range keys {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
		file.Signatures = append(file.Signatures, map[string]string{
			"keyid": string(Key(n).ID()), "sig": hex.EncodeToString(ed25519.Sign(key, signed)),
		})
	}
	b, err = json.Marshal(file)
	r.Put(name, b, err)
	if version, ok := strings.CutSuffix(name, ".snapshot.json"); ok {
		r.Resign("timestamp.json", func(signed map[string]any) {
			r.TimestampVersion++
			signed["version"] = r.TimestampVersion
			signed["meta"] = map[string]any{"snapshot.json": map[string]any{"version": json.Number(version)}}
		}, keys...)
	}
}

// canonical is what a client checks the signature of: what go-tuf understands of
// the file, or the file's own words if it can make nothing of it.
func (r *Repository) canonical(name string, file []byte, words any) []byte {
	r.t.Helper()
	b, err := cjson.EncodeCanonical(understood(name, file))
	if err != nil || string(b) == "null" {
		b, err = cjson.EncodeCanonical(words)
	}
	r.Must(err)
	return b
}

// understood is nil where go-tuf's parser refuses the file, or panics.
func understood(name string, file []byte) (signed any) {
	defer func() {
		if recover() != nil {
			signed = nil
		}
	}()
	switch {
	case strings.HasSuffix(name, ".root.json"):
		return signedOf(metadata.Root().FromBytes(file))
	case strings.HasSuffix(name, ".snapshot.json"):
		return signedOf(metadata.Snapshot().FromBytes(file))
	case name == "timestamp.json":
		return signedOf(metadata.Timestamp().FromBytes(file))
	}
	return signedOf(metadata.Targets().FromBytes(file))
}

func signedOf[T metadata.Roles](m *metadata.Metadata[T], err error) any {
	if err != nil {
		return nil
	}
	return m.Signed
}
