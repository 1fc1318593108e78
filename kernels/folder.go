package kernels

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// folder maps the files of a model's folder to memory. It looks nowhere else, and
// follows no link that leads out.
type folder struct {
	dir    string
	limit  int // bytes of one file
	root   *os.Root
	mapped map[string][]byte
	failed error // what Close tells
}

func newFolder(dir string, limit int) *folder {
	return &folder{dir: dir, limit: limit, mapped: map[string][]byte{}}
}

// read is a file's content, mapped on the first call.
func (f *folder) read(name string) (data []byte, err error) {
	if data, ok := f.mapped[name]; ok {
		return data, nil
	}
	if f.root == nil {
		if f.root, err = os.OpenRoot(f.dir); err != nil {
			return nil, err
		}
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not be waited for
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Size() > int64(f.limit):
		return nil, fmt.Errorf("%s: %d bytes, more than the limit of %d", name, info.Size(), f.limit)
	case info.Size() == 0:
		f.mapped[name] = []byte{}
		return nil, nil
	}
	data, err = syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s to memory: %w", name, err)
	}
	f.mapped[name] = data
	return data, nil
}

// drop lets go of the pages that lie wholly in a part of a file: they are read
// again if anybody looks at them.
func (f *folder) drop(part []byte) {
	page := os.Getpagesize()
	start := int(uintptr(unsafe.Pointer(unsafe.SliceData(part))) & uintptr(page-1))
	skip := (page - start) % page
	if whole := (len(part) - skip) / page * page; whole > 0 {
		if err := syscall.Madvise(part[skip:][:whole], syscall.MADV_DONTNEED); err != nil {
			f.failed = fmt.Errorf("let go of a part of the model's file: %w", err) // it costs memory until Close tells
		}
	}
}

// Close unmaps the files, whose content must not be used any more.
func (f *folder) Close() error {
	errs := []error{f.failed}
	for _, data := range f.mapped {
		if len(data) > 0 {
			errs = append(errs, syscall.Munmap(data))
		}
	}
	f.mapped = nil
	if f.root != nil {
		errs = append(errs, f.root.Close())
	}
	return errors.Join(errs...)
}
