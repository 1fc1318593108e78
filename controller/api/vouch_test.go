package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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

// What a controller says that it refuses it may have kept, as may one that gives
// no answer.
func TestWhatWasSignedIsKeptAlsoIfItWasRefused(t *testing.T) {
	r := trusttest.New(t)
	for status, version := range map[int]string{http.StatusUnprocessableEntity: `"version":3`, http.StatusConflict: `"version":7`, http.StatusBadGateway: `"version":3`} {
		th, kept := newThief(t), home(t, r.Files["2.ada.json"])
		th.shows, th.answers = r.Files["2.ada.json"], status
		_, err := th.Vouch(t.Context(), api.Signer{Key: r.Publishers["ada"], Home: kept}, release("3.0.0", "three"), r.Now)
		if err == nil || status < 500 && !strings.Contains(err.Error(), "has signed meter-reader/3.0.0 all the same") {
			t.Errorf("%d: %v", status, err)
		}
		if !strings.Contains(strings.ReplaceAll(string(kept.Kept), " ", ""), version) {
			t.Errorf("%d: kept %s", status, kept.Kept)
		}
	}
}

// A thief says that he refuses what ada signed, keeps it, and shows her the file
// before, or that which he keeps, or none. She never signs another file of that
// version, nor the refused release again, and hears of it.
func TestAThiefOfTheControllerKeepsWhatHeRefuses(t *testing.T) {
	r := trusttest.New(t)
	first := r.Files["2.ada.json"]
	for name, shows := range map[string]func(refused []byte) []byte{
		"the file before": func([]byte) []byte { return first },
		"the refused one": func(refused []byte) []byte { return refused },
		"none":            func([]byte) []byte { return nil },
	} {
		th, kept := newThief(t), home(t, first)
		signer := api.Signer{Key: r.Publishers["ada"], Home: kept}
		th.shows = first
		for i, version := range []string{"2.0.0", "2.0.1"} {
			th.answers = http.StatusUnprocessableEntity
			if _, err := th.Vouch(t.Context(), signer, release(version, "bad"), r.Now); err == nil {
				t.Fatalf("%s: no error", name)
			}
			signed := role(t, th.got)
			if signed.Version() != int64(3+i) || i > 0 && slices.Contains(signed.Paths(), "meter-reader/2.0.0") {
				t.Errorf("%s: version %d vouches for %v", name, signed.Version(), signed.Paths())
			}
			th.shows = shows(th.got)
		}
		th.answers = 0
		notes, err := th.Vouch(t.Context(), signer, release("2.0.2", "mended"), r.Now)
		r.Must(err)
		signed := role(t, th.got)
		if want := append(role(t, first).Paths(), "meter-reader/2.0.2"); signed.Version() != 5 || !slices.Equal(signed.Paths(), want) {
			t.Errorf("%s: version %d vouches for %v, want %v", name, signed.Version(), signed.Paths(), want)
		}
		if told := strings.Join(notes, " "); !strings.Contains(told, "signed meter-reader/2.0.0, meter-reader/2.0.1, which the controller refused") || !strings.Contains(told, "--minimum-version") {
			t.Errorf("%s: she was told %q", name, notes)
		}
		th.shows = th.got
		if notes, err := th.Vouch(t.Context(), signer, release("2.0.2", "mended"), r.Now); err != nil || len(notes) > 0 {
			t.Errorf("%s: then she was told %q, %v", name, notes, err)
		}
	}
}

// A refused release that is published once more is signed once more.
func TestARefusedReleaseIsPublishedAgain(t *testing.T) {
	r := trusttest.New(t)
	th, kept := newThief(t), &trusttest.Home{}
	signer := api.Signer{Key: r.Publishers["ada"], Home: kept}
	th.answers = http.StatusForbidden
	if _, err := th.Vouch(t.Context(), signer, release("2.0.0", "two"), r.Now); err == nil {
		t.Fatal("no error")
	}
	th.answers = 0
	notes, err := th.Vouch(t.Context(), signer, release("2.0.0", "two"), r.Now)
	r.Must(err)
	if signed := role(t, th.got); signed.Version() != 2 || !slices.Equal(signed.Paths(), []string{"meter-reader/2.0.0"}) || len(notes) > 0 {
		t.Errorf("version %d vouches for %v; she was told %q", signed.Version(), signed.Paths(), notes)
	}
}

// Another machine with the key was quicker: its file counts, and the refused one
// of the same version is no reason to stop.
func TestAnotherMachineIsQuicker(t *testing.T) {
	r := trusttest.New(t)
	th, kept := newThief(t), home(t, r.Files["2.ada.json"])
	signer := api.Signer{Key: r.Publishers["ada"], Home: kept}
	th.shows, th.answers = r.Files["2.ada.json"], http.StatusUnprocessableEntity
	if _, err := th.Vouch(t.Context(), signer, release("3.0.0", "three"), r.Now); err == nil {
		t.Fatal("no error")
	}
	r.Publish("ada", "meter-reader/2.0.0", "two", "")
	th.shows, th.answers = r.Files["3.ada.json"], 0
	_, err := th.Vouch(t.Context(), signer, release("3.0.0", "three"), r.Now)
	r.Must(err)
	if signed := role(t, th.got); signed.Version() != 4 || !slices.Contains(signed.Paths(), "meter-reader/2.0.0") || !slices.Contains(signed.Paths(), "meter-reader/3.0.0") {
		t.Errorf("version %d vouches for %v", signed.Version(), signed.Paths())
	}
}

func role(t *testing.T, file []byte) trust.Targets {
	t.Helper()
	role, err := trust.ParseTargets(file)
	if err != nil {
		t.Fatal(err)
	}
	return role
}
