package fetch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// Who may write a stick's folder can exchange a file between the look and the
// opening: what is opened is looked at again, and nothing waits for a pipe.
func TestAttackWhatIsExchangedAfterTheLook(t *testing.T) {
	dir := t.TempDir()
	pipe, link, folder := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, link, folder} {
		if f, err := openPlain(name); err == nil || !strings.Contains(err.Error(), "is not a plain file") {
			t.Errorf("%s: %v, %v", filepath.Base(name), f, err)
		}
	}
}

// An object that grows while it is copied takes no more of the disk than its
// signed length.
func TestAttackAnObjectThatGrows(t *testing.T) {
	grows := FolderOn("stick", growing{fstest.MapFS{"object": {Data: append(object, make([]byte, 1<<20)...)}}})
	p := partial{disk: osDisk{}, dir: t.TempDir(), digest: digestOfObject, size: int64(len(object))}
	if _, err := grows.copy(t.Context(), "object", p); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(p.copy()); err != nil || info.Size() != p.size {
		t.Errorf("the copy has %v bytes, %v", info, err)
	}
}

// growing has files that are longer than they were at the first look.
type growing struct{ fs.FS }

func (g growing) Open(name string) (fs.File, error) {
	f, err := g.FS.Open(name)
	return grown{f}, err
}

type grown struct{ fs.File }

func (g grown) Stat() (fs.FileInfo, error) {
	info, err := g.File.Stat()
	return shorter{info}, err
}

type shorter struct{ fs.FileInfo }

func (shorter) Size() int64 { return int64(len(object)) }
