package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Vouch signs that a release may run: a target of the publisher's role, in its
// next version. The key stays on the caller's machine.
func (c *Client) Vouch(ctx context.Context, r trust.Release, key trust.PrivateKey, now time.Time) error {
	for try := 1; ; try++ {
		err := c.vouch(ctx, r, key, now)
		refused := new(RefusedError)
		if overtaken := errors.As(err, &refused) && refused.Status == http.StatusConflict; !overtaken || try == vouchTries {
			return err
		}
	}
}

func (c *Client) vouch(ctx context.Context, r trust.Release, key trust.PrivateKey, now time.Time) error {
	role, err := c.RoleFor(ctx, r.Model, r.Version)
	if err != nil {
		return err
	}
	file := trust.NewTargets(now.Add(roleLife))
	if role.Metadata != nil {
		if file, err = trust.ParseTargets(role.Metadata); err != nil {
			return fmt.Errorf("vouch for %s: role %s: %w", r.Path(), role.Role, err)
		}
	}
	due := now.After(file.Expires().Add(-roleLife / 2))
	changed, err := file.Release(r)
	if err != nil || !changed && !due {
		return err
	}
	if role.Metadata != nil {
		file.Next(now.Add(roleLife))
	}
	if err := file.Sign(key); err != nil {
		return fmt.Errorf("vouch for %s: %w", r.Path(), err)
	}
	signed, err := file.Encode()
	if err != nil {
		return fmt.Errorf("vouch for %s: %w", r.Path(), err)
	}
	_, err = c.PutMetadata(ctx, role.Role, signed)
	return err
}

// ReleaseOf reads the start of a bundle file: what its publisher vouches for,
// whatever a controller answers.
func ReleaseOf(file io.Reader) (r trust.Release, err error) {
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
		return nil, enough
	}, nil)
	if errors.Is(err, enough) {
		return r, nil
	}
	return trust.Release{}, err
}

// Answers fails unless a controller's answer is about a release, and no other.
func (b Bundle) Answers(r trust.Release) error {
	if b.Name == r.Model && b.Version == r.Version && b.Digest == r.Digest && b.EnvelopeBytes == r.Length {
		return nil
	}
	return fmt.Errorf("the controller answers that it has %.80q %.80q, %s, and the file is %s %s, %s: nothing was signed; find out who answers at that address", b.Name, b.Version, b.Digest.Short(), r.Model, r.Version, r.Digest.Short())
}
