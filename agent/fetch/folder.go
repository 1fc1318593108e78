package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// Folder is a folder that objects, trust and orders come from, such as on a stick.
//
// The kernel can hold a reading of a dying medium for ever, and nothing ends that.
// So one reading goes on at a time, in a goroutine of its own; who waits for it
// goes on with its context, or after hangTimeout. The goroutine stays until the
// kernel lets go of the reading or the process is gone. Meanwhile every other reading
// fails, so that there is at most one.
type Folder struct {
	dir   string
	files fs.FS
	turn  chan struct{} // full while a reading goes on

	mu    sync.Mutex
	began time.Time // of the reading that goes on; zero if there is none
}

// hangTimeout is how long one reading, of one piece, is waited for.
const hangTimeout = 30 * time.Second

// NewFolder is the folder of that name, in which plain files count alone.
func NewFolder(dir string) *Folder { return FolderOn(dir, plainFiles(dir)) }

// FolderOn is a folder whose files lie elsewhere, such as in memory.
func FolderOn(dir string, files fs.FS) *Folder {
	return &Folder{dir: dir, files: files, turn: make(chan struct{}, 1)}
}

func (f *Folder) String() string { return f.dir }

// Metadata is a copy of a repository in a folder within.
func (f *Folder) Metadata(within string) *Metadata { return &Metadata{folder: f, within: within} }

// Read reads a file of at most max bytes. Its error wraps trust.ErrNoFile if there
// is no such file.
func (f *Folder) Read(ctx context.Context, name string, max int64) (b []byte, err error) {
	file, err := f.open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, trust.ErrNoFile
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return bounded(file, max)
}

// has reports whether a file of that size is there.
func (f *Folder) has(ctx context.Context, name string, size int64) bool {
	file, err := f.open(ctx, name)
	if err != nil {
		return false
	}
	return file.Close() == nil && file.size == size
}

// copy copies a file of the partial's size, and hashes what it wrote.
func (f *Folder) copy(ctx context.Context, name string, p partial) (h hash.Hash, err error) {
	from, err := f.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if from.size != p.size {
		return nil, fmt.Errorf("%s has %d bytes, want %d", f.place(name), from.size, p.size)
	}
	if err := p.disk.RemoveAll(p.copy()); err != nil {
		return nil, err
	}
	to, err := os.OpenFile(p.copy(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	h = sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(from, p.size))
	if err == nil && n < p.size {
		err = fmt.Errorf("%s ends after %d of %d bytes", f.place(name), n, p.size)
	}
	return h, errors.Join(err, to.Close())
}

// place is a file's path as people know it.
func (f *Folder) place(name string) string { return path.Join(f.dir, name) }

// read has one reading done. If nobody waits for it any more when it is done, late
// follows, and what both have touched is theirs.
func (f *Folder) read(ctx context.Context, do, late func()) error {
	if f.hangs() {
		return f.hung()
	}
	patience := time.NewTimer(hangTimeout)
	defer patience.Stop()
	select {
	case f.turn <- struct{}{}:
	case <-patience.C:
		return f.hung()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	f.begin(time.Now())
	patience.Reset(hangTimeout)
	done, left := make(chan struct{}), make(chan struct{})
	defer close(left)
	go func() {
		do()
		f.begin(time.Time{})
		<-f.turn
		select {
		case done <- struct{}{}:
		case <-left:
			late()
		}
	}()
	select {
	case <-done:
		return nil
	case <-patience.C:
		return f.hung()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *Folder) begin(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.began = at
}

// hangs reports whether the reading that goes on is given up.
func (f *Folder) hangs() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.began.IsZero() && time.Since(f.began) >= hangTimeout
}

func (f *Folder) hung() error {
	return fmt.Errorf("%s does not answer: a reading has taken longer than %s", f.dir, hangTimeout)
}

// open opens a file.
func (f *Folder) open(ctx context.Context, name string) (*folderFile, error) {
	var file fs.File
	var info fs.FileInfo
	var failed error
	err := f.read(ctx, func() {
		if file, failed = f.files.Open(name); failed != nil {
			return
		}
		if info, failed = file.Stat(); failed != nil {
			failed = errors.Join(failed, file.Close())
		}
	}, func() {
		if failed == nil {
			failed = file.Close()
		}
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return &folderFile{ctx: ctx, folder: f, file: file, size: info.Size(), piece: make([]byte, pieceBytes)}, nil
}

// pieceBytes is how much one reading reads at most.
const pieceBytes = 32 << 10

// folderFile is a file of a folder while it is read, as far as ctx lets.
type folderFile struct {
	ctx    context.Context
	folder *Folder
	file   fs.File
	size   int64
	piece  []byte
	lost   error // why nobody waits for a reading any more; file and piece are its
}

// Read implements io.Reader.
func (r *folderFile) Read(b []byte) (int, error) {
	if r.lost != nil {
		return 0, r.lost
	}
	want := min(len(b), len(r.piece))
	var n int
	var err error
	r.lost = r.folder.read(r.ctx, func() { n, err = r.file.Read(r.piece[:want]) }, func() { err = r.file.Close() })
	if r.lost != nil {
		return 0, r.lost
	}
	return copy(b, r.piece[:n]), err
}

// Close implements io.Closer. The end of a file that was only read waits for no
// medium.
func (r *folderFile) Close() error {
	if r.lost != nil {
		return nil
	}
	return r.file.Close()
}

// plainFiles are the plain files of a folder. Nothing is followed that leads
// elsewhere, and nothing waits for what somebody put in a file's place.
type plainFiles string

// Open implements fs.FS.
func (dir plainFiles) Open(name string) (fs.File, error) {
	name = path.Join(string(dir), name)
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file", name)
	}
	f, err := openPlain(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openPlain opens a plain file, whatever was there at the first look.
func openPlain(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is not a plain file", name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a plain file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
