package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// The vector was computed with go-tuf v2.4.2 (metadata.Key.ID).
func TestKeyIDIsTheOneThatTUFGives(t *testing.T) {
	const (
		public = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c"
		id     = "bfe1a83869e5bf574e3ff3acbb83f840de84a990d10059f3096f0bf4f2b90c10"
	)
	k := keyOf(7)
	if hex.EncodeToString(k.Public()) != public || k.ID() != id {
		t.Errorf("key %x has the id %s", k.Public(), k.ID())
	}
}

var passphrase = []byte("correct horse")

func TestPrivateKeyRoundTrip(t *testing.T) {
	file, err := alice.Seal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	k, err := trust.OpenPrivateKey(file, passphrase)
	if err != nil || k.ID() != alice.ID() {
		t.Fatalf("got %v, %v", k, err)
	}
	if v := trust.Verify(sign(t, k), keysOf(publisher(alice, "*"))); !v.OK {
		t.Errorf("the key that was read does not sign as the one that was written: %s", v.Why)
	}
	if public, err := trust.ReadPublicKey(file); err != nil || !bytes.Equal(public, alice.Public()) {
		t.Errorf("without the passphrase: got %x, %v", public, err)
	}
	again, err := alice.Seal(passphrase)
	if err != nil || bytes.Equal(again, file) {
		t.Errorf("two files of one key are the same, so that the salt is none: %v", err)
	}
}

// A stolen file is worth nothing without its passphrase.
func TestAPrivateKeysFileIsSealed(t *testing.T) {
	file, err := alice.Seal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	seed := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	if bytes.Contains(file, []byte(seed[:20])) || bytes.Contains(file, []byte("0707070707")) {
		t.Error("the seed stands in the file")
	}
	for _, wrong := range [][]byte{nil, []byte("correct horsf"), []byte("correct horse ")} {
		if k, err := trust.OpenPrivateKey(file, wrong); !errors.Is(err, trust.ErrPassphrase) || k.Public() != nil {
			t.Errorf("the passphrase %q gave %v, %v", wrong, k, err)
		}
	}
	if _, err := alice.Seal([]byte("short")); err == nil || !strings.Contains(err.Error(), "want 8 or more") {
		t.Errorf("a short passphrase: got %v", err)
	}
}

func TestOpenPrivateKeyRefusesWhatIsNotWhole(t *testing.T) {
	good, err := alice.Seal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	other, err := bob.Seal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	cipherOf := func(file []byte) string {
		_, after, _ := strings.Cut(string(file), `"ciphertext": "`)
		text, _, _ := strings.Cut(after, `"`)
		return text
	}
	for attack, c := range map[string]struct{ old, with, want string }{
		"another kind":           {"squadron-private-key", "ssh-key", "of kind"},
		"another version":        {`"v": 2`, `"v": 1`, "version 2"},
		"another id":             {string(alice.ID()), string(bob.ID()), "damaged or changed"},
		"changed ciphertext":     {cipherOf(good)[:8], "AAAAAAAA", "does not open it"},
		"another key's seed":     {cipherOf(good), cipherOf(other), "does not open it"},
		"a cost that never ends": {`"N": `, `"N": 9`, "does not open it"},
		"another function":       {`"scrypt"`, `"none"`, "does not open it"},
		"second id":              {`"id"`, `"id":"","id"`, "there twice"},
		"endless data":           {`{`, `{` + strings.Repeat(" ", 1<<16), "more than the"},
	} {
		bad := strings.Replace(string(good), c.old, c.with, 1)
		if _, err := trust.OpenPrivateKey([]byte(bad), passphrase); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", attack, c.want, err)
		}
	}
}

func TestPrivateKeyDoesNotShowItself(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown := fmt.Sprintf(format, alice)
		if strings.Contains(shown, "7 7 7") || strings.Contains(shown, "070707") {
			t.Errorf("%s shows %s", format, shown)
		}
	}
}

func TestZeroPrivateKeySignsNothing(t *testing.T) {
	var none trust.PrivateKey
	if _, err := trust.Sign("t", payload, none); err == nil {
		t.Error("a key that is not there signed")
	}
	if _, err := none.Seal(passphrase); err == nil {
		t.Error("a key that is not there was written")
	}
}

func TestGenerateNeedsEnoughChance(t *testing.T) {
	if _, err := trust.Generate(strings.NewReader("short")); err == nil {
		t.Error("a key was made of five bytes")
	}
}

func TestAPatternCoversWhatSelectsNoMore(t *testing.T) {
	for _, c := range []struct {
		p, other trust.Pattern
		covers   bool
	}{
		{"*", "meter-*", true}, {"*", "*", true}, {"meter-*", "meter-reader", true}, {"meter-*", "meter-r*", true}, {"a", "a", true},
		{"meter-*", "*", false}, {"meter-*", "meter*", false}, {"meter", "meter-*", false}, {"meter", "meter*", false}, {"a", "b", false},
	} {
		if got := c.p.Covers(c.other); got != c.covers {
			t.Errorf("%s covers %s: %t", c.p, c.other, got)
		}
	}
}
