package stick

import (
	"context"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// repository is the fleet's trust, and what was asked for of it.
type repository struct {
	from  Controller
	ctx   context.Context // of one Fill: trust.Fetch takes none
	asked map[string][]byte
}

// follow follows it as a device does that knows its first root only, so that
// whatever a device has seen before, it finds in what was asked for what it needs.
func (r repository) follow(now time.Time) (*trust.Client, error) {
	first, err := r.fetch(trust.VersionedName(1, trust.RoleRoot), trust.MaxRoot)
	if err != nil {
		return nil, err
	}
	client, err := trust.Open(memory{trust.FileName(trust.RoleRoot): first}, now)
	if err != nil {
		return nil, err
	}
	return client, client.Refresh(r.fetch)
}

// fetch is a trust.Fetch.
func (r repository) fetch(name string, max int64) ([]byte, error) {
	b, err := r.from.Metadata(r.ctx, name)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, trust.ErrNoFile
	case int64(len(b)) > max:
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, len(b), max)
	}
	r.asked[name] = b
	return b, nil
}

// memory keeps what a client of the fleet's trust verified.
type memory map[string][]byte

func (m memory) Load(name string) ([]byte, error) { return m[name], nil }

func (m memory) Save(name string, b []byte) error {
	m[name] = b
	return nil
}
