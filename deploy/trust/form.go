package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// Bounds on what one file may hold. go-tuf compares each signature of a file
// with all others, and writes the whole file anew for each key of its role.
const (
	maxFileSignatures = 64 // two versions' keys sign a root
	maxRoleKeys       = 16
	maxFileKeys       = 4096
	maxFileRoles      = 1024    // delegations, or the versions that a snapshot gives
	maxFileTargets    = 1 << 15 // 4 MiB hold fewer of a publisher's
	maxKeyText        = 4096    // bytes: an RSA key of 16,384 bits has 3 KiB
)

// readable refuses what no parser shall see, and what go-tuf's would take hours
// for or dereference without a look.
func readable(b []byte, max int64) error {
	if int64(len(b)) > max {
		return fmt.Errorf("%d bytes, more than the %d that it may have", len(b), max)
	}
	if err := strictjson.Unique(b); err != nil {
		return err
	}
	var f form
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	return f.check()
}

// form is a file of any role, as far as that needs.
type form struct {
	Signatures []*struct{} `json:"signatures"`
	Signed     struct {
		Type        string               `json:"_type"`
		Keys        map[string]*formKey  `json:"keys"`
		Roles       map[string]*formRole `json:"roles"`
		Meta        map[string]*struct{} `json:"meta"`
		Targets     map[string]*struct{} `json:"targets"`
		Delegations struct {
			Keys     map[string]*formKey `json:"keys"`
			Roles    []*formRole         `json:"roles"`
			Succinct *formRole           `json:"succinct_roles"`
		} `json:"delegations"`
	} `json:"signed"`
}

type formKey struct {
	Type  string `json:"keytype"`
	Value struct {
		Public string `json:"public"`
	} `json:"keyval"`
}

type formRole struct {
	KeyIDs []string `json:"keyids"`
}

func (f *form) check() error {
	s := &f.Signed
	for _, c := range []struct {
		what      string
		have, max int
	}{
		{"signatures", len(f.Signatures), maxFileSignatures},
		{"keys", len(s.Keys) + len(s.Delegations.Keys), maxFileKeys},
		{"roles", len(s.Roles) + len(s.Delegations.Roles), maxFileRoles},
		{"files", len(s.Meta), maxFileRoles},
		{"targets", len(s.Targets), maxFileTargets},
	} {
		if c.have > c.max {
			return fmt.Errorf("it has %d %s, more than the %d that it may have", c.have, c.what, c.max)
		}
	}
	if s.Type == metadata.TIMESTAMP && s.Meta[FileName(metadata.SNAPSHOT)] == nil {
		return errors.New("it does not name a snapshot.json")
	}
	return errors.Join(whole(s.Meta), whole(s.Targets), checkKeys(s.Keys), checkKeys(s.Delegations.Keys), f.checkRoles())
}

// whole refuses a null where go-tuf expects an object.
func whole[V any](m map[string]*V) error {
	for name, v := range m {
		if v == nil {
			return fmt.Errorf("it says nothing of %.80q", name)
		}
	}
	return nil
}

func checkKeys(keys map[string]*formKey) error {
	if err := whole(keys); err != nil {
		return err
	}
	for id, k := range keys {
		if n := len(k.Value.Public); n > maxKeyText || k.Type == metadata.KeyTypeEd25519 && n != ed25519Text {
			return fmt.Errorf("its key %.80q has %d bytes of text, which no %.40s key has", id, n, k.Type)
		}
	}
	return nil
}

const ed25519Text = 64 // in hexadecimal

func (f *form) checkRoles() error {
	if err := whole(f.Signed.Roles); err != nil {
		return err
	}
	roles := f.Signed.Delegations.Roles
	if f.Signed.Delegations.Succinct != nil {
		roles = append(roles, f.Signed.Delegations.Succinct)
	}
	for _, r := range f.Signed.Roles {
		roles = append(roles, r)
	}
	for _, r := range roles {
		if r == nil {
			return errors.New("one of its roles is null")
		}
		if n := len(r.KeyIDs); n > maxRoleKeys {
			return fmt.Errorf("one of its roles has %d keys, more than the %d that it may have", n, maxRoleKeys)
		}
		slices.Sort(r.KeyIDs)
		if len(slices.Compact(r.KeyIDs)) != len(r.KeyIDs) {
			return errors.New("one of its roles has a key twice")
		}
	}
	return nil
}
