// Package home keeps, beside a publisher's private key, what that key signed last.
//
// It owns the place of that file and how it is written. It refuses to read what
// is in it: package trust does, which judges by it what a controller shows.
//
//	ada.key               the publisher's key, sealed
//	ada.key.signed.json   the role that it signed last; no secret, but nobody else's to write
//
//	signer := api.Signer{Key: key, Home: home.Of("ada.key")}
package home

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/cmd/squadron/durable"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// File is the file beside a key's.
type File string

// Of is the file beside the key in a file.
func Of(key string) File { return File(key + ".signed.json") }

// Load reads the file; nil if there is none.
func (f File) Load() ([]byte, error) {
	in, err := os.Open(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(in, trust.MaxLast+1)) // trust refuses what is longer
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", string(f), err)
	}
	return b, nil
}

// Save replaces the file, durably; nil takes it away.
func (f File) Save(b []byte) error {
	if b == nil {
		return errors.Join(os.Remove(string(f)), durable.SyncFolder(filepath.Dir(string(f))))
	}
	return durable.Replace(durable.File{Name: string(f), Body: b, Mode: 0o600})
}
