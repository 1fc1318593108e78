package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// MaxLast bounds the file of a Last, in bytes.
const MaxLast = 2*MaxTargets + 64<<10

// MaxAhead is how far a role's version may be above the last that is known. Who
// could make a publisher sign a version near the end of all numbers would leave
// it none to follow with.
const MaxAhead = 1 << 20

// Last is what a publisher's key signed last, as it is kept where the key is: by
// it, a publisher judges what a controller shows as the newest. The zero Last is
// of a key that has signed nothing here.
type Last struct {
	Fleet bundle.Digest // of the fleet's first root.json
	Role  string
	File  []byte // the role's, signed
	// Refused are the targets of releases that a controller refused, with what they
	// are; the last of them is in File. None if no controller refused File.
	Refused map[string]bundle.Digest
	// Before is the newest file that no controller refused; nil if there is none.
	Before []byte
}

const (
	lastVersion = 1
	lastKind    = "squadron-signed-last"
)

// lastFile is the JSON of it.
type lastFile struct {
	V        int             `json:"v"`
	Kind     string          `json:"kind"`
	Fleet    bundle.Digest   `json:"fleet"`
	Role     string          `json:"role"`
	Metadata json.RawMessage `json:"metadata"`

	Refused map[string]bundle.Digest `json:"refused,omitempty"`
	Before  json.RawMessage          `json:"before,omitempty"`
}

// Encode writes the file, which holds no secret.
func (l Last) Encode() ([]byte, error) {
	return json.Marshal(lastFile{lastVersion, lastKind, l.Fleet, l.Role, l.File, l.Refused, l.Before})
}

// ReadLast reads the file; nil is the zero Last.
func ReadLast(b []byte) (Last, error) {
	if b == nil {
		return Last{}, nil
	}
	if err := readable(b, MaxLast); err != nil {
		return Last{}, fmt.Errorf("read what the key signed last: %w", err)
	}
	var f lastFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Last{}, fmt.Errorf("read what the key signed last: %w", err)
	}
	if f.V != lastVersion || f.Kind != lastKind || f.Role == "" {
		return Last{}, fmt.Errorf("read what the key signed last: want version %d of a file that squadron publish wrote, of kind %q", lastVersion, lastKind)
	}
	return Last{f.Fleet, f.Role, f.Metadata, f.Refused, f.Before}, nil
}

// Basis is the role's file from which a publisher goes on.
type Basis struct {
	Role  string
	File  Targets // to be changed, and signed as the next version
	First bool    // nothing was signed before: File is version 1 already
	// PutBack says that the controller shows an older file than the publisher's
	// own, or none, and that File is the publisher's.
	PutBack bool
	// Unknown says that File is the controller's, and that nothing is kept here
	// to compare it with.
	Unknown bool
	// Forgotten are targets that the controller's older file has and File has not:
	// another machine with this key put them there.
	Forgotten []string
	// Only are targets that File has and the controller's older file has not.
	Only []string
	// Refused are targets that the key signed and that a controller refused: File
	// has none of them, and is to be signed anew for their sake.
	Refused map[string]bundle.Digest

	last *Targets
	from []byte // the signed file that File was; nil if there was none
}

// Lowered is the model's minimum version as it was when the publisher signed
// last here, if another machine with its key has lowered it since.
func (b Basis) Lowered(model string) (before string, lowered bool, err error) {
	if b.last == nil {
		return "", false, nil
	}
	before, err = b.last.Minimum(model)
	if err != nil || before == "" {
		return before, false, err
	}
	now, err := b.File.Minimum(model)
	return before, now == "" || Older(now, before), err
}

