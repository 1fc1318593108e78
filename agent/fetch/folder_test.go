package fetch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// dying is a medium whose kernel holds on to a reading until it is let go: to the
// opening of a file, or to what is read of it.
type dying struct {
	fs.FS
	opens, reads chan struct{} // closed: let go; nil: held by nobody
	open         atomic.Int32  // files
}

func (d *dying) Open(name string) (fs.File, error) {
	if d.opens != nil {
		<-d.opens
	}
	f, err := d.FS.Open(name)
	if err == nil {
		d.open.Add(1)
	}
	return &dyingFile{f, d}, err
}

type dyingFile struct {
	fs.File
	of *dying
}

func (f *dyingFile) Read(b []byte) (int, error) {
	if f.of.reads != nil {
		<-f.of.reads
	}
	return f.File.Read(b)
}

func (f *dyingFile) Close() error {
	f.of.open.Add(-1)
	return f.File.Close()
}

// What the kernel does not let go of keeps nobody: who waits goes on after a while
// or with its context, and who comes later at once. Once it lets go, nothing is left
// of it, and the folder is as good as before.
func TestAReadingThatHangsKeepsNobody(t *testing.T) {
	for what, hold := range map[string]func(d *dying) (release func()){
		"opening": func(d *dying) func() { d.opens = make(chan struct{}); return func() { close(d.opens) } },
		"reading": func(d *dying) func() { d.reads = make(chan struct{}); return func() { close(d.reads) } },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &dying{FS: fstest.MapFS{"order": {Data: []byte("an order")}}}
				release := hold(d)
				f := FolderOn("/media/stick", d)
				began := time.Now()
				if _, err := f.Read(t.Context(), "order", 100); err == nil || !strings.Contains(err.Error(), "/media/stick does not answer") || time.Since(began) != hangTimeout {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				if _, err := f.Read(t.Context(), "order", 100); err == nil || time.Since(began) != hangTimeout {
					t.Errorf("the next: after %s: %v", time.Since(began), err)
				}
				release()
				synctest.Wait()
				if n := d.open.Load(); n != 0 {
					t.Errorf("%d files stay open", n)
				}
				if b, err := f.Read(t.Context(), "order", 100); string(b) != "an order" || err != nil {
					t.Errorf("once it answers: %q, %v", b, err)
				}
			})
		})
	}
}

func TestACancelledReadingIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dying{FS: fstest.MapFS{"order": {Data: []byte("an order")}}, opens: make(chan struct{})}
		f := FolderOn("/media/stick", d)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for range cap(ended) { // one reads, one waits for its turn
			go func() { _, err := f.Read(ctx, "order", 100); ended <- err }()
		}
		synctest.Wait()
		began := time.Now()
		cancel()
		for range cap(ended) {
			if err := <-ended; !errors.Is(err, context.Canceled) || !time.Now().Equal(began) {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		}
		close(d.opens)
		synctest.Wait()
		if n := d.open.Load(); n != 0 {
			t.Errorf("%d files stay open", n)
		}
	})
}

// The next source brings what a folder that hangs does not.
func TestAFolderThatHangsIsPassedBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := t.TempDir()
		if err := os.Mkdir(filepath.Join(far, "sha256"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(far, objectIn(digestOfObject)), object, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := New(Options{Base: "file://" + far, Dir: filepath.Join(t.TempDir(), "incoming")})
		if err != nil {
			t.Fatal(err)
		}
		d := &dying{FS: fstest.MapFS{objectIn(digestOfObject): {Data: object}}, reads: make(chan struct{})}
		f.Lend(FolderOn("/media/stick", d))
		file, err := f.Fetch(t.Context(), digestOfObject, int64(len(object)))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(file); string(b) != string(object) || err != nil {
			t.Errorf("it brought %d bytes, %v", len(b), err)
		}
		close(d.reads)
	})
}

// The folder is to blame as soon as a try has failed in which it lacked or had spoilt
// the object and nobody else brought any of it. While the network delivers, it is not.
func TestAFolderIsToBlameForWhatNobodyElseBrings(t *testing.T) {
	other := append([]byte("x"), object[1:]...)
	name := objectIn(digestOfObject)
	for _, c := range []struct {
		what  string
		stick fstest.MapFS // nil: nobody lent one
		far   fault
		want  string // in the error, which blames the folder; empty: it does not
	}{
		{"missing", fstest.MapFS{}, reply(404, nil, nil), "from /media/stick: open " + name + ": file does not exist; from "},
		{"cut short", fstest.MapFS{name: {Data: object[:10]}}, reply(404, nil, nil), "/media/stick/" + name + " has 10 bytes, want 1048576; from "},
		{"other bytes", fstest.MapFS{name: {Data: other}}, reply(500, nil, nil), "the bytes of /media/stick/" + name + " have digest"},
		{"spoilt by the network too", fstest.MapFS{}, reply(200, nil, other), "from /media/stick: open "},
		{"while the network delivers", fstest.MapFS{}, cutAfter(400_000), ""},
		{"without a folder", nil, reply(404, nil, nil), ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := fetcher(t, serve(t, c.far, c.far).URL)
			if c.stick != nil {
				f.Lend(FolderOn("/media/stick", c.stick))
			}
			err := fetch(t, f)
			if blames := errors.As(err, new(*FolderError)); err == nil || blames != (c.want != "") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("blames the folder: %v; %v; want %q", blames, err, c.want)
			}
		})
	}
}
