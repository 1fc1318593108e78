package slot

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Pointer names one version of a model.
type Pointer struct {
	Version  string        `json:"version"`
	Envelope bundle.Digest `json:"envelope"`
}

// IsZero reports whether the pointer names nothing.
func (p Pointer) IsZero() bool { return p.Envelope.IsZero() }

const (
	active     = "active"
	previous   = "previous"
	maxPointer = 4 << 10
)

// Active is what serves the model, or would after a restart; zero if nothing.
func (s *Store) Active(model string) (Pointer, error) { return s.pointer(model, active) }

// Previous is what served the model before; zero if nothing.
func (s *Store) Previous(model string) (Pointer, error) { return s.pointer(model, previous) }

// errDamaged marks a pointer that the disk changed: what it named is not known.
var errDamaged = errors.New("the disk changed it")

// Activate makes a version the active one, and the active one the previous.
// A crash leaves either active, and both at hand. If the disk changed the active
// pointer, the previous one stays.
func (s *Store) Activate(model string, to Pointer) error {
	from, err := s.Active(model)
	if errors.Is(err, errDamaged) {
		from, err = Pointer{}, nil
	}
	if err == nil && !from.IsZero() && from != to {
		err = s.point(model, previous, from)
	}
	if err == nil {
		err = s.point(model, active, to)
	}
	if err != nil {
		return fmt.Errorf("activate %s %s: %w", model, to.Version, err)
	}
	return nil
}

// RollBack makes a version active again; the previous one stays as it is. The
// zero pointer leaves nothing active.
func (s *Store) RollBack(model string, to Pointer) error {
	err := s.rollBack(model, to)
	if err != nil {
		return fmt.Errorf("roll %s back to %q: %w", model, to.Version, err)
	}
	return nil
}

func (s *Store) rollBack(model string, to Pointer) error {
	if to.IsZero() {
		return s.remove(s.pointerName(model, active))
	}
	return s.point(model, active, to)
}

// Deactivate leaves nothing of the model active or at hand.
func (s *Store) Deactivate(model string) error {
	for _, which := range []string{active, previous} {
		if err := s.remove(s.pointerName(model, which)); err != nil {
			return fmt.Errorf("deactivate %s: %w", model, err)
		}
	}
	return nil
}

func (s *Store) pointerName(model, which string) string { return path.Join(modelsDir, model, which) }

func (s *Store) point(model, which string, to Pointer) error {
	if err := bundle.ValidName(model); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	b, err := json.Marshal(to)
	if err != nil {
		return err
	}
	return s.writeBytes(s.pointerName(model, which), append(b, '\n'))
}

func (s *Store) pointer(model, which string) (Pointer, error) {
	b, err := s.readFile(s.pointerName(model, which), maxPointer)
	if isMissing(err) {
		return Pointer{}, nil
	}
	if err != nil {
		return Pointer{}, fmt.Errorf("read the %s pointer of %s: %w", which, model, err)
	}
	var p Pointer
	if err := json.Unmarshal(b, &p); err != nil || p.IsZero() {
		return Pointer{}, fmt.Errorf("read the %s pointer of %s: %w", which, model, errDamaged)
	}
	return p, nil
}

// Models lists the models that the folder knows, active or not.
func (s *Store) Models() ([]string, error) {
	entries, err := s.files.ReadDir(modelsDir)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var models []string
	for _, e := range entries {
		if e.IsDir() && bundle.ValidName(e.Name()) == nil {
			models = append(models, e.Name())
		}
	}
	return models, nil
}
