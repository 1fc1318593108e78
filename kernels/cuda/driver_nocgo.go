//go:build !cgo

package cuda

import "errors"

// ask refuses: only C can call what the loader opens.
func ask([]string) (driver, error) {
	return driver{}, errors.New("no CUDA driver can be opened: this program was built without cgo")
}
