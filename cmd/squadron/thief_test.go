package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// A thief of the controller has the publisher vouch for another bundle than the
// one at hand: an older one, say, under a newer version.
func TestAThiefOfTheControllerAnswersWithAnotherBundle(t *testing.T) {
	o := openOffice(t)
	file := o.pack("meter-reader", "2.0.0", "publisher.key")
	honest := api.Bundle{Name: "meter-reader", Version: "2.0.0", EnvelopeBytes: int64(len(o.envelope(file))), Digest: bundle.DigestOf(o.envelope(file))}
	for lie, answer := range map[string]func(*api.Bundle){
		"another version": func(b *api.Bundle) { b.Version = "9.0.0" },
		"another model":   func(b *api.Bundle) { b.Name = "meter-dial" },
		"another digest":  func(b *api.Bundle) { b.Digest = bundle.DigestOf([]byte("an older envelope")) },
		"another length":  func(b *api.Bundle) { b.EnvelopeBytes++ },
	} {
		said := honest
		answer(&said)
		signed := false
		thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			signed = signed || r.Method == http.MethodPut
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			if r.URL.Path == "/v1/tuf/targets.json" {
				http.ServeFile(w, r, o.file("trust/targets.json"))
				return
			}
			if strings.HasPrefix(r.URL.Path, "/v1/roles/") {
				_ = json.NewEncoder(w).Encode(api.Role{Role: "publisher"})
				return
			}
			_ = json.NewEncoder(w).Encode(said)
		}))
		_, complaint := squadron(t, exit.Failed, "publish", file, "--key", o.key("publisher.key"), "--controller", thief.URL)
		if signed || !strings.Contains(complaint, "nothing was signed") {
			t.Errorf("%s: signed %t, it complained %q", lie, signed, complaint)
		}
		thief.Close()
	}
}

// envelope is a bundle file's first entry.
func (o *office) envelope(file string) (envelope []byte) {
	o.t.Helper()
	o.altered(file, "read.sqb", func(b []byte) []byte {
		size := 0
		for _, c := range b[124:135] { // ustar's length, in octal
			size = size*8 + int(c-'0')
		}
		envelope = b[512 : 512+size]
		return b
	})
	return envelope
}
