// Package bucket keeps a bucket of an S3-compatible store equal to what the
// registry holds, so that devices can take objects from there in place of the
// controller.
//
// It owns the keys sha256/{64 hex digits} of that bucket, and is the sole importer
// of the store's client: an object of a registered bundle that is missing there, or
// has another length, is uploaded, and one that no registered bundle names is
// removed. It refuses to touch other keys, to be asked for anything that the folder
// of objects has not, and to stop anything: a store that is down is tried again,
// and meanwhile devices fetch from the controller. The bytes in the bucket are
// trusted by nobody, since a device goes by their signed digest.
//
// A presigned address lets whoever has it read one object for an hour. It is
// given for what the last listing showed whole, and for nothing while the store
// cannot be listed.
//
//	b, err := bucket.Open(bucket.Config{Endpoint: "https://s3.example", Name: "models", Credentials: c}, reg, log)
//	go b.Run(ctx)
//	b.Wake() // after each change of the registry
//	address, err := b.Address(ctx, http.MethodGet, digest)
package bucket

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Bucket is one bucket. Its methods may be called concurrently. A nil Bucket is
// that of a controller without one: it holds nothing.
type Bucket struct {
	registry *registry.Registry
	remote   remote
	log      *slog.Logger
	wake     chan struct{}

	mu   sync.Mutex
	held map[bundle.Digest]bool // whole, when the bucket was listed last
}

// Open makes the Bucket of a configuration, nil for none. It asks nobody yet.
func Open(c Config, reg *registry.Registry, log *slog.Logger) (*Bucket, error) {
	if c == (Config{}) {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	remote, err := dial(c)
	if err != nil {
		return nil, err
	}
	return newBucket(remote, reg, log), nil
}

func newBucket(r remote, reg *registry.Registry, log *slog.Logger) *Bucket {
	return &Bucket{registry: reg, remote: r, log: log, wake: make(chan struct{}, 1)}
}

// Wake tells that the registry has changed.
func (b *Bucket) Wake() {
	if b == nil {
		return
	}
	select {
	case b.wake <- struct{}{}:
	default: // a look at it is due already
	}
}

// The waits between tries while the store fails: each twice the one before it.
const (
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
)

// Run brings the bucket level at once and after each Wake, until ctx ends. What
// fails is tried again, and told when it begins and when it ends.
func (b *Bucket) Run(ctx context.Context) error {
	if b == nil {
		return nil
	}
	var told telling
	pause := firstPause
	for {
		done, err := b.level(ctx)
		if ctx.Err() != nil {
			return nil
		}
		told.tell(ctx, b, done, err)
		var again <-chan time.Time
		if err != nil {
			again = time.After(pause)
			pause = min(2*pause, longestPause)
		} else {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-again:
		}
	}
}

// telling is what the log said last.
type telling struct{ well, failing bool }

func (t *telling) tell(ctx context.Context, b *Bucket, done change, err error) {
	switch {
	case err != nil && !t.failing:
		b.log.Warn("the bucket is not level with the registry; devices fetch what it lacks from the controller, and it is tried again", "error", err)
	case err == nil && (!t.well || done != change{}):
		b.log.Info("the bucket is level with the registry", "uploaded", done.uploaded, "removed", done.removed, "redirect_hosts", b.host(ctx))
	}
	t.well, t.failing = err == nil, err != nil
}

// host is what a device has to name among its redirect_hosts.
func (b *Bucket) host(ctx context.Context) string {
	u, err := b.remote.address(ctx, http.MethodGet, bundle.Digest{})
	if err != nil {
		return err.Error()
	}
	return u.Host
}

// addressLife is how long a presigned address holds: a download that was cut
// asks for another.
const addressLife = time.Hour

// Address is where an object can be read with a method, GET or HEAD, by whoever
// knows it. It is a secret for an hour. store.ErrNotFound if the bucket is not
// known to hold the object.
func (b *Bucket) Address(ctx context.Context, method string, d bundle.Digest) (string, error) {
	if b == nil {
		return "", fmt.Errorf("object %s: this controller has no bucket (s3_endpoint): %w", d, store.ErrNotFound)
	}
	if !b.holds(d) {
		return "", fmt.Errorf("object %s in the bucket: %w; if it is published, /v1/artefacts has it", d, store.ErrNotFound)
	}
	u, err := b.remote.address(ctx, method, d)
	if err != nil {
		return "", fmt.Errorf("presign object %s: %w", d, err)
	}
	return u.String(), nil
}

func (b *Bucket) holds(d bundle.Digest) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[d]
}
