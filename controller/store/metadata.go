package store

import (
	"context"
	"fmt"
)

// Metadata reads a file of the fleet's TUF repository, such as 2.root.json;
// ErrNotFound if there is none.
func (v View) Metadata(ctx context.Context, file string) ([]byte, error) {
	body, err := one(ctx, v.q, scanText, `SELECT body FROM metadata WHERE file = $1`, file)
	if err != nil {
		return nil, fmt.Errorf("metadata %.80q: %w", file, err)
	}
	return []byte(body), nil
}

// MetadataFiles lists the files' names.
func (v View) MetadataFiles(ctx context.Context) ([]string, error) {
	names, err := all(ctx, v.q, scanText, `SELECT file FROM metadata ORDER BY file`)
	if err != nil {
		return nil, fmt.Errorf("list metadata: %w", err)
	}
	return names, nil
}

// PutMetadata writes a file of the repository.
func (t *Tx) PutMetadata(ctx context.Context, file string, body []byte) error {
	_, err := t.exec(ctx, `INSERT INTO metadata (file, body) VALUES ($1, $2)
		ON CONFLICT (file) DO UPDATE SET body = excluded.body`, file, string(body))
	if err != nil {
		return fmt.Errorf("put metadata %s: %w", file, err)
	}
	return nil
}

// DropMetadata takes a file of the repository away, if it is there.
func (t *Tx) DropMetadata(ctx context.Context, file string) error {
	if _, err := t.exec(ctx, `DELETE FROM metadata WHERE file = $1`, file); err != nil {
		return fmt.Errorf("drop metadata %s: %w", file, err)
	}
	return nil
}

func scanText(scan func(...any) error) (s string, err error) {
	err = scan(&s)
	return s, err
}
