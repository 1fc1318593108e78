package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// upload is one bundle on its way in.
type upload struct {
	registry *Registry
	now      time.Time
	envelope []byte
	row      store.Bundle
	pinned   []bundle.Digest
	taken    error // set if another bundle has the version: this one is judged, and not kept
	internal error // what failed on our side, not on the bundle's
}

// verify judges the envelope before anything in it is believed.
func (u *upload) verify(ctx context.Context, envelope []byte) (*bundle.Manifest, error) {
	publishers, err := u.registry.publishers(ctx)
	if err != nil {
		u.internal = err
		return nil, err
	}
	verdict := trust.Verify(envelope, publishers)
	if !verdict.OK {
		return nil, errors.New(verdict.Why)
	}
	m, err := bundle.ParseManifest(verdict.Payload)
	if err != nil {
		return nil, err
	}
	if !verdict.MayPublish(m.Name) {
		return nil, fmt.Errorf("the key %s signed it, but the fleet's owner does not let that key publish %s: squadron keys status shows who may, and squadron keys delegate lets another", verdict.KeyID.Short(), m.Name)
	}
	u.envelope = envelope
	u.row = store.Bundle{
		Name: m.Name, Version: m.Version, Digest: bundle.DigestOf(envelope),
		EnvelopeBytes: int64(len(envelope)), TotalBytes: int64(len(envelope)), KeyID: string(verdict.KeyID),
	}
	u.pinned = consistsOf(u.row.Digest, m)
	u.registry.pins.add(u.pinned)
	return m, u.vacant(ctx)
}

// end lets go of the upload's objects, and collects what a failed one brought;
// a client that is gone does not keep it from that.
func (u *upload) end(ctx context.Context, failed bool) {
	u.registry.pins.remove(u.pinned)
	if failed && len(u.pinned) > 0 {
		u.registry.tidy(context.WithoutCancel(ctx), among(u.pinned))
	}
}

// vacant looks for another bundle of the same version. That is not told before
// this one proves whole: a damaged file is no bundle of any version.
func (u *upload) vacant(ctx context.Context) error {
	have, err := u.registry.store.Bundle(ctx, u.row.Name, u.row.Version)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		u.internal = err
		return err
	}
	u.taken = conflict(have, u.row.Digest)
	return nil
}

// store keeps one object; the reader vouches for its bytes.
func (u *upload) store(f bundle.File, r io.Reader) error {
	if u.taken != nil {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	u.row.TotalBytes += f.Size
	err := u.registry.keep(f.Digest, r)
	var disk *diskError
	if errors.As(err, &disk) {
		u.internal = err
	}
	return err
}

// explain tells a bundle's fault from ours and the network's.
func (u *upload) explain(err error, s *source) error {
	switch {
	case u.internal != nil:
		return fmt.Errorf("publish %s %s: %w", u.row.Name, u.row.Version, u.internal)
	case s.err != nil:
		return fmt.Errorf("receive bundle: %w", s.err)
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

// source remembers what the sender's side failed with.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
