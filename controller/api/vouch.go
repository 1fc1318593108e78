package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// roleLife is how long a publisher's word is believed without being renewed: a
// publisher that releases nothing for a year signs again, or its models cannot
// be installed any more.
const roleLife = 365 * 24 * time.Hour

// vouchTries is how often a publisher that others overtake tries again.
const vouchTries = 5

// Signer is a publisher on a machine of its own.
type Signer struct {
	Key trust.PrivateKey
	// Others are keys of the same publisher whose signature on its role counts too.
	Others []trust.PublicKey
	// Home keeps what the key signed last.
	Home Home
}

// Home is one file on the publisher's machine.
type Home interface {
	// Load returns nil if there is no such file.
	Load() ([]byte, error)
	// Save replaces the file whole, durably; nil takes it away.
	Save(b []byte) error
}

// Vouch signs that a release may run: a target of the publisher's role, in its
// next version. The key stays on the caller's machine, and signs only what goes
// on from what it signed before. The notes are sentences for the publisher.
func (c *Client) Vouch(ctx context.Context, s Signer, r trust.Release, now time.Time) (notes []string, err error) {
	for try := 1; ; try++ {
		notes, err = c.vouch(ctx, s, r, now)
		refused := new(RefusedError)
		if overtaken := errors.As(err, &refused) && refused.Status == http.StatusConflict; !overtaken || try == vouchTries {
			return notes, err
		}
	}
}

func (c *Client) vouch(ctx context.Context, s Signer, r trust.Release, now time.Time) ([]string, error) {
	shown, err := c.shown(ctx, r)
	if err != nil {
		return nil, err
	}
	kept, err := s.Home.Load()
	if err != nil {
		return nil, err
	}
	last, err := trust.ReadLast(kept)
	if err != nil {
		return nil, fmt.Errorf("vouch for %s: %w", r.Path(), err)
	}
	keys := append([]trust.PublicKey{s.Key.Public()}, s.Others...)
	basis, err := last.Basis(shown, keys, now.Add(roleLife))
	if err != nil {
		return nil, fmt.Errorf("vouch for %s: %w", r.Path(), err)
	}
	notes, err := c.notes(ctx, basis, r)
	if err != nil {
		return nil, err
	}
	due := now.After(basis.File.Expires().Add(-roleLife / 2))
	changed, err := basis.File.Release(r)
	if err != nil {
		return nil, err
	}
	if !changed && !due && !basis.PutBack && basis.Refused == nil {
		return notes, s.keep(shown)
	}
	next := shown
	if next.File, err = s.sign(basis, now); err != nil {
		return nil, fmt.Errorf("vouch for %s: %w", r.Path(), err)
	}
	return notes, c.offer(ctx, s, next, basis, r)
}

// shown is what the controller shows as the newest file of a release's role.
func (c *Client) shown(ctx context.Context, r trust.Release) (trust.Last, error) {
	root, err := c.Metadata(ctx, trust.VersionedName(1, trust.RoleRoot))
	if err != nil {
		return trust.Last{}, err
	}
	role, err := c.RoleFor(ctx, r.Model, r.Version)
	return trust.Last{Fleet: bundle.DigestOf(root), Role: role.Role, File: role.Metadata}, err
}

// sign makes the next version of a role's file.
func (s Signer) sign(basis trust.Basis, now time.Time) ([]byte, error) {
	if !basis.First {
		basis.File.Next(now.Add(roleLife))
	}
	if err := basis.File.Sign(s.Key); err != nil {
		return nil, err
	}
	return basis.File.Encode()
}

// offer keeps what was signed, and then gives it to the controller: if no answer
// comes, the controller may have it all the same. So may one that says that it
// refuses: what was signed is never forgotten, and only not gone on from.
func (c *Client) offer(ctx context.Context, s Signer, signed trust.Last, basis trust.Basis, r trust.Release) error {
	if err := s.keep(signed); err != nil {
		return err
	}
	_, err := c.PutMetadata(ctx, signed.Role, signed.File)
	if refused := new(RefusedError); !errors.As(err, &refused) || refused.Status >= 500 {
		return err
	}
	err = fmt.Errorf("%w: the key has signed %s all the same, and %s", err, r.Path(), mayHaveKept)
	return errors.Join(err, s.keep(basis.RefusedBy(signed, r)))
}

