package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate runs the numbered scripts that the database has not seen, each in a
// transaction with the number it brings the database to.
func migrate(ctx context.Context, db *sql.DB) error {
	scripts, err := fs.Glob(migrations, "migrations/*.sql") // sorted, and numbered from 1 without gaps
	if err != nil {
		return err
	}
	have, err := version(ctx, db)
	if err != nil {
		return fmt.Errorf("read its version: %w", err)
	}
	if have > len(scripts) {
		return fmt.Errorf("its version is %d, this program knows up to %d: use a newer program", have, len(scripts))
	}
	for i := have; i < len(scripts); i++ {
		if err := apply(ctx, db, scripts[i], i+1); err != nil {
			return fmt.Errorf("migration %s: %w", scripts[i], err)
		}
	}
	return nil
}

func version(ctx context.Context, db *sql.DB) (int, error) {
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)`); err != nil {
		return 0, err
	}
	var v int
	err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`).Scan(&v)
	return v, err
}

func apply(ctx context.Context, db *sql.DB, script string, v int) error {
	text, err := migrations.ReadFile(script)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES ($1)`, v); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
