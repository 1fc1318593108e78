//go:build cgo

package cuda

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// The part of the CUDA Driver API that the door uses, declared by hand: NVIDIA
// keeps these signatures stable, and no CUDA header is needed to build.
typedef int CUresult; // 0 is success
typedef int CUdevice;

enum {
	compute_capability_major = 75, // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
	compute_capability_minor = 76,
};

typedef struct {
	CUresult (*init)(unsigned flags);
	CUresult (*get_error_name)(CUresult, const char **name);
	CUresult (*get_error_string)(CUresult, const char **words);
	CUresult (*driver_get_version)(int *version);
	CUresult (*device_get_count)(int *count);
	CUresult (*device_get)(CUdevice *, int ordinal);
	CUresult (*device_get_name)(char *name, int size, CUdevice);
	CUresult (*device_get_attribute)(int *value, int attribute, CUdevice);
} api;

// Go cannot call a C function pointer; each of these calls one for it.
static CUresult call_init(api *a) { return a->init(0); }
static CUresult call_error_name(api *a, CUresult r, const char **s) { return a->get_error_name(r, s); }
static CUresult call_error_string(api *a, CUresult r, const char **s) { return a->get_error_string(r, s); }
static CUresult call_version(api *a, int *v) { return a->driver_get_version(v); }
static CUresult call_count(api *a, int *n) { return a->device_get_count(n); }
static CUresult call_device(api *a, CUdevice *d, int i) { return a->device_get(d, i); }
static CUresult call_name(api *a, char *s, int n, CUdevice d) { return a->device_get_name(s, n, d); }
static CUresult call_attribute(api *a, int *v, int what, CUdevice d) { return a->device_get_attribute(v, what, d); }
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// ask opens the first driver among paths that the loader accepts and has it
// describe itself. The driver is never closed: it starts threads of its own,
// and unloading it would pull their code away.
func ask(paths []string) (driver, error) {
	// The loader keeps its words, and the driver its context, for each thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	handle, err := open(paths)
	if err != nil {
		return driver{}, err
	}
	l, err := resolve(handle)
	if err != nil {
		return driver{}, err
	}
	return l.describe()
}

func open(paths []string) (unsafe.Pointer, error) {
	var words []string
	for _, path := range paths {
		name := C.CString(path)
		handle := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
		C.free(unsafe.Pointer(name))
		if handle != nil {
			return handle, nil
		}
		words = append(words, C.GoString(C.dlerror()))
	}
	return nil, absent{strings.Join(words, "; ")}
}

// library is an opened driver with the entry points that the door calls.
type library struct{ api C.api }

func resolve(handle unsafe.Pointer) (*library, error) {
	l := new(library)
	for _, entry := range []struct {
		symbol string
		to     **[0]byte
	}{
		{"cuInit", &l.api.init},
		{"cuGetErrorName", &l.api.get_error_name},
		{"cuGetErrorString", &l.api.get_error_string},
		{"cuDriverGetVersion", &l.api.driver_get_version},
		{"cuDeviceGetCount", &l.api.device_get_count},
		{"cuDeviceGet", &l.api.device_get},
		{"cuDeviceGetName", &l.api.device_get_name},
		{"cuDeviceGetAttribute", &l.api.device_get_attribute},
	} {
		name := C.CString(entry.symbol)
		*entry.to = (*[0]byte)(C.dlsym(handle, name))
		C.free(unsafe.Pointer(name))
		if *entry.to == nil {
			return nil, fmt.Errorf("use the CUDA driver: %s", C.GoString(C.dlerror()))
		}
	}
	return l, nil
}

func (l *library) describe() (driver, error) {
	if err := l.check("cuInit", C.call_init(&l.api)); err != nil {
		return driver{}, err
	}
	var version, count C.int
	if err := l.check("cuDriverGetVersion", C.call_version(&l.api, &version)); err != nil {
		return driver{}, err
	}
	if err := l.check("cuDeviceGetCount", C.call_count(&l.api, &count)); err != nil {
		return driver{}, err
	}
	d := driver{version: int(version)}
	for i := range int(count) {
		dev, err := l.device(i)
		if err != nil {
			return driver{}, fmt.Errorf("device %d: %w", i, err)
		}
		d.devices = append(d.devices, dev)
	}
	return d, nil
}

func (l *library) device(ordinal int) (device, error) {
	var id C.CUdevice
	if err := l.check("cuDeviceGet", C.call_device(&l.api, &id, C.int(ordinal))); err != nil {
		return device{}, err
	}
	var name [256]C.char // the last stays 0, whatever the driver writes before it
	if err := l.check("cuDeviceGetName", C.call_name(&l.api, &name[0], C.int(len(name)-1), id)); err != nil {
		return device{}, err
	}
	var major, minor C.int
	if err := l.check("cuDeviceGetAttribute", C.call_attribute(&l.api, &major, C.compute_capability_major, id)); err != nil {
		return device{}, err
	}
	if err := l.check("cuDeviceGetAttribute", C.call_attribute(&l.api, &minor, C.compute_capability_minor, id)); err != nil {
		return device{}, err
	}
	return device{name: C.GoString(&name[0]), major: int(major), minor: int(minor)}, nil
}

// check words a failed call as the driver does: its number, name and sentence.
func (l *library) check(call string, result C.CUresult) error {
	if result == 0 {
		return nil
	}
	var name, words *C.char
	if C.call_error_name(&l.api, result, &name) != 0 || C.call_error_string(&l.api, result, &words) != 0 {
		return fmt.Errorf("the CUDA driver refuses %s: error %d, which it does not name", call, result)
	}
	return fmt.Errorf("the CUDA driver refuses %s: error %d, %s: %s", call, result, C.GoString(name), C.GoString(words))
}
