package fetch_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/deploy/trust"
)

func metadataFrom(t *testing.T, base string) trust.Fetch {
	t.Helper()
	m, err := fetch.NewMetadata(fetch.Options{Base: base})
	if err != nil {
		t.Fatal(err)
	}
	return m.Fetch(t.Context())
}

func TestMetadataComesFromAServerOrAFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"timestamp.json": "{}", "1.%2Fodd.json": "odd"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("timestamp.json", filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The role's name must arrive escaped, as one part of the path.
		name := strings.TrimPrefix(r.URL.EscapedPath(), "/tuf/")
		switch name {
		case "denied.json":
			w.WriteHeader(http.StatusForbidden)
			return
		case "broken.json":
			w.WriteHeader(http.StatusBadGateway)
			return
		case "elsewhere.json":
			http.Redirect(w, r, "http://127.0.0.2/x", http.StatusFound)
			return
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if _, err := w.Write(b); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	for origin, f := range map[string]trust.Fetch{"server": metadataFrom(t, server.URL+"/tuf"), "folder": metadataFrom(t, "file://"+dir)} {
		for name, want := range map[string]string{"timestamp.json": "{}", "1.%2Fodd.json": "odd"} {
			if b, err := f(name, 3); string(b) != want || err != nil {
				t.Errorf("%s: %s: got %q, %v", origin, name, b, err)
			}
		}
		if _, err := f("2.root.json", 100); !errors.Is(err, trust.ErrNoFile) {
			t.Errorf("%s: got %v", origin, err)
		}
		if b, err := f("timestamp.json", 1); b != nil || err == nil || !strings.Contains(err.Error(), "more than the 1 bytes") {
			t.Errorf("%s: a file beyond its bound gave %q, %v", origin, b, err)
		}
	}
	s := metadataFrom(t, server.URL+"/tuf")
	if _, err := s("denied.json", 9); !errors.Is(err, trust.ErrNoFile) {
		t.Errorf("403: got %v", err)
	}
	if _, err := s("broken.json", 9); errors.Is(err, trust.ErrNoFile) || err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("502: got %v", err)
	}
	if _, err := s("elsewhere.json", 9); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("a redirect away: got %v", err)
	}
	folder := metadataFrom(t, "file://"+dir)
	if _, err := folder("link.json", 9); err == nil || !strings.Contains(err.Error(), "not a plain file") {
		t.Errorf("a link: got %v", err)
	}
	if _, err := folder("../"+filepath.Base(dir)+"/nothing.json", 9); !errors.Is(err, trust.ErrNoFile) {
		t.Errorf("a name that leads out: got %v", err)
	}
}

// A base is taken as it is written: at the server's root, or with a part that
// holds an escaped slash.
func TestMetadataComesFromAnyBase(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.EscapedPath() }))
	defer server.Close()
	for base, want := range map[string]string{
		"":             "/timestamp.json",
		"/":            "/timestamp.json",
		"/a%2Fb/c/":    "/a%2Fb/c/timestamp.json",
		"//a b//%5Bc/": "/a%20b/%5Bc/timestamp.json",
	} {
		if _, err := metadataFrom(t, server.URL+base)("timestamp.json", 9); err != nil || asked != want {
			t.Errorf("base %q: asked for %q, want %q; %v", base, asked, want, err)
		}
	}
}
