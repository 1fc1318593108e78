package trust_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

var (
	alice   = keyOf(7)
	bob     = keyOf(8)
	mallory = keyOf(9)

	payload = []byte(`{"v":1,"name":"meter-reader"}`)
)

// keyOf makes the same key of the same number.
func keyOf(b byte) trust.PrivateKey {
	k, err := trust.Generate(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		panic(err)
	}
	return k
}

func publisher(k trust.PrivateKey, models ...trust.Pattern) trust.Publisher {
	return trust.Publisher{Key: k.Public(), ID: k.ID(), Models: models}
}

func keysOf(p ...trust.Publisher) trust.Keys { return trust.Keys{Publishers: p} }

func sign(t testing.TB, k trust.PrivateKey) []byte {
	t.Helper()
	e, err := trust.Sign(bundle.ManifestType, payload, k)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// envelope is DSSE's JSON as an attacker would write it.
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// change edits a good envelope.
func change(t testing.TB, good []byte, edit func(*envelope)) []byte {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(good, &e); err != nil {
		t.Fatal(err)
	}
	edit(&e)
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerifyAcceptsWhatATrustedKeySigned(t *testing.T) {
	keys := keysOf(publisher(bob, "lab-*"), publisher(alice, "meter-reader"))
	v := trust.Verify(sign(t, alice), keys)
	if !v.OK || !bytes.Equal(v.Payload, payload) || v.KeyID != alice.ID() || v.Why == "" {
		t.Fatalf("got %+v", v)
	}
	for name, want := range map[string]bool{"meter-reader": true, "meter-reader-2": false, "meter": false, "lab-1": false, "": false} {
		if v.MayPublish(name) != want {
			t.Errorf("may publish %q: got %t", name, !want)
		}
	}
}

func TestSigningTwiceGivesTheSameBytes(t *testing.T) {
	if !bytes.Equal(sign(t, alice), sign(t, alice)) {
		t.Error("two signatures of one payload differ")
	}
}

func TestVerifyRefusesAttacks(t *testing.T) {
	good := sign(t, alice)
	forged := sign(t, mallory)
	otherType, err := trust.Sign("application/vnd.squadron.order.v1+json", payload, alice)
	if err != nil {
		t.Fatal(err)
	}
	for attack, c := range map[string]struct {
		envelope []byte
		want     string
	}{
		"unknown key": {forged, "no publisher's key"},
		"unknown key under a trusted id": {change(t, forged, func(e *envelope) {
			e.Signatures[0].KeyID = string(alice.ID())
		}), "no publisher's key"},
		"unknown key without an id": {change(t, forged, func(e *envelope) { e.Signatures[0].KeyID = "" }), "no publisher's key"},
		"changed payload":           {change(t, good, func(e *envelope) { e.Payload[0] ^= 1 }), "no publisher's key"},
		"exchanged payload":         {change(t, good, func(e *envelope) { e.Payload = []byte(`{"v":1,"name":"other"}`) }), "no publisher's key"},
		"changed signature":         {change(t, good, func(e *envelope) { e.Signatures[0].Sig[5] ^= 1 }), "no publisher's key"},
		"cut signature":             {change(t, good, func(e *envelope) { e.Signatures[0].Sig = e.Signatures[0].Sig[:63] }), "no publisher's key"},
		"empty signature":           {change(t, good, func(e *envelope) { e.Signatures[0].Sig = nil }), "no publisher's key"},
		"no signature":              {change(t, good, func(e *envelope) { e.Signatures = nil }), "no signature, or more"},
		"endless signatures": {change(t, good, func(e *envelope) {
			for range 1000 {
				e.Signatures = append(e.Signatures, e.Signatures[0])
			}
		}), "no signature, or more"},
		"a signed order passed off as a manifest": {otherType, "not a Squadron manifest"},
		"type changed after signing": {change(t, otherType, func(e *envelope) {
			e.PayloadType = bundle.ManifestType
		}), "no publisher's key"},
		"signed payload beside a forged one":   {bytes.Replace(good, []byte(`{`), []byte(`{"payload":"e30=",`), 1), "damaged"},
		"signed payload beside a miscased one": {bytes.Replace(good, []byte(`{`), []byte(`{"Payload":"e30=",`), 1), "damaged"},
		"unknown key in the JSON":              {bytes.Replace(good, []byte(`{`), []byte(`{"x":1,`), 1), "damaged"},
		"second document":                      {append(bytes.Clone(good), good...), "damaged"},
		"truncated":                            {good[:len(good)-1], "damaged"},
		"empty":                                {nil, "damaged"},
		"null":                                 {[]byte("null"), "not a Squadron manifest"},
		"not JSON":                             {[]byte("\x1f\x8b\x08"), "damaged"},
		"endless data":                         {append(good, make([]byte, bundle.MaxEnvelopeSize)...), "longer than any"},
		"payload that is not base64":           {bytes.Replace(good, []byte(`"payload":"`), []byte(`"payload":"*`), 1), "no publisher's key"},
	} {
		v := trust.Verify(c.envelope, keysOf(publisher(alice, "*")))
		if v.OK || v.Payload != nil || v.KeyID != "" || v.MayPublish("meter-reader") {
			t.Errorf("%s: accepted: %+v", attack, v)
		}
		if !strings.Contains(v.Why, c.want) {
			t.Errorf("%s: want a sentence with %q, got %q", attack, c.want, v.Why)
		}
	}
}

func TestVerifyWithoutKeysRefuses(t *testing.T) {
	if v := trust.Verify(sign(t, alice), trust.Keys{}); v.OK || !strings.Contains(v.Why, "nobody may publish") {
		t.Errorf("got %+v", v)
	}
}

func TestSignatureOfOneTrustedKeyIsEnough(t *testing.T) {
	other := change(t, sign(t, mallory), func(*envelope) {})
	both := change(t, sign(t, alice), func(e *envelope) {
		var m envelope
		if err := json.Unmarshal(other, &m); err != nil {
			t.Fatal(err)
		}
		e.Signatures = append(m.Signatures, e.Signatures...)
	})
	v := trust.Verify(both, keysOf(publisher(alice, "meter-reader")))
	if !v.OK || v.KeyID != alice.ID() {
		t.Errorf("got %+v", v)
	}
}

func FuzzVerifyNeverAcceptsAnotherPayload(f *testing.F) {
	good := sign(f, alice)
	keys := keysOf(publisher(alice, "*"))
	f.Add(good)
	f.Add(sign(f, mallory))
	f.Add([]byte(`{"payloadType":"","payload":"","signatures":[{"keyid":"","sig":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v := trust.Verify(b, keys); v.OK && !bytes.Equal(v.Payload, payload) {
			t.Errorf("accepted %q", v.Payload)
		}
	})
}

func ExampleVerify() {
	// Fixed bytes stand in for chance.
	key, err := trust.Generate(strings.NewReader("0123456789abcdef0123456789abcdef"))
	if err != nil {
		panic(err)
	}
	envelope, err := trust.Sign(bundle.ManifestType, []byte(`{"v":1}`), key)
	if err != nil {
		panic(err)
	}
	keys := trust.Keys{Publishers: []trust.Publisher{{Key: key.Public(), ID: key.ID(), Models: []trust.Pattern{"meter-*"}}}}

	v := trust.Verify(envelope, keys)
	fmt.Println(v.OK, string(v.Payload), v.MayPublish("meter-reader"), v.MayPublish("gate"))
	// Output: true {"v":1} true false
}
