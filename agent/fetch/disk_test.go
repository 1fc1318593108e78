package fetch

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// badDisk fails one kind of call with one error.
type badDisk struct {
	osDisk
	call string
	err  error
}

func (d badDisk) fail(call, name string) error {
	if call != d.call {
		return nil
	}
	return &fs.PathError{Op: call, Path: name, Err: d.err}
}

func (d badDisk) Sync(name string) error {
	return errors.Join(d.fail("sync", name), d.osDisk.Sync(name))
}

func (d badDisk) Append(name string, b []byte) error {
	return errors.Join(d.fail("write", name), d.osDisk.Append(name, b))
}

func (d badDisk) Truncate(name string, size int64) error {
	return errors.Join(d.fail("truncate", name), d.osDisk.Truncate(name, size))
}

func (d badDisk) Open(name string) (io.ReadCloser, error) {
	if err := d.fail("read", name); err != nil {
		return nil, err
	}
	return d.osDisk.Open(name)
}

// TestADiskThatFailsIsNamed, and no server is blamed for it nor asked again.
func TestADiskThatFailsIsNamed(t *testing.T) {
	for _, c := range []struct {
		disk badDisk
		want string
	}{
		{badDisk{call: "sync", err: syscall.EIO}, "sync: input/output error"},
		{badDisk{call: "sync", err: syscall.ENOSPC}, "sync: no space left on device"},
		{badDisk{call: "write", err: syscall.ENOSPC}, "write: no space left on device"},
		{badDisk{call: "write", err: syscall.EROFS}, "write: read-only file system"},
		{badDisk{call: "read", err: syscall.EIO}, "read: input/output error"},
		{badDisk{call: "truncate", err: syscall.EIO}, "truncate: input/output error"},
	} {
		s, mirror := serve(t, cutAfter(400_000)), serve(t, cutAfter(300_000))
		f := fetcher(t, s.URL, mirror.URL)
		f.every = 128 << 10
		refuse(t, f, "cut")
		appendTo(t, f, ".part", []byte("never marked"))
		asked := len(s.ranges) + len(mirror.ranges)
		f = restart(t, f)
		f.disk = c.disk
		refuse(t, f, "into "+f.dir+": "+c.want)
		if n := len(s.ranges) + len(mirror.ranges) - asked; n > 1 {
			t.Errorf("%s: %d requests were made", c.want, n)
		}
		f.disk = osDisk{}
		mustFetch(t, f)
	}
}

// fullDisk has go-getter write into a device that is full.
type fullDisk struct{ osDisk }

func (fullDisk) Lstat(string) (fs.FileInfo, error) { return nil, fs.ErrNotExist }
func (fullDisk) RemoveAll(string) error            { return nil }

func TestAFullDiskIsNamed(t *testing.T) {
	s, mirror := serve(t), serve(t)
	f := fetcher(t, s.URL, mirror.URL)
	part := filepath.Join(f.dir, bundle.DigestOf(object).Hex()+".part")
	if err := os.Symlink("/dev/full", part); err != nil {
		t.Fatal(err)
	}
	f.disk = fullDisk{}
	refuse(t, f, "into "+f.dir+": write: no space left on device")
	if len(s.ranges) > 0 {
		t.Error("the next source was asked, as if it could help")
	}
	f.disk = osDisk{} // and somebody made room
	mustFetch(t, f)
}

// TestAFolderThatMayNotBeWrittenIsNamed runs as a user whom the folder's mode
// binds, on a thread of its own that is never given back.
func TestAFolderThatMayNotBeWrittenIsNamed(t *testing.T) {
	s := serve(t)
	f := fetcher(t, s.URL)
	user := os.Getuid()
	if user == 0 {
		user = 65534
		temp := filepath.Dir(f.dir)
		if err := errors.Join(os.Chown(f.dir, user, user), os.Chmod(temp, 0o755), os.Chmod(filepath.Dir(temp), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(f.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if os.Getuid() == 0 {
			if err := syscall.Setfsuid(user); err != nil {
				done <- err
				return
			}
		}
		_, err := f.Fetch(t.Context(), bundle.DigestOf(object), int64(len(object)))
		done <- err
	}()
	want := "into " + f.dir + ": open: permission denied"
	if err := <-done; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if err := os.Chmod(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustFetch(t, f)
}

// TestAPlantedFolderIsNotWrittenInto: where the partial, its marks or a copy go.
func TestAPlantedFolderIsNotWrittenInto(t *testing.T) {
	for _, ending := range []string{".part", ".marks", ".copy"} {
		s := serve(t, cutAfter(1000))
		f := fetcher(t, s.URL)
		planted := filepath.Join(f.dir, bundle.DigestOf(object).Hex()+ending, "deep")
		if err := os.MkdirAll(planted, 0o700); err != nil {
			t.Fatal(err)
		}
		refuse(t, f, "cut after 1000 of")
		mustFetch(t, f)
	}
}

func TestAttackSymlinkOfMarks(t *testing.T) {
	s := serve(t, cutAfter(1000), cutAfter(1000))
	f := fetcher(t, s.URL)
	refuse(t, f, "cut")
	victim := filepath.Join(t.TempDir(), "victim")
	marks := filepath.Join(f.dir, bundle.DigestOf(object).Hex()+".marks")
	err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), os.Remove(marks), os.Symlink(victim, marks))
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, f, "cut")
	if b, err := os.ReadFile(victim); err != nil || string(b) != "precious" {
		t.Errorf("the link's target now holds %q, %v", b, err)
	}
	mustFetch(t, f)
}
