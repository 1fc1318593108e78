package slot

import (
	"fmt"
	"path"
)

// Limits are on the room that models take, in bytes.
type Limits struct {
	// Reserve stays free on the file system, whoever fills it.
	Reserve int64
	// Quota is the most that objects and downloads may take together; 0 is no
	// limit.
	Quota int64
}

// NoRoomError says that an update does not fit the disk, or its quota.
type NoRoomError struct {
	Need, Free, Reserve int64 // bytes
	Quota, Used         int64 // bytes; Quota is 0 if it is the disk that is too small
}

func (e *NoRoomError) Error() string {
	if e.Quota > 0 {
		return fmt.Sprintf("no room: needs %s, and of the quota of %s for models %s are taken", mib(e.Need), mib(e.Quota), mib(e.Used))
	}
	return fmt.Sprintf("no room: needs %s and keeps %s in reserve, but only %s are free", mib(e.Need), mib(e.Reserve), mib(e.Free))
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// Room fails with a *NoRoomError unless need more bytes fit the quota and leave
// the reserve free. Downloads are renamed into their place, so that each byte
// counts once.
func (s *Store) Room(need int64) error {
	free, err := s.files.Free()
	if err != nil {
		return fmt.Errorf("look for room: %w", err)
	}
	if free-s.limits.Reserve < need {
		return &NoRoomError{Need: need, Free: free, Reserve: s.limits.Reserve}
	}
	if s.limits.Quota == 0 {
		return nil
	}
	used, err := s.used()
	if err != nil {
		return fmt.Errorf("look for room: %w", err)
	}
	if used+need > s.limits.Quota {
		return &NoRoomError{Need: need, Quota: s.limits.Quota, Used: used}
	}
	return nil
}

// used is how many bytes objects and downloads have.
func (s *Store) used() (total int64, err error) {
	for _, dir := range []string{objectsDir, incomingDir} {
		n, err := s.usedIn(dir)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func (s *Store) usedIn(dir string) (total int64, err error) {
	entries, err := s.files.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.IsDir() {
			n, err := s.usedIn(path.Join(dir, e.Name()))
			if err != nil {
				return 0, err
			}
			total += n
			continue
		}
		info, err := e.Info()
		if isMissing(err) {
			continue // it was a download, and has come to its end
		}
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}