// mayHaveKept is what a publisher has to know of a refusal, and to do.
const mayHaveKept = "whoever holds the controller may have kept that and show it to devices: if it must not run, publish a higher version with --minimum-version"

// keep writes what was signed last, unless that is what is there.
func (s Signer) keep(last trust.Last) error {
	b, err := last.Encode()
	if err != nil {
		return err
	}
	have, err := s.Home.Load()
	if err != nil || bytes.Equal(have, b) {
		return err
	}
	return s.Home.Save(b)
}

// notes say what a publisher should know of the file that is gone on from.
func (c *Client) notes(ctx context.Context, b trust.Basis, r trust.Release) (notes []string, err error) {
	file := trust.FileName(b.Role)
	if b.Unknown {
		notes = append(notes, fmt.Sprintf("This machine does not know what this key signed before: version %d of %s is taken from the controller, as this key signed it.", b.File.Version(), file))
	}
	if refused := b.RefusedBesides(r); len(refused) > 0 {
		notes = append(notes, fmt.Sprintf("This key signed %s, which the controller refused, and which is left out now; %s.", strings.Join(refused, ", "), mayHaveKept))
	}
	before, lowered, err := b.Lowered(r.Model)
	if err != nil {
		return nil, err
	}
	if lowered {
		notes = append(notes, fmt.Sprintf("Another machine with this key allowed versions of %s below %s again.", r.Model, before))
	}
	if b.PutBack {
		notes = append(notes, fmt.Sprintf("The controller shows an older %s than version %d, which this key signed last: that is put back. If nobody put an older database back there, somebody holds it, and the fleet's owner runs squadron keys rotate online.", file, b.File.Version()))
	}
	again, err := c.unpublished(ctx, b, r)
	if err == nil && len(again) > 0 {
		notes = append(notes, fmt.Sprintf("Publish these again, too: %s.", strings.Join(again, ", ")))
	}
	return notes, err
}

// unpublished are the versions that are to be published again: those that
// another machine with the key did, and those whose bundle the controller lost.
func (c *Client) unpublished(ctx context.Context, b trust.Basis, r trust.Release) ([]string, error) {
	if !b.PutBack {
		return nil, nil
	}
	bundles, err := c.Bundles(ctx)
	if err != nil {
		return nil, err
	}
	lost := func(path string) bool {
		return path != r.Path() && !slices.ContainsFunc(bundles, func(have Bundle) bool { return trust.TargetPath(have.Name, have.Version) == path })
	}
	again := slices.DeleteFunc(b.Forgotten, func(path string) bool { return path == r.Path() })
	for _, path := range b.Only {
		if lost(path) && !slices.Contains(again, path) {
			again = append(again, path)
		}
	}
	return again, nil
}

// ReleaseOf reads the start of a bundle file: what its publisher vouches for,
// whatever a controller answers, and which keys it says signed it.
func ReleaseOf(file io.Reader) (r trust.Release, signers []trust.KeyID, err error) {
	enough := errors.New("the envelope is read")
	err = bundle.Read(file, func(envelope []byte) (*bundle.Manifest, error) {
		payload, err := trust.Unjudged(envelope)
		if err != nil {
			return nil, err
		}
		m, err := bundle.ParseManifest(payload)
		if err != nil {
			return nil, err
		}
		r = trust.Release{Model: m.Name, Version: m.Version, Digest: bundle.DigestOf(envelope), Length: int64(len(envelope))}
		for _, id := range trust.Signers(envelope) {
			signers = append(signers, trust.KeyID(id))
		}
		return nil, enough
	}, nil)
	if errors.Is(err, enough) {
		return r, signers, nil
	}
	return trust.Release{}, nil, err
}

// Answers fails unless a controller's answer is about a release, and no other.
func (b Bundle) Answers(r trust.Release) error {
	if b.Name == r.Model && b.Version == r.Version && b.Digest == r.Digest && b.EnvelopeBytes == r.Length {
		return nil
	}
	return fmt.Errorf("the controller answers that it has %.80q %.80q, %s, and the file is %s %s, %s: nothing was signed; find out who answers at that address", b.Name, b.Version, b.Digest.Short(), r.Model, r.Version, r.Digest.Short())
}