// Basis judges what a controller shows as the newest file of a role, without one
// if it shows none: it is for the same fleet and role as before, and one of these keys signed it, it delegates no further, and it is
// neither older than the last nor far above it. An older one counts for nothing:
// the last itself is gone on from.
func (l Last) Basis(shown Last, keys []PublicKey, expires time.Time) (Basis, error) {
	role := shown.Role
	if l.Role != "" && l.Fleet != shown.Fleet {
		return Basis{}, errors.New("this key signed for another fleet so far than the controller's: make a key for each fleet (squadron keys new); if the owner founded this one anew, move the file of what the key signed last away")
	}
	if l.Role != "" && l.Role != role {
		return Basis{}, fmt.Errorf("the controller wants a signature for the role %.80q, and this key signed for %.80q so far: make a key for each role (squadron keys new); if the owner renamed this one, move the file of what it signed last away", role, l.Role)
	}
	mine, err := signedRole(role, l.File, keys)
	if err != nil {
		return Basis{}, fmt.Errorf("what the key signed last: %w", err)
	}
	theirs, err := signedRole(role, shown.File, keys)
	if err != nil {
		return Basis{}, fmt.Errorf("%s that the controller shows: %w", FileName(role), err)
	}
	switch {
	case mine != nil && len(l.Refused) > 0:
		return l.afterRefusal(mine, theirs, shown, keys, expires)
	case theirs == nil && mine == nil:
		return Basis{Role: role, File: NewTargets(expires), First: true}, nil
	case theirs == nil:
		return Basis{Role: role, File: *mine, PutBack: true, Only: mine.Paths(), from: l.File}, nil
	case mine == nil:
		return Basis{Role: role, File: *theirs, Unknown: true, from: shown.File}, ahead(0, *theirs)
	case theirs.Version() < mine.Version():
		return Basis{Role: role, File: *mine, PutBack: true, Forgotten: missing(*theirs, *mine), Only: missing(*mine, *theirs), from: l.File}, nil
	case theirs.Version() == mine.Version() && !theirs.same(*mine):
		return Basis{}, fmt.Errorf("%s that the controller shows: this key signed two files as version %d, of which this machine made the other: publish once more on the other machine that has the key, then here; if there is none, the key was stolen, and its owner runs squadron keys revoke", FileName(role), mine.Version())
	}
	return Basis{Role: role, File: *theirs, last: mine, from: shown.File}, ahead(mine.Version(), *theirs)
}

// signedRole reads a publisher's file and refuses one that the keys did not sign.
func signedRole(role string, file []byte, keys []PublicKey) (*Targets, error) {
	if file == nil {
		return nil, nil
	}
	t, err := ParseTargets(file)
	if err != nil {
		return nil, err
	}
	judge := NewTargets(time.Time{})
	if err := judge.Delegate(Delegation{Role: role, Keys: keys, Threshold: 1, Paths: []string{"*/*"}}); err != nil {
		return nil, err
	}
	if err := judge.SignedFor(role, t); err != nil {
		return nil, errors.New("this publisher's key did not sign it: if the publisher has another key, or had one before that nobody stole, name its public half with --other-key; else whoever holds the controller made it")
	}
	if len(t.Delegations()) > 0 {
		return nil, errors.New("it delegates further, which no publisher's role does: the publisher's key was used for something else")
	}
	return &t, nil
}

// ahead refuses a version that no publisher comes to.
func ahead(last int64, t Targets) error {
	if t.Version() > last+MaxAhead {
		return fmt.Errorf("it has version %d, and %d was signed here last: so many releases there are not; have the fleet's owner revoke this publisher and delegate to one of another name", t.Version(), last)
	}
	return nil
}

// missing are targets that one file has and another has not, or not so.
func missing(one, other Targets) []string {
	return slices.DeleteFunc(one.Paths(), func(path string) bool {
		a, _ := one.Digest(path)
		b, ok := other.Digest(path)
		return ok && a == b
	})
}

// same reports whether two files say the same.
func (t Targets) same(other Targets) bool {
	a, errA := t.m.Signed.MarshalJSON()
	b, errB := other.m.Signed.MarshalJSON()
	return errA == nil && errB == nil && string(a) == string(b)
}
