package trust

import (
	"maps"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// RefusedBy is what is kept after a controller refused a release that a file of
// this basis vouches for. Whoever holds the controller may have kept the file all
// the same: it stays the newest that was signed, and is never signed over, but it
// is not gone on from.
func (b Basis) RefusedBy(signed Last, r Release) Last {
	signed.Before = b.from
	signed.Refused = maps.Clone(b.Refused)
	if signed.Refused == nil {
		signed.Refused = map[string]bundle.Digest{}
	}
	signed.Refused[r.Path()] = r.Digest
	return signed
}

// afterRefusal judges what a controller shows by the last file that none refused,
// and goes on from there above the one that was.
func (l Last) afterRefusal(mine, theirs *Targets, shown Last, keys []PublicKey, expires time.Time) (Basis, error) {
	if theirs != nil && theirs.same(*mine) {
		shown.File = l.Before
	}
	before, err := signedRole(shown.Role, l.Before, keys)
	if err != nil {
		return Basis{}, err
	}
	b, err := Last{Fleet: l.Fleet, Role: l.Role, File: l.Before}.Basis(shown, keys, expires)
	if err != nil {
		return Basis{}, err
	}
	b.First, b.Refused = false, l.Refused
	b.File.m.Signed.Version = max(b.File.Version(), mine.Version())
	for path, refused := range l.Refused {
		if d, ok := b.File.Digest(path); ok && d == refused && !before.vouches(path, d) {
			b.File.Remove(path)
			b.from = l.Before // theirs is one that was refused, or follows one
		}
	}
	return b, nil
}

// vouches is false of no file.
func (t *Targets) vouches(path string, d bundle.Digest) bool {
	if t == nil {
		return false
	}
	have, ok := t.Digest(path)
	return ok && have == d
}

// RefusedBesides are the targets that the key signed, that a controller refused,
// and that r is not.
func (b Basis) RefusedBesides(r Release) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(b.Refused)), func(path string) bool {
		return path == r.Path() && b.Refused[path] == r.Digest
	})
}
