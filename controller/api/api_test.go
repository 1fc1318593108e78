package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// document is what the tests read of the OpenAPI document.
type document struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(openAPIDocument, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheDocumentListsTheRoutes(t *testing.T) {
	var have, want []string
	for _, r := range new(handler).routes() {
		have = append(have, strings.ToLower(r.method)+" "+r.path)
	}
	for path, methods := range readDocument(t).Paths {
		for m := range methods {
			want = append(want, m+" "+path)
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("routes\n%q\ndocument\n%q", have, want)
	}
}

func TestTheDocumentDescribesTheTypes(t *testing.T) {
	schemas := readDocument(t).Components.Schemas
	for _, v := range []any{Device{}, StartRollout{}, Rollout{}, RolloutDevice{}, Bundle{}, Delta{}, AuditEntry{}} {
		typ := reflect.TypeOf(v)
		var fields, described []string
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			fields = append(fields, name)
		}
		for name := range schemas[typ.Name()].Properties {
			described = append(described, name)
		}
		slices.Sort(fields)
		slices.Sort(described)
		if !slices.Equal(fields, described) {
			t.Errorf("%s has %q, the document %q", typ.Name(), fields, described)
		}
	}
}

func TestWhateverChangesThingsNeedsTheOperator(t *testing.T) {
	for _, r := range new(handler).routes() {
		if reads := r.method == "GET"; r.changes == reads {
			t.Errorf("%s %s: needs the operator: %t", r.method, r.path, r.changes)
		}
	}
}

func TestAttackWhoMayChangeThings(t *testing.T) {
	for name, c := range map[string]struct {
		token string
		edit  func(*http.Request)
		want  int
	}{
		"no token":                 {"secret", func(*http.Request) {}, http.StatusUnauthorized},
		"a wrong token":            {"secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer guess") }, http.StatusUnauthorized},
		"a name that rebinds":      {"", func(r *http.Request) { r.Host = "evil.example" }, http.StatusForbidden},
		"a page of another site":   {"", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"admitted, but no rollout": {"", func(r *http.Request) {}, http.StatusBadRequest},
		"admitted with the token":  {"secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }, http.StatusBadRequest},
	} {
		h := New(Config{Token: c.token, Log: slog.New(slog.DiscardHandler)})
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080/v1/rollouts", strings.NewReader(`{"unknown":1}`))
		c.edit(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, c.want)
		}
	}
}
