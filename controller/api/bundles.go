package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/squadron-edge/squadron/controller/registry"
)

func (h *handler) bundles(w http.ResponseWriter, r *http.Request) error {
	list, err := h.Store.Bundles(r.Context())
	if err != nil {
		return err
	}
	minimums, err := h.Repository.Minimums(r.Context(), list)
	if err != nil {
		return err
	}
	shown := each(list, BundleOf)
	for i := range shown {
		shown[i].Minimum = minimums[i]
	}
	return write(w, http.StatusOK, shown)
}

// publish takes a bundle file of any length that its signed manifest allows;
// only silence is bounded in time.
func (h *handler) publish(w http.ResponseWriter, r *http.Request) error {
	body := &patient{r: http.MaxBytesReader(w, r.Body, maxBundle), c: http.NewResponseController(w)}
	row, created, err := h.Registry.Publish(r.Context(), body, who(r), time.Now())
	if errors.Is(err, registry.ErrRefused) || errors.Is(err, registry.ErrConflict) {
		h.drain(body)
		return err
	}
	if err != nil {
		return err
	}
	h.Log.Info("bundle published", "name", row.Name, "version", row.Version, "digest", row.Digest, "new", created)
	h.reconsider(r)
	status := http.StatusOK
	if created {
		h.Bucket.Wake()
		status = http.StatusCreated
	}
	return write(w, status, BundleOf(row))
}

// reconsider has orders given that waited for what came in, which is kept whether
// or not that succeeds: a start does it too.
func (h *handler) reconsider(r *http.Request) {
	if err := h.Orders.Reconsider(context.WithoutCancel(r.Context())); err != nil {
		h.Log.Error("devices that are given no order are looked at again at the next start, or when they speak", "error", err)
	}
}

// removeBundle takes a bundle that nobody needs away. Once its row is gone it is
// removed; its bytes follow.
func (h *handler) removeBundle(w http.ResponseWriter, r *http.Request) error {
	row, err := h.Orders.RemoveBundle(r.Context(), r.PathValue("name"), r.PathValue("version"), who(r))
	if err != nil {
		return err
	}
	objects, err := h.Registry.Collect(context.WithoutCancel(r.Context()), row.Digest)
	if err != nil {
		h.Log.Warn("the bytes of a removed bundle stay on the disk", "name", row.Name, "version", row.Version, "error", err)
	}
	h.Bucket.Wake()
	h.Log.Info("bundle removed", "name", row.Name, "version", row.Version, "digest", row.Digest, "objects", objects)
	return write(w, http.StatusOK, BundleOf(row))
}

// drain reads on after a refusal: a client that still sends would see its
// connection break in place of the sentence.
func (h *handler) drain(r io.Reader) {
	if _, err := io.Copy(io.Discard, io.LimitReader(r, maxDrain)); err != nil {
		h.Log.Debug("the sender of what was refused is gone", "error", err)
	}
}

// patient gives each read of an upload a minute.
type patient struct {
	r io.Reader
	c *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.c.SetReadDeadline(time.Now().Add(maxIdle)); err != nil {
		return 0, fmt.Errorf("set a deadline: %w", err)
	}
	return p.r.Read(b)
}
