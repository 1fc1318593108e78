package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// thief holds the controller: he shows any file as ada's, and takes what she
// signs. He has no key of hers.
type thief struct {
	shows   []byte // as ada's role
	role    string
	answers int // the status of an answer to what she signs; 0 is 200
	got     []byte
	bundles []api.Bundle
	*api.Client
}

func newThief(t *testing.T) *thief {
	th := &thief{role: "ada"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any = th.bundles
		switch {
		case r.URL.Path == "/v1/tuf/1.root.json":
			answer = "the fleet"
		case strings.HasPrefix(r.URL.Path, "/v1/roles/"):
			answer = api.Role{Role: th.role, Metadata: th.shows}
		case r.Method == http.MethodPut:
			th.got, _ = io.ReadAll(r.Body)
			answer = api.PutMetadata{Role: th.role}
			if th.answers != 0 {
				w.WriteHeader(th.answers)
			}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	th.Client = api.NewClient(s.URL, "", "ada")
	return th
}

// release is a version of ada's, of a content.
func release(version, content string) trust.Release {
	return trust.Release{Model: "meter-reader", Version: version, Digest: bundle.DigestOf([]byte(content)), Length: int64(len(content))}
}

// home is what ada keeps after she signed a file.
func home(t *testing.T, file []byte) *trusttest.Home {
	t.Helper()
	b, err := trust.Last{Fleet: bundle.DigestOf([]byte(`"the fleet"`)), Role: "ada", File: file}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &trusttest.Home{Kept: b}
}

// changed is a role's file with something else in it, and the old signature.
func changed(t *testing.T, file []byte, change func(trust.Targets)) []byte {
	t.Helper()
	role, err := trust.ParseTargets(file)
	if err != nil {
		t.Fatal(err)
	}
	change(role)
	b, err := role.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a thief of the controller puts into the file that ada goes on from is not
// signed by her, whether or not her machine knows what she signed before.
func TestAThiefOfTheControllerHasAPublisherSign(t *testing.T) {
	r := trusttest.New(t)
	r.Publish("ada", "meter-reader/2.0.0", "two", "2.0.0")
	honest := r.Files["3.ada.json"]
	stolen := trusttest.Key(66)
	for attack, shown := range map[string][]byte{
		"a delegation to his key": changed(t, honest, func(role trust.Targets) {
			r.Must(role.Delegate(trust.Delegation{Role: "evil", Keys: []trust.PublicKey{stolen.Public()}, Threshold: 1, Paths: []string{"meter-*/*"}}))
		}),
		"a target of his": changed(t, honest, func(role trust.Targets) {
			r.Must(role.Put("meter-reader/6.6.6", bundle.DigestOf([]byte("evil")), 4, ""))
		}),
		"a minimum version taken away": changed(t, honest, func(role trust.Targets) { role.Remove("meter-reader/2.0.0") }),
		"a version that leaves no next": changed(t, honest, func(role trust.Targets) {
			for range 1000 {
				role.Next(r.Now.Add(trusttest.Year))
			}
		}),
		"a file of his own key": changed(t, honest, func(role trust.Targets) {
			role.Next(r.Now.Add(trusttest.Year))
			r.Must(role.Sign(stolen))
		}),
		"no metadata": []byte(`{"signed":{}}`),
	} {
		for machine, kept := range map[string]*trusttest.Home{"her machine": home(t, honest), "a new machine": {}} {
			th := newThief(t)
			th.shows = shown
			before := string(kept.Kept)
			_, err := th.Vouch(t.Context(), api.Signer{Key: r.Publishers["ada"], Home: kept}, release("3.0.0", "three"), r.Now)
			if err == nil || th.got != nil {
				t.Errorf("%s, %s: signed %q, %v", attack, machine, th.got, err)
			}
			if string(kept.Kept) != before {
				t.Errorf("%s, %s: it is kept as signed", attack, machine)
			}
		}
	}
}

// An old file that ada did sign counts for nothing on the machine that signed a
// newer one: she goes on from her own, and hears of it.
func TestAThiefOfTheControllerTakesAMinimumBack(t *testing.T) {
	r := trusttest.New(t)
	old := r.Files["2.ada.json"]
	r.Publish("ada", "meter-reader/2.0.0", "two", "2.0.0")
	for shown, file := range map[string][]byte{"an old file": old, "none": nil} {
		th, kept := newThief(t), home(t, r.Files["3.ada.json"])
		th.shows = file
		notes, err := th.Vouch(t.Context(), api.Signer{Key: r.Publishers["ada"], Home: kept}, release("3.0.0", "three"), r.Now)
		r.Must(err)
		role, err := trust.ParseTargets(th.got)
		r.Must(err)
		if minimum, err := role.Minimum("meter-reader"); minimum != "2.0.0" || role.Version() != 4 || err != nil {
			t.Errorf("%s: version %d with a minimum of %q, %v", shown, role.Version(), minimum, err)
		}
		if len(notes) != 2 || !strings.Contains(notes[0], "shows an older ada.json than version 3") || !strings.Contains(notes[1], "meter-reader/2.0.0") {
			t.Errorf("%s: it was told %q", shown, notes)
		}
		if last, err := trust.ReadLast(kept.Kept); err != nil || string(last.File) == "" || !strings.Contains(string(last.File), `3.0.0`) {
			t.Errorf("%s: kept %s, %v", shown, kept.Kept, err)
		}
	}
}

func TestANewMachineHearsWhomItBelieves(t *testing.T) {
	r := trusttest.New(t)
	th, kept := newThief(t), &trusttest.Home{}
	th.shows = r.Files["2.ada.json"]
	signer := api.Signer{Key: r.Publishers["ada"], Home: kept}
	notes, err := th.Vouch(t.Context(), signer, release("1.0.0", "one"), r.Now)
	r.Must(err)
	if len(notes) != 1 || !strings.Contains(notes[0], "version 2 of ada.json is taken from the controller") || th.got != nil {
		t.Errorf("it was told %q, and signed %q", notes, th.got)
	}
	// What it took it knows from then on.
	if notes, err := th.Vouch(t.Context(), signer, release("1.0.0", "one"), r.Now); err != nil || len(notes) != 0 {
		t.Errorf("it was told %q, %v", notes, err)
	}
	th.shows = r.Files["1.ada.json"]
	if notes, err := th.Vouch(t.Context(), signer, release("1.0.0", "one"), r.Now); err != nil || len(notes) == 0 || th.got == nil {
		t.Errorf("it was told %q, %v", notes, err)
	}
}

// What a controller refuses was not signed for any device; what no answer came
// to, it may have.
func TestWhatWasSignedIsKeptUnlessItWasRefused(t *testing.T) {
	r := trusttest.New(t)
	for status, version := range map[int]string{http.StatusUnprocessableEntity: `"version":2`, http.StatusConflict: `"version":2`, http.StatusBadGateway: `"version":3`} {
		th, kept := newThief(t), home(t, r.Files["2.ada.json"])
		th.shows, th.answers = r.Files["2.ada.json"], status
		if _, err := th.Vouch(t.Context(), api.Signer{Key: r.Publishers["ada"], Home: kept}, release("3.0.0", "three"), r.Now); err == nil {
			t.Errorf("%d: no error", status)
		}
		if !strings.Contains(strings.ReplaceAll(string(kept.Kept), " ", ""), version) {
			t.Errorf("%d: kept %s", status, kept.Kept)
		}
	}
}
