package trust

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// maxSignatures bounds the work that one envelope can ask for.
const maxSignatures = 16

// Why a verdict is what it is. The sentences are constant: nothing that an
// attacker wrote reaches the operator's screen through them.
const (
	whyTrusted    = "a trusted key signed it"
	whyTooLong    = "the envelope is longer than any that squadron pack makes: do not use this bundle, ask its publisher for it again"
	whyUnreadable = "the envelope is damaged or is not one that squadron pack made: copy or download the bundle again, and if that does not help, have it packed again"
	whyOtherType  = "what was signed is not a Squadron manifest of a version that this program reads: use a bundle that squadron pack made, or update this program"
	whySignatures = "the envelope has no signature, or more than this program would check: have the bundle packed again with squadron pack --key"
	whyNoKeys     = "nobody may publish yet: the fleet's owner runs squadron keys delegate"
	whyNotSigned  = "no publisher's key signed these bytes: get the bundle from a publisher whom the fleet's owner trusts, or have the owner delegate to this one's key"
)

// Verdict is what the keys say about one envelope. The zero Verdict refuses.
type Verdict struct {
	// OK says that a trusted key signed the payload.
	OK bool
	// Payload is the signed manifest; nil unless OK.
	Payload []byte
	// KeyID is the first key whose signature was accepted; empty unless OK.
	KeyID KeyID
	// Why is one constant sentence: the reason, and what to do if not OK.
	Why string

	models []Pattern // none unless OK
}

// MayPublish reports whether a key that signed may publish a model of this
// name. The caller asks with the name that the payload says.
func (v Verdict) MayPublish(name string) bool {
	return slices.ContainsFunc(v.models, func(p Pattern) bool { return p.Matches(name) })
}

// Verify judges the envelope of a bundle's manifest by the publishers' keys. It
// looks at size, form, payload type and signatures, in that order, and hands the
// payload out only after all of them.
func Verify(envelope []byte, keys Keys) Verdict {
	e, why := readManifestEnvelope(envelope)
	if why != "" {
		return Verdict{Why: why}
	}
	if len(keys.Publishers) == 0 {
		return Verdict{Why: whyNoKeys}
	}
	return judge(e, keys)
}

// Unjudged takes the payload out of an envelope without asking who signed it.
// It is for an envelope that was judged when it came, and whose digest is known.
func Unjudged(envelope []byte) ([]byte, error) {
	e, why := readManifestEnvelope(envelope)
	if why != "" {
		return nil, errors.New(why)
	}
	payload, err := e.DecodeB64Payload()
	if err != nil {
		return nil, errors.New(whyUnreadable)
	}
	return payload, nil
}

// Signers are the ids of the keys that an envelope says signed it; nothing here
// has checked them.
func Signers(envelope []byte) []string {
	e, why := readManifestEnvelope(envelope)
	if why != "" {
		return nil
	}
	ids := make([]string, len(e.Signatures))
	for i, s := range e.Signatures {
		ids[i] = s.KeyID
	}
	return ids
}

// readManifestEnvelope reads the form, or says why it cannot be.
func readManifestEnvelope(envelope []byte) (*dsse.Envelope, string) {
	if len(envelope) > bundle.MaxEnvelopeSize {
		return nil, whyTooLong
	}
	var e dsse.Envelope
	if err := strictjson.Decode(envelope, &e); err != nil {
		return nil, whyUnreadable
	}
	if e.PayloadType != bundle.ManifestType {
		return nil, whyOtherType
	}
	if n := len(e.Signatures); n == 0 || n > maxSignatures {
		return nil, whySignatures
	}
	return &e, ""
}

// judge checks the signatures.
func judge(e *dsse.Envelope, keys Keys) Verdict {
	verifiers := make([]dsse.Verifier, len(keys.Publishers))
	for i, p := range keys.Publishers {
		verifiers[i] = verifier(p.Key)
	}
	v, err := dsse.NewEnvelopeVerifier(verifiers...)
	if err != nil {
		return Verdict{Why: whyNoKeys}
	}
	accepted, payload, err := v.VerifyAndDecode(context.Background(), e)
	if err != nil {
		return Verdict{Why: whyNotSigned}
	}
	verdict := Verdict{OK: true, Payload: payload, Why: whyTrusted}
	for _, a := range accepted {
		p := keys.find(KeyID(a.KeyID))
		if verdict.KeyID == "" {
			verdict.KeyID = p.ID
		}
		verdict.models = append(verdict.models, p.Models...)
	}
	return verdict
}

// find gives the publisher of an id that came from keys.
func (k Keys) find(id KeyID) Publisher {
	i := slices.IndexFunc(k.Publishers, func(p Publisher) bool { return p.Key.ID() == id })
	return k.Publishers[i]
}

// verifier is a public key as the dsse package wants it.
type verifier PublicKey

func (v verifier) Verify(_ context.Context, data, sig []byte) error {
	if len(v) != ed25519.PublicKeySize || !ed25519.Verify(ed25519.PublicKey(v), data, sig) {
		return errors.New("the signature does not fit")
	}
	return nil
}

func (v verifier) KeyID() (string, error)   { return string(PublicKey(v).ID()), nil }
func (v verifier) Public() crypto.PublicKey { return ed25519.PublicKey(v) }
