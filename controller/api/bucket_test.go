package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// TestWithoutABucketADeviceGoesOnToTheNextSource: with 404, which no cache keeps,
// and a sentence. What a bucket answers is tested with a real one, in cmd/squadron.
func TestWithoutABucketADeviceGoesOnToTheNextSource(t *testing.T) {
	h := newHandler(t)
	hex := bundle.DigestOf([]byte("weights of 1.0.0")).Hex()
	for path, want := range map[string]struct {
		status int
		why    string
	}{
		hex:                      {http.StatusNotFound, "this controller has no bucket (s3_endpoint)"},
		hex + "/from/" + hex:     {http.StatusNotFound, "deltas are at /v1/artefacts only"},
		hex[1:]:                  {http.StatusBadRequest, "names no object"},
		hex[1:] + "/from/" + hex: {http.StatusBadRequest, "names no object"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := ask(h, method, "/v1/s3/sha256/"+path, nil)
			if w.Code != want.status || !strings.Contains(w.Body.String(), want.why) {
				t.Errorf("%s %s: got %d %s", method, path, w.Code, w.Body)
			}
			if !strings.Contains(path, "/from/") && w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s may be cached: %v", method, path, w.Header())
			}
		}
	}
}
