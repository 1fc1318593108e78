package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// artefact serves an envelope or another object, whole or in ranges.
func (h *handler) artefact(w http.ResponseWriter, r *http.Request) error {
	d, err := objectIn(r, "hex")
	if err != nil {
		return err
	}
	f, err := h.Registry.Object(d)
	if err != nil {
		return err
	}
	return h.serveFile(w, r, f, d.Hex())
}

// delta serves what makes one object of another. Its ETag is of the file that
// is here now: a delta that was removed and made again may have other bytes.
func (h *handler) delta(w http.ResponseWriter, r *http.Request) error {
	target, base, err := pairIn(r)
	if err != nil {
		return err
	}
	f, err := h.Registry.Delta(target, base)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return h.serveFile(w, r, f, fmt.Sprintf("%x-%x", f.Size, info.ModTime().UnixNano()))
}

// serveFile serves bytes that never change under their address, within the budget
// of the site that asks.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, f *registry.File, tag string) error {
	within, done, err := h.budgets.enter(w, r, f.Size)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	defer done()
	head := w.Header()
	head.Set("Content-Type", "application/octet-stream")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("ETag", strconv.Quote(tag))
	head.Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(within, r, "", time.Time{}, f)
	return f.Close()
}

// putDelta takes a delta that makes a published object of another one.
func (h *handler) putDelta(w http.ResponseWriter, r *http.Request) error {
	target, base, err := pairIn(r)
	if err != nil {
		return err
	}
	body := &patient{r: r.Body, c: http.NewResponseController(w)}
	size, created, err := h.Registry.PutDelta(r.Context(), target, base, body, who(r), time.Now())
	if errors.Is(err, registry.ErrDeltaRefused) {
		h.drain(body)
	}
	if err != nil {
		return err
	}
	h.Log.Info("delta published", "target", target.Short(), "base", base.Short(), "bytes", size, "new", created)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return write(w, status, Delta{target, base, size})
}

// Delta is how many bytes make one object of another.
type Delta struct {
	Target bundle.Digest `json:"target"`
	Base   bundle.Digest `json:"base"`
	Bytes  int64         `json:"bytes"`
}

func pairIn(r *http.Request) (target, base bundle.Digest, err error) {
	if target, err = objectIn(r, "hex"); err == nil {
		base, err = objectIn(r, "base")
	}
	return target, base, err
}

func objectIn(r *http.Request, part string) (bundle.Digest, error) {
	hex := r.PathValue(part)
	d, err := bundle.ParseDigest("sha256:" + hex)
	if err != nil {
		return d, Refuse(http.StatusBadRequest, "%.80q names no object: want 64 lower-case hexadecimal digits", hex)
	}
	return d, nil
}

// Object brings an object of a published bundle, if it has that digest and
// length.
func (c *Client) Object(ctx context.Context, d bundle.Digest, size int64) (b []byte, err error) {
	err = c.send(ctx, http.MethodGet, objectPath(d), nil, func(resp *http.Response) error {
		if b, err = io.ReadAll(io.LimitReader(resp.Body, size+1)); err != nil {
			return c.unreachable(ctx, err)
		}
		if int64(len(b)) != size || bundle.DigestOf(b) != d {
			return fmt.Errorf("object %s: the controller sent other bytes", d.Short())
		}
		return nil
	})
	return b, err
}

// CopyObject writes an object of that length out, and fails if it has another
// digest: what was written is worth nothing then.
func (c *Client) CopyObject(ctx context.Context, d bundle.Digest, size int64, to io.Writer) error {
	return c.send(ctx, http.MethodGet, objectPath(d), nil, func(resp *http.Response) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(resp.Body, size+1))
		if wrote := new(fs.PathError); errors.As(err, &wrote) {
			return err
		}
		if err != nil {
			return c.unreachable(ctx, err)
		}
		if n != size || bundle.Digest(h.Sum(nil)) != d {
			return fmt.Errorf("object %s: the controller sent other bytes", d.Short())
		}
		return nil
	})
}

// PutDelta offers a delta; created is false if the controller had one.
func (c *Client) PutDelta(ctx context.Context, target, base bundle.Digest, body io.Reader) (d Delta, created bool, err error) {
	status, err := c.call(ctx, http.MethodPut, deltaPath(target, base), body, &d)
	return d, status == http.StatusCreated, err
}

// HasDelta asks whether the controller has a delta, and how long it is.
func (c *Client) HasDelta(ctx context.Context, target, base bundle.Digest) (size int64, ok bool, err error) {
	err = c.send(ctx, http.MethodHead, deltaPath(target, base), nil, func(resp *http.Response) error {
		size, ok = resp.ContentLength, true
		return nil
	})
	if refused := new(RefusedError); errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return 0, false, nil
	}
	return size, ok, err
}

func objectPath(d bundle.Digest) string { return "/v1/artefacts/sha256/" + d.Hex() }

func deltaPath(target, base bundle.Digest) string { return objectPath(target) + "/from/" + base.Hex() }
