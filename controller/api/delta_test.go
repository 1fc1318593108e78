package api

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
)

// The models of two releases, which have most in common.
var (
	oldModel = []byte(strings.Repeat("a weight, and ", 400) + "the old end")
	newModel = []byte(strings.Repeat("a weight, and ", 400) + "the new end")
)

func TestADeltaIsTakenAndServedInParts(t *testing.T) {
	h := newHandler(t, oldModel, newModel)
	s := httptest.NewServer(h)
	defer s.Close()
	c := NewClient(s.URL, "", "ada")
	target, base := bundle.DigestOf(newModel), bundle.DigestOf(oldModel)
	if _, ok, err := c.HasDelta(t.Context(), target, base); ok || err != nil {
		t.Errorf("before it came: %t, %v", ok, err)
	}
	_, _, err := c.PutDelta(t.Context(), target, base, strings.NewReader("no delta"))
	if refused := new(RefusedError); !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity {
		t.Errorf("what is no delta: %v", err)
	}
	var d bytes.Buffer
	if _, err := delta.Encode(&d, delta.File{Data: oldModel}, delta.File{Data: newModel}); err != nil {
		t.Fatal(err)
	}
	got, created, err := c.PutDelta(t.Context(), target, base, bytes.NewReader(d.Bytes()))
	if err != nil || !created || got != (Delta{target, base, int64(d.Len())}) {
		t.Fatalf("%+v, created %t, %v", got, created, err)
	}
	if _, created, err := c.PutDelta(t.Context(), target, base, bytes.NewReader(d.Bytes())); err != nil || created {
		t.Errorf("the second time: created %t, %v", created, err)
	}
	if n, ok, err := c.HasDelta(t.Context(), target, base); n != int64(d.Len()) || !ok || err != nil {
		t.Errorf("%d bytes, %t, %v", n, ok, err)
	}
	whole := ask(h, "GET", deltaPath(target, base), nil)
	tag := whole.Header().Get("ETag")
	if !bytes.Equal(whole.Body.Bytes(), d.Bytes()) || !strings.HasPrefix(tag, `"`) || !strings.Contains(whole.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%d bytes, %v", whole.Body.Len(), whole.Header())
	}
	rest := ask(h, "GET", deltaPath(target, base), map[string]string{"Range": "bytes=9-", "If-Range": tag})
	if rest.Code != http.StatusPartialContent || !bytes.Equal(rest.Body.Bytes(), d.Bytes()[9:]) {
		t.Errorf("the rest: %d, %d bytes", rest.Code, rest.Body.Len())
	}
	if b, err := c.Object(t.Context(), base, int64(len(oldModel))); err != nil || !bytes.Equal(b, oldModel) {
		t.Errorf("the base: %d bytes, %v", len(b), err)
	}
}

func TestADeltaThatIsNotThereOrCannotBe(t *testing.T) {
	h := newHandler(t, oldModel, newModel)
	target, base := bundle.DigestOf(newModel), bundle.DigestOf(oldModel)
	for name, c := range map[string]struct {
		method, path string
		status       int
	}{
		"never published":      {"GET", deltaPath(target, base), 404},
		"no digest":            {"GET", objectPath(target) + "/from/1.0.0", 400},
		"upwards":              {"GET", objectPath(target) + "/from/..%2f..%2ffleet.db", 400},
		"an object nobody has": {"PUT", deltaPath(bundle.DigestOf(nil), base), 404},
	} {
		w := ask(h, c.method, c.path, nil)
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), `{"error":`) {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, c.status)
		}
	}
}

// A controller that sends other bytes than an object's own is not believed.
func TestAttackAnObjectOfOtherBytes(t *testing.T) {
	for name, body := range map[string]string{"other": "The object", "longer": "the object, and more", "shorter": "the obj"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(body)); err != nil {
				t.Error(err)
			}
		}))
		object := []byte("the object")
		_, err := NewClient(s.URL, "", "").Object(t.Context(), bundle.DigestOf(object), int64(len(object)))
		s.Close()
		if err == nil || !strings.Contains(err.Error(), "the controller sent other bytes") || errors.As(err, new(*RefusedError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
