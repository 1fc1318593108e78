// Package durable replaces files of people's folders so that a power cut leaves
// each as it was or as it shall be.
//
// It owns the order of writes: beside the place, synced, renamed over it, and the
// folder synced. It refuses to know what the files hold.
//
//	err := durable.Replace(durable.File{Name: "trust/targets.json", Body: b, Mode: 0o644})
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is what is to be written, and where.
type File struct {
	Name string
	Body []byte
	Mode fs.FileMode
}

// Replace writes files of one folder beside their places, and moves them over
// what is there, in their order, once all are written.
func Replace(files ...File) error {
	var written []string
	for _, f := range files {
		beside, err := writeBeside(f)
		if err != nil {
			return errors.Join(fmt.Errorf("write %s: %w", f.Name, err), Remove(written...))
		}
		written = append(written, beside)
	}
	for i, f := range files {
		if err := os.Rename(written[i], f.Name); err != nil {
			return errors.Join(fmt.Errorf("write %s: %w", f.Name, err), Remove(written[i:]...))
		}
	}
	if len(files) == 0 {
		return nil
	}
	return SyncFolder(filepath.Dir(files[0].Name))
}

// writeBeside writes a file's temporary one.
func writeBeside(to File) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(to.Name), ".*.tmp")
	if err != nil {
		return "", err
	}
	_, err = f.Write(to.Body)
	if err = errors.Join(err, f.Chmod(to.Mode), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// Remove takes files away.
func Remove(files ...string) (err error) {
	for _, f := range files {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// SyncFolder makes durable which files a folder has.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
