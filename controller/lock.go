package controller

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock takes a controller's folder for one process: two on one database would
// each give orders that the other does not know of. The kernel gives it back
// when the file is closed or the process ends, however it ends.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock controller's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock controller's folder %s: another controller runs on it; stop that one or name another dir: %w", dir, err), f.Close())
	}
	return f, nil
}
