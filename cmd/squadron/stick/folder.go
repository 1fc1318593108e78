package stick

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// folder is where a stick's files go. Who had the stick before may have planted
// links and pipes there: nothing is followed that leads elsewhere, and nothing is
// waited for.
type folder struct {
	*os.Root
	entered map[string]bool // the folders within that are known to be plain ones
}

func openFolder(dir string) (folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return folder{}, err
	}
	root, err := os.OpenRoot(dir)
	return folder{root, map[string]bool{}}, err
}

// place is a file's path as people know it.
func (f folder) place(name string) string { return filepath.Join(f.Name(), filepath.FromSlash(name)) }

// has reports whether an object is here to the last byte, in a plain file.
func (f folder) has(name string, object bundle.File) bool {
	r, err := f.open(name)
	if err != nil {
		return false
	}
	d, n, err := bundle.DigestReader(io.LimitReader(r, object.Size+1))
	return errors.Join(err, r.Close()) == nil && n == object.Size && d == object.Digest
}

// open opens a plain file. A root follows a link that stays within it, whatever
// the flags: hence the first look. A pipe would be waited for: hence O_NONBLOCK.
func (f folder) open(name string) (*os.File, error) {
	info, err := f.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errNotPlain
	}
	if err != nil {
		return nil, err
	}
	file, err := f.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotPlain
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// read reads a plain file of at most so many bytes.
func (f folder) read(name string, most int64) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return b, errors.Join(err, file.Close())
}

var errNotPlain = errors.New("it is not a plain file")

func (f folder) write(name string, b []byte) error {
	return f.writeWith(name, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(b))
		return err
	})
}

// writeWith puts a file in its place whole and durable, or not at all, whatever
// was there. A stick's file system knows no modes: they are left as they come.
func (f folder) writeWith(name string, fill func(io.Writer) error) error {
	if err := f.enter(path.Dir(name)); err != nil {
		return fmt.Errorf("write %s: %w", f.place(name), err)
	}
	// Nobody can have put anything where O_EXCL makes a file of a random name.
	temporary := name + "." + rand.Text() + partial
	file, err := f.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.place(name), err)
	}
	err = fill(file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = f.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", f.place(name), err), f.Remove(temporary))
	}
	return f.syncDir(path.Dir(name))
}

// partial ends the name of a file that is not whole yet.
const partial = ".tmp"

// enter makes the folders on the way to dir, and refuses what is there in their
// place. What a stick that was pulled out too early left in them is taken away.
func (f folder) enter(dir string) error {
	if dir == "." || f.entered[dir] {
		return nil
	}
	if err := f.enter(path.Dir(dir)); err != nil {
		return err
	}
	if err := f.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := f.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is a link or a file, and a folder is needed: nobody's squadron export made that; look at what it is, and use an empty stick", f.place(dir))
	}
	f.entered[dir] = true
	return f.tidy(dir)
}

func (f folder) tidy(dir string) error {
	entries, err := fs.ReadDir(f.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), partial) {
			err = errors.Join(err, f.Remove(path.Join(dir, e.Name())))
		}
	}
	return err
}

func (f folder) syncDir(dir string) error {
	d, err := f.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
