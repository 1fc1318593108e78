package slot

import (
	"fmt"
	"path"
	"strings"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Collect removes every object and partial download that no model's active or
// previous version needs, nor any of the held envelopes; held is asked once no
// object can arrive any more. It removes nothing at all unless it could read
// what each of those needs. It returns the bytes freed.
func (s *Store) Collect(held func() []bundle.Digest, judge Judge) (freed int64, err error) {
	s.collecting.Lock()
	defer s.collecting.Unlock()
	needed, err := s.needed(held(), judge)
	if err != nil {
		return 0, fmt.Errorf("collect objects: %w", err)
	}
	for _, dir := range []string{objectsDir, incomingDir} {
		n, err := s.collectIn(dir, needed)
		freed += n
		if err != nil {
			return freed, fmt.Errorf("collect objects: %w", err)
		}
	}
	return freed, nil
}

// needed lists the digests, in hexadecimal, of what must stay.
func (s *Store) needed(held []bundle.Digest, judge Judge) (map[string]bool, error) {
	envelopes, err := s.pointed()
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, d := range held {
		needed[d.Hex()] = true
		if _, err := s.files.Stat(objectName(d)); err == nil {
			envelopes = append(envelopes, d)
		}
	}
	for _, d := range envelopes {
		m, err := s.Manifest(d, judge)
		if err != nil {
			return nil, err
		}
		needed[d.Hex()] = true
		for _, f := range m.Files {
			needed[f.Digest.Hex()] = true
		}
	}
	return needed, nil
}

// pointed lists the envelopes of all active and previous versions.
func (s *Store) pointed() ([]bundle.Digest, error) {
	models, err := s.Models()
	if err != nil {
		return nil, err
	}
	var envelopes []bundle.Digest
	for _, model := range models {
		for _, which := range []string{active, previous} {
			p, err := s.pointer(model, which)
			if err != nil {
				return nil, err
			}
			if !p.IsZero() {
				envelopes = append(envelopes, p.Envelope)
			}
		}
	}
	return envelopes, nil
}

// arrived reports whether an object, in hexadecimal, is in its place: then
// nobody goes on with what is left of its download.
func (s *Store) arrived(digest string) bool {
	d, err := bundle.ParseDigest("sha256:" + digest)
	if err != nil {
		return false
	}
	_, err = s.files.Stat(objectName(d))
	return err == nil
}

func (s *Store) collectIn(dir string, needed map[string]bool) (freed int64, err error) {
	entries, err := s.files.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			n, err := s.collectIn(name, needed)
			freed += n
			if err != nil {
				return freed, err
			}
			continue
		}
		digest, _, _ := strings.Cut(e.Name(), ".")
		if needed[digest] && !(dir == incomingDir && s.arrived(digest)) {
			continue
		}
		if info, err := e.Info(); err == nil {
			freed += info.Size()
		}
		if err := s.files.Remove(name); err != nil {
			return freed, err
		}
	}
	return freed, nil
}
