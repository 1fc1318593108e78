package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsFault reports whether the database failed, rather than what was to be
// written: then trying again may help, and leaving something out does not.
func IsFault(err error) bool {
	var fault *sqlite.Error
	if errors.As(err, &fault) {
		switch primary(fault) {
		case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
			return false
		}
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// advise adds to a fault of the disk what to do about it.
func advise(err error) error {
	var fault *sqlite.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch primary(fault) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: the disk that holds fleet.db is full or failing: make room on it (df shows how much there is), or replace it", err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: fleet.db cannot be written: give the controller's user the right to", err)
	}
	return err
}

// primary is a result code without its extension.
func primary(e *sqlite.Error) int { return e.Code() & 0xff }
