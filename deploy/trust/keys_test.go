package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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

func TestTrustFileRoundTrip(t *testing.T) {
	lent := publisher(bob, "lab-*", "*")
	lent.Until = today
	file, err := keysOf(publisher(alice, "meter-reader"), lent).Encode()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := trust.ParseKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	if p := keys.Publishers; len(p) != 2 || p[0].ID != alice.ID() || p[1].Models[0] != "lab-*" || !p[1].Until.Equal(today) || !p[0].Until.IsZero() {
		t.Errorf("got %+v", keys)
	}
}

func TestParseKeysRefusesAttacks(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(alice.Public())
	entry := func(key string, id trust.KeyID, models string) string {
		return fmt.Sprintf(`{"key":%q,"id":%q,"models":%s}`, key, id, models)
	}
	good := entry(key, alice.ID(), `["m"]`)
	file := func(entries ...string) string {
		return `{"v":1,"publishers":[` + strings.Join(entries, ",") + `]}`
	}
	if _, err := trust.ParseKeys([]byte(file(good))); err != nil {
		t.Fatalf("the file that the attacks change: %v", err)
	}
	for attack, c := range map[string]struct{ in, want string }{
		"another version":         {strings.Replace(file(good), `"v":1`, `"v":2`, 1), "version 2"},
		"no publisher":            {file(), "0 publishers"},
		"huge count":              {file(strings.Split(strings.Repeat(good+";", 300), ";")[:300]...), "300 publishers"},
		"same key twice":          {file(good, good), "there twice"},
		"id of another key":       {file(entry(key, bob.ID(), `["m"]`)), "does not belong to the key"},
		"no id":                   {file(entry(key, "", `["m"]`)), "does not belong to the key"},
		"short key":               {file(entry(key[:40], alice.ID(), `["m"]`)), "30 bytes"},
		"no key":                  {file(entry("", alice.ID(), `["m"]`)), "0 bytes"},
		"no model":                {file(entry(key, alice.ID(), `[]`)), "0 entries"},
		"empty pattern":           {file(entry(key, alice.ID(), `[""]`)), "want a model's name"},
		"star within":             {file(entry(key, alice.ID(), `["a*b"]`)), "want a model's name"},
		"two stars":               {file(entry(key, alice.ID(), `["**"]`)), "want a model's name"},
		"folder pattern":          {file(entry(key, alice.ID(), `["../*"]`)), "want a model's name"},
		"unknown key in the JSON": {strings.Replace(file(good), `"v":1`, `"v":1,"allow_all":true`, 1), `"allow_all" is not known`},
		"duplicate key":           {strings.Replace(file(good), `"models"`, `"models":["*"],"models"`, 1), "there twice"},
		"second document":         {file(good) + file(good), "more after the end"},
		"endless data":            {file(good) + strings.Repeat(" ", 1<<20), "more than the"},
		"empty":                   {"", "ends too early"},
	} {
		if _, err := trust.ParseKeys([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", attack, c.want, err)
		}
	}
	if _, err := (trust.Keys{}).Encode(); err == nil {
		t.Error("a trust file without publishers was written")
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
	if v := trust.Verify(sign(t, k), keysOf(publisher(alice, "*")), time.Time{}); !v.OK {
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
