package stick

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// memory keeps what a client of the fleet's trust verified.
type memory map[string][]byte

func (m memory) Load(name string) ([]byte, error) { return m[name], nil }

func (m memory) Save(name string, b []byte) error {
	m[name] = b
	return nil
}

func (s Stick) write(name string, b []byte) error {
	return s.writeWith(name, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(b))
		return err
	})
}

// writeWith puts a file in its place whole and durable, or not at all. A stick's
// file system knows no modes: they are left as they come.
func (s Stick) writeWith(name string, fill func(io.Writer) error) error {
	place := filepath.Join(s.Dir, filepath.FromSlash(name))
	dir := filepath.Dir(place)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", place, err)
	}
	f, err := os.OpenFile(place+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", place, err)
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), place)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", place, err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
