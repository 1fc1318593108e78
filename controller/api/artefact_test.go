package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/internal/bundletest"
	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

func TestAnArtefactIsServedWholeOrInPart(t *testing.T) {
	h := newHandler(t)
	const weights = "weights of 1.0.0"
	hex := bundle.DigestOf([]byte(weights)).Hex()
	tag := `"` + hex + `"`
	for name, c := range map[string]struct {
		method string
		header map[string]string
		status int
		body   string
	}{
		"whole":                             {"GET", nil, 200, weights},
		"only its header":                   {"HEAD", nil, 200, ""},
		"the rest of a broken download":     {"GET", map[string]string{"Range": "bytes=8-"}, 206, "of 1.0.0"},
		"a part":                            {"GET", map[string]string{"Range": "bytes=0-6"}, 206, "weights"},
		"the rest of the same object":       {"GET", map[string]string{"Range": "bytes=8-", "If-Range": tag}, 206, "of 1.0.0"},
		"the rest of another object":        {"GET", map[string]string{"Range": "bytes=8-", "If-Range": `"another"`}, 200, weights},
		"a weak tag proves nothing":         {"GET", map[string]string{"Range": "bytes=8-", "If-Range": "W/" + tag}, 200, weights},
		"what the caller has":               {"GET", map[string]string{"If-None-Match": tag}, 304, ""},
		"a range past its end":              {"GET", map[string]string{"Range": "bytes=16-"}, 416, ""},
		"more than there is, from a middle": {"GET", map[string]string{"Range": "bytes=15-900"}, 206, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(h, c.method, "/v1/artefacts/sha256/"+hex, c.header)
			if w.Code != c.status {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if c.status != 416 && w.Body.String() != c.body {
				t.Errorf("got %q", w.Body)
			}
			if got := w.Header().Get("ETag"); got != tag && c.status != 416 {
				t.Errorf("ETag %s, want the digest, strong: %s", got, tag)
			}
			if c.method == "HEAD" && w.Header().Get("Content-Length") != "16" {
				t.Errorf("HEAD gives the length %q", w.Header().Get("Content-Length"))
			}
		})
	}
}

func TestAnArtefactThatIsNotThereOrCannotBe(t *testing.T) {
	h := newHandler(t)
	known := bundle.DigestOf([]byte("weights of 1.0.0")).Hex()
	for hex, status := range map[string]int{
		bundle.DigestOf([]byte("nobody's")).Hex(): 404,
		known[:63]:              400,
		known + "0":             400,
		strings.ToUpper(known):  400,
		strings.Repeat("g", 64): 400,
		"..%2f..%2ffleet.db":    400,
	} {
		w := ask(h, "GET", "/v1/artefacts/sha256/"+hex, nil)
		if w.Code != status || !strings.HasPrefix(w.Body.String(), `{"error":`) {
			t.Errorf("%s: got %d %s, want %d", hex, w.Code, w.Body, status)
		}
	}
}

// newHandler is the API on a registry with one bundle, meter 1.0.0, and further
// models.
func newHandler(t *testing.T, models ...[]byte) http.Handler {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	p := bundletest.NewPublisher(t, "*")
	reg, err := registry.Open(t.Context(), filepath.Join(t.TempDir(), "objects"), st, func(context.Context) (trust.Keys, error) { return p.Keys, nil }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := reg.Publish(t.Context(), bytes.NewReader(p.Bundle(t, "meter", "1.0.0")), "ada", time.Now()); err != nil {
		t.Fatal(err)
	}
	for i, m := range models {
		if _, _, err := reg.Publish(t.Context(), bytes.NewReader(p.BundleOf(t, "meter", fmt.Sprintf("%d.0.0", 2+i), m)), "ada", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return New(Config{Store: st, Registry: reg, Live: NewLive(), Log: slog.New(slog.DiscardHandler)})
}

func ask(h http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
