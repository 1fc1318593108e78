package slot

import (
	"fmt"
	"path"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// maxRecord bounds a record's size in bytes.
const maxRecord = 4 << 20

// SaveState keeps a model's update state durably.
func (s *Store) SaveState(model string, b []byte) error {
	if err := bundle.ValidName(model); err != nil {
		return fmt.Errorf("save update state: %w", err)
	}
	if err := s.writeBytes(stateName(model), b); err != nil {
		return fmt.Errorf("save update state of %s: %w", model, err)
	}
	return nil
}

// State returns a model's update state, or nil if there is none.
func (s *Store) State(model string) ([]byte, error) { return s.read(stateName(model)) }

func stateName(model string) string { return path.Join(modelsDir, model, "update.json") }

// SaveRecord keeps one of the agent's own records durably. The name is the
// agent's, never a stranger's.
func (s *Store) SaveRecord(name string, b []byte) error {
	if err := s.writeBytes(RecordFile(name), b); err != nil {
		return fmt.Errorf("save record %s: %w", name, err)
	}
	return nil
}

// Record returns one of the agent's own records, or nil if there is none.
func (s *Store) Record(name string) ([]byte, error) { return s.read(RecordFile(name)) }

// RemoveRecord takes one of the agent's own records away.
func (s *Store) RemoveRecord(name string) error {
	if err := s.remove(RecordFile(name)); err != nil {
		return fmt.Errorf("remove record %s: %w", name, err)
	}
	return nil
}

// RecordFile is where a record lies in the state folder.
func RecordFile(name string) string { return path.Join(recordsDir, name+".json") }

func (s *Store) read(name string) ([]byte, error) {
	b, err := s.readFile(name, maxRecord)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	return b, nil
}
