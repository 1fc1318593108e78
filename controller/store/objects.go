package store

import (
	"context"
	"fmt"
)

// KnowsObjects reports whether the folder of objects was ever seen beside this
// database: a database that was lost, and made anew, has not seen it.
func (v View) KnowsObjects(ctx context.Context) (bool, error) {
	n, err := one(ctx, v.q, scanInt, `SELECT COUNT(*) FROM objects_folder`)
	if err != nil {
		return false, fmt.Errorf("whether the objects are known: %w", err)
	}
	return n > 0, nil
}

// KnowObjects remembers that the folder is this database's.
func (t *Tx) KnowObjects(ctx context.Context) error {
	_, err := t.exec(ctx, `INSERT INTO objects_folder (known) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM objects_folder)`)
	if err != nil {
		return fmt.Errorf("know the objects: %w", err)
	}
	return nil
}

func scanInt(scan func(...any) error) (n int64, err error) {
	err = scan(&n)
	return n, err
}
