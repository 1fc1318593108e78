package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/web"
)

func get(t *testing.T, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	web.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Result()
}

func TestThePageAndItsFilesAreServed(t *testing.T) {
	for path, kind := range map[string]string{"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css"} {
		r := get(t, path)
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %s of type %q", path, r.Status, r.Header.Get("Content-Type"))
		}
	}
	if r := get(t, "/missing"); r.StatusCode != http.StatusNotFound {
		t.Errorf("/missing: %s", r.Status)
	}
}

func TestNothingFromElsewhereMayRun(t *testing.T) {
	policy := get(t, "/").Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy %q allows inline code", policy)
	}
}
