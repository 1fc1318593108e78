package slot

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/squadron-edge/squadron/deploy/trust"
)

const metadataDir = "trust"

// Metadata keeps what the device trusts, for trust.Client, which names the
// files: one part of a path each, whatever the roles are called.
type Metadata struct{ store *Store }

// Metadata is the part of the folder in which trust is kept.
func (s *Store) Metadata() Metadata { return Metadata{s} }

// Load implements trust.Files.
func (m Metadata) Load(name string) ([]byte, error) {
	if err := oneName(name); err != nil {
		return nil, err
	}
	b, err := m.store.readFile(path.Join(metadataDir, name), trust.MaxTargets)
	if isMissing(err) {
		return nil, nil
	}
	return b, err
}

// Save implements trust.Files.
func (m Metadata) Save(name string, b []byte) error {
	if err := oneName(name); err != nil {
		return err
	}
	if err := m.store.writeBytes(path.Join(metadataDir, name), b); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// Replace begins anew with another root: every other file goes first, so that a
// crash on the way leaves the old root or the new one, and nothing that the
// other vouched for.
func (m Metadata) Replace(root []byte) error {
	entries, err := m.store.files.ReadDir(metadataDir)
	if err != nil && !isMissing(err) {
		return fmt.Errorf("replace the trusted root: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); name != trust.FileName(trust.RoleRoot) {
			if err := m.store.remove(path.Join(metadataDir, name)); err != nil {
				return fmt.Errorf("replace the trusted root: %w", err)
			}
		}
	}
	return m.Save(trust.FileName(trust.RoleRoot), root)
}

func oneName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, temporary) {
		return errors.New("trust metadata: " + name + " is no name of a file")
	}
	return nil
}
