package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
	dir := t.TempDir()
	name := filepath.Join(t.TempDir(), "object")
	if err := os.WriteFile(name, append(object, make([]byte, 1<<20)...), 0o600); err != nil {
		t.Fatal(err)
	}
	p := partial{disk: osDisk{}, dir: dir, digest: digestOfObject, size: int64(len(object))}
	if _, err := copyPlain(t.Context(), name, p); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(p.copy()); err != nil || info.Size() != p.size {
		t.Errorf("the copy has %v bytes, %v", info, err)
	}
}
