package trust_test

import (
	"slices"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// signedAs is a version of a role that vouches for targets of a content.
func signedAs(r *trusttest.Repository, version int64, key trust.PrivateKey, paths ...string) []byte {
	role := trust.NewTargets(r.Now.Add(trusttest.Year))
	for role.Version() < version {
		role.Next(r.Now.Add(trusttest.Year))
	}
	for _, path := range paths {
		r.Must(role.Put(path, bundle.DigestOf([]byte(path)), 1, ""))
	}
	r.Must(role.Sign(key))
	b, err := role.Encode()
	r.Must(err)
	return b
}

// What a publisher goes on from, of what was signed here and what is shown.
func TestAPublisherGoesOnFromTheNewestThatItSigned(t *testing.T) {
	r := trusttest.New(t)
	ada, other := keyOf(6), keyOf(7)
	two, three := signedAs(r, 2, ada, version1), signedAs(r, 3, ada, version1, version2)
	for name, c := range map[string]struct {
		last, shown  []byte
		version      int64
		first, back  bool
		unknown      bool
		only, forgot []string
	}{
		"nothing yet":                    {nil, nil, 1, true, false, false, nil, nil},
		"a new machine":                  {nil, two, 2, false, false, true, nil, nil},
		"the same":                       {two, two, 2, false, false, false, nil, nil},
		"another machine signed since":   {two, three, 3, false, false, false, nil, nil},
		"another key of the publisher's": {two, signedAs(r, 3, other), 3, false, false, false, nil, nil},
		"an older database":              {three, two, 3, false, true, false, []string{version2}, nil},
		"an empty database":              {two, nil, 2, false, true, false, []string{version1}, nil},
		"another machine put back first": {three, signedAs(r, 2, ada, "meter-reader/9.0.0"), 3, false, true, false, []string{version1, version2}, []string{"meter-reader/9.0.0"}},
	} {
		last := trust.Last{}
		if c.last != nil {
			last = trust.Last{Role: "ada", File: c.last}
		}
		b, err := last.Basis(trust.Last{Role: "ada", File: c.shown}, []trust.PublicKey{ada.Public(), other.Public()}, r.Now.Add(trusttest.Year))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b.File.Version() != c.version || b.First != c.first || b.PutBack != c.back || b.Unknown != c.unknown || !slices.Equal(b.Only, c.only) || !slices.Equal(b.Forgotten, c.forgot) {
			t.Errorf("%s: got version %d of %+v", name, b.File.Version(), b)
		}
	}
}

func TestAPublisherGoesOnFromNothingElse(t *testing.T) {
	r := trusttest.New(t)
	ada := keyOf(6)
	two := signedAs(r, 2, ada, version1)
	delegating := trust.NewTargets(r.Now.Add(trusttest.Year))
	r.Must(delegating.Delegate(trust.Delegation{Role: "evil", Keys: []trust.PublicKey{mallory.Public()}, Threshold: 1, Paths: []string{"*/*"}}))
	r.Must(delegating.Sign(ada))
	further, err := delegating.Encode()
	r.Must(err)
	last := trust.Last{Role: "ada", File: two}
	elsewhere := last
	elsewhere.Fleet = bundle.DigestOf([]byte("another root"))
	for attack, c := range map[string]struct {
		last  trust.Last
		role  string
		shown []byte
		want  string
	}{
		"a stranger's file":                   {last, "ada", signedAs(r, 3, mallory), "key did not sign it"},
		"a file of the former key":            {trust.Last{}, "ada", signedAs(r, 3, keyOf(8)), "--other-key"},
		"a delegation that the key signed":    {trust.Last{}, "ada", further, "delegates further"},
		"another fleet":                       {elsewhere, "ada", nil, "another fleet"},
		"a role that the key never signed":    {last, "bob", nil, `signed for "ada" so far`},
		"a role of the root's":                {trust.Last{}, "root", two, "only root.json names that role"},
		"two files as one version":            {last, "ada", signedAs(r, 2, ada, version2), "two files as version 2"},
		"a version far above any":             {last, "ada", signedAs(r, 3+trust.MaxAhead, ada), "so many releases there are not"},
		"the same, on a new machine":          {trust.Last{}, "ada", signedAs(r, 3+trust.MaxAhead, ada), "so many releases there are not"},
		"a home file of somebody else's role": {trust.Last{Role: "ada", File: signedAs(r, 2, mallory)}, "ada", two, "what the key signed last"},
	} {
		_, err := c.last.Basis(trust.Last{Role: c.role, File: c.shown}, []trust.PublicKey{ada.Public()}, r.Now.Add(trusttest.Year))
		mustFail(t, attack, err, c.want)
	}
}

func TestAMinimumThatAnotherMachineLoweredIsNoticed(t *testing.T) {
	r := trusttest.New(t)
	r.Publish("ada", version2, "two", "2.0.0")
	last := trust.Last{Role: "ada", File: r.Files["3.ada.json"]}
	r.Publish("ada", "meter-reader/2.1.0", "next", "")
	basis := func() trust.Basis {
		t.Helper()
		b, err := r.Roles["ada"].Encode()
		r.Must(err)
		basis, err := last.Basis(trust.Last{Role: "ada", File: b}, []trust.PublicKey{keyOf(6).Public()}, r.Now.Add(trusttest.Year))
		r.Must(err)
		return basis
	}
	if before, lowered, err := basis().Lowered("meter-reader"); lowered || before != "2.0.0" || err != nil {
		t.Errorf("before %q, lowered %t, %v", before, lowered, err)
	}
	r.Roles["ada"].Next(r.Now.Add(trusttest.Year))
	_, err := r.Roles["ada"].Release(trust.Release{Model: "meter-reader", Version: "2.1.0", Minimum: "1.0.0", Lower: true})
	r.Must(err)
	r.SignRole("ada")
	if before, lowered, err := basis().Lowered("meter-reader"); !lowered || before != "2.0.0" || err != nil {
		t.Errorf("before %q, lowered %t, %v", before, lowered, err)
	}
}

func TestLastReadsOnlyWhatItWrote(t *testing.T) {
	r := trusttest.New(t)
	last := trust.Last{Role: "ada", File: r.Files["2.ada.json"]}
	b, err := last.Encode()
	r.Must(err)
	again, err := trust.ReadLast(b)
	if err != nil || again.Role != "ada" {
		t.Errorf("got %+v, %v", again, err)
	}
	if _, err := again.Basis(last, []trust.PublicKey{keyOf(6).Public()}, r.Now); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string][]byte{
		"cut": b[:len(b)/2], "another kind": []byte(`{"v":1,"kind":"x","role":"ada","metadata":{}}`), "empty": {}, "endless": make([]byte, trust.MaxLast+1),
	} {
		if _, err := trust.ReadLast(bad); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}
