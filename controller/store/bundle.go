package store

import (
	"context"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Bundle is a published bundle.
type Bundle struct {
	Name          string
	Version       string
	Digest        bundle.Digest // of the envelope
	EnvelopeBytes int64
	TotalBytes    int64 // of envelope and objects
	KeyID         string
	Published     time.Time
	By            string
}

const bundleColumns = `name, version, digest, envelope_bytes, total_bytes, key_id, published_ms, published_by`

// AddBundle writes a new bundle; one of the same name and version fails.
func (t *Tx) AddBundle(ctx context.Context, b Bundle) error {
	_, err := t.exec(ctx, `INSERT INTO bundles (`+bundleColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		b.Name, b.Version, b.Digest.String(), b.EnvelopeBytes, b.TotalBytes, b.KeyID, b.Published.UnixMilli(), b.By)
	if err != nil {
		return fmt.Errorf("add bundle %s %s: %w", b.Name, b.Version, err)
	}
	return nil
}

// RemoveBundle takes a bundle's row away; ErrNotFound if there is none.
func (t *Tx) RemoveBundle(ctx context.Context, name, version string) error {
	n, err := t.exec(ctx, `DELETE FROM bundles WHERE name = $1 AND version = $2`, name, version)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove bundle %.80q %.80q: %w", name, version, err)
	}
	return nil
}

// Bundle reads one bundle; ErrNotFound if it was never published.
func (v View) Bundle(ctx context.Context, name, version string) (Bundle, error) {
	b, err := one(ctx, v.q, scanBundle, `SELECT `+bundleColumns+` FROM bundles WHERE name = $1 AND version = $2`, name, version)
	if err != nil {
		return b, fmt.Errorf("bundle %.80q %.80q: %w", name, version, err)
	}
	return b, nil
}

// Bundles reads all of them, the newest first.
func (v View) Bundles(ctx context.Context) ([]Bundle, error) {
	list, err := all(ctx, v.q, scanBundle, `SELECT `+bundleColumns+` FROM bundles ORDER BY published_ms DESC, name, version`)
	if err != nil {
		return nil, fmt.Errorf("bundles: %w", err)
	}
	return list, nil
}

func scanBundle(scan func(...any) error) (Bundle, error) {
	var b Bundle
	var digest string
	var published int64
	err := scan(&b.Name, &b.Version, &digest, &b.EnvelopeBytes, &b.TotalBytes, &b.KeyID, &published, &b.By)
	if err != nil {
		return b, err
	}
	b.Published = fromMillis(published)
	b.Digest, err = bundle.ParseDigest(digest)
	return b, err
}
