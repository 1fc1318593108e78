// Package store is what the controller must not forget: devices with their
// orders and last reports, events, bundles, rollouts, and the audit log.
//
// It owns the tables and every line of SQL, which keeps to what SQLite and
// PostgreSQL both take. It refuses to decide anything but two things that only
// a database can hold under concurrency: a device's generation never falls, and
// a model has one running rollout.
//
// There is one writer. Everything that belongs together is written in one
// Update: above all a rollout's state and the orders that follow from it, so
// that a crash leaves both or neither, and a restart only has to publish what
// is there. An Update that has returned has reached the disk (synchronous=FULL):
// in WAL mode the usual NORMAL may lose the last commits in a power cut, and a
// generation that was published but forgotten would be given out again, to be
// ignored by the device for good. Whoever has many facts gathers them into one
// Update, and pays for one flush.
//
//	err := st.Update(ctx, func(tx *store.Tx) error {
//		if err := tx.PutRollout(ctx, state); err != nil {
//			return err
//		}
//		return tx.PutDevice(ctx, ordered)
//	})
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// ErrNotFound is the answer for what the store does not hold.
var ErrNotFound = errors.New("not found")

// readers is how many queries may run beside the writer.
const readers = 4

// Store is the open database. Its View methods read beside the writer.
type Store struct {
	View
	write, read *sql.DB
}

// View reads. A Store's View sees what is committed; a Tx's also its own writes.
type View struct{ q querier }

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx is one Update in the making.
type Tx struct {
	View
	tx *sql.Tx
}

// Open opens the database file, makes it if there is none, and brings its
// tables to this program's version.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := migrate(ctx, s.write); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

func open(path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := private(abs); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", dsn(abs, "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return nil, err
	}
	read, err := sql.Open("sqlite", dsn(abs, "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(readers)
	return &Store{View: View{read}, write: write, read: read}, nil
}

// private keeps the file, and with it those that SQLite puts beside it, from
// other users of the machine.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append(pragmas, "busy_timeout(5000)")}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// Close waits for the queries that run.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// Update makes all of do durable, or, if it returns an error, none.
func (s *Store) Update(ctx context.Context, do func(*Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return advise(fmt.Errorf("begin update: %w", err))
	}
	if err := do(&Tx{View: View{tx}, tx: tx}); err != nil {
		return advise(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return advise(fmt.Errorf("commit update: %w", err))
	}
	return nil
}

// exec runs one statement and returns how many rows it touched.
func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// all reads every row of a query with scan.
func all[T any](ctx context.Context, q querier, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []T{}
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// one reads the only row of a query with scan.
func one[T any](ctx context.Context, q querier, scan func(func(...any) error) (T, error), query string, args ...any) (T, error) {
	v, err := scan(q.QueryRowContext(ctx, query, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return v, ErrNotFound
	}
	return v, err
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
