package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

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
