package trust_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

func mustFail(t testing.TB, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: want an error with %q, got %v", what, want, err)
	}
}

func TestAClientFindsWhatAPublisherVouchesFor(t *testing.T) {
	r := trusttest.New(t)
	k := r.Device()
	got := r.MustFind(k, "meter-reader/1.0.0", "one")
	if got.Role != "ada" || got.Digest != bundle.DigestOf([]byte("one")) || got.Length != 3 || len(got.Keys) != 1 {
		t.Errorf("got %+v", got)
	}
	want := []string{"2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json", "2.ada.json"}
	if fmt.Sprint(r.Requests) != fmt.Sprint(want) {
		t.Errorf("asked for %v, want %v", r.Requests, want)
	}
	// When nothing has changed, two small requests tell.
	r.MustFind(k, "meter-reader/1.0.0", "one")
	if want := []string{"2.root.json", "timestamp.json"}; fmt.Sprint(r.Requests) != fmt.Sprint(want) {
		t.Errorf("asked for %v, want %v", r.Requests, want)
	}
	if _, err := r.Find(k, "meter-reader/9.0.0"); !errors.Is(err, trust.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsKeptIsEnoughWithoutANetwork: also after it has expired, if nothing
// is to be installed by it.
func TestWhatIsKeptIsEnoughWithoutANetwork(t *testing.T) {
	r := trusttest.New(t)
	k := r.Device()
	r.MustFind(k, "meter-reader/1.0.0", "one")
	for _, now := range []time.Time{r.Now, {}} {
		c, err := trust.Open(k, now)
		r.Must(err)
		r.Must(c.Refresh(nil))
		if _, err := c.Find("meter-reader/1.0.0"); err != nil {
			t.Error(err)
		}
	}
	c, err := trust.Open(k, r.Now.Add(trusttest.Year))
	r.Must(err)
	expired := new(trust.ExpiredError)
	if err := c.Refresh(nil); !errors.As(err, &expired) {
		t.Errorf("a year later: got %v", err)
	}
}

func TestAMinimumHoldsForAllVersionsOfItsModel(t *testing.T) {
	r := trusttest.New(t)
	r.Publish("ada", "meter-reader/2.0.0", "two", "1.5.0")
	r.Publish("ada", "meter-reader/2.1.0-rc.1", "rc", "2.0.0-rc.2")
	r.Publish("ada", "meter-dial/0.1.0", "dial", "0.1.0")
	c, err := r.Refresh(r.Device())
	r.Must(err)
	for path, want := range map[string]string{"meter-reader/1.0.0": "2.0.0-rc.2", "meter-dial/0.1.0": "0.1.0"} {
		target, err := c.Find(path)
		r.Must(err)
		if got, err := c.Minimum(target); got != want || err != nil {
			t.Errorf("minimum of %s: got %q, %v, want %q", path, got, err, want)
		}
	}
}

// A delegation may be of all paths whose hash begins so, in hexadecimal.
func TestADelegationByHashPrefixes(t *testing.T) {
	r := trusttest.New(t)
	r.Resign("1.targets.json", func(signed map[string]any) {
		for _, role := range signed["delegations"].(map[string]any)["roles"].([]any) {
			if role := role.(map[string]any); role["name"] == "ada" {
				delete(role, "paths")
				role["path_hash_prefixes"] = []any{"00", bundle.DigestOf([]byte(version1)).Hex()[:2]}
			}
		}
	}, trusttest.TargetsKey)
	r.MustFind(r.Device(), version1, "one")
}

// A role that one delegator's key let in is not let in by another's key, though it
// is loaded already.
func TestARoleIsVerifiedForEachWhoDelegatesToIt(t *testing.T) {
	r := trusttest.New(t)
	r.Targets.Next(r.Now.Add(trusttest.Year))
	r.Delegate("bob", bob, "detector/*")
	r.SignTargets()
	for name, paths := range map[string]string{"ada": "meter-reader/*", "bob": "detector/*"} {
		key := r.Publishers[name]
		if name == "bob" {
			key = mallory // whom bob means, and who signs nothing
		}
		r.Must(r.Roles[name].Delegate(trust.Delegation{Role: "eve", Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: []string{paths}}))
		r.Roles[name].Next(r.Now.Add(trusttest.Year))
		r.SignRole(name)
	}
	r.Publishers["eve"], r.Roles["eve"] = r.Publishers["ada"], trust.NewTargets(r.Now.Add(trusttest.Year))
	r.Publish("eve", "meter-reader/2.0.0", "two", "")
	r.Publish("eve", "detector/1.0.0", "evil", "")
	c, err := r.Refresh(r.Device())
	r.Must(err)
	_, err = c.Find("meter-reader/2.0.0")
	r.Must(err)
	_, err = c.Find("detector/1.0.0")
	mustFail(t, "eve by bob's leave", err, "eve.json")
}
