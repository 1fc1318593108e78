package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// maxAnswer bounds what a client reads; the devices of a large fleet fit.
const maxAnswer = 1 << 30

// Client calls a controller for an operator. Its errors are a *RefusedError if
// the controller said no, with its sentence, an *UnreachableError if none
// answered, or ctx's.
type Client struct {
	base  string
	token string
	who   string
	http  *http.Client
}

// NewClient is for a controller's address such as http://127.0.0.1:8080. who
// names the operator in the audit log; token may be empty.
func NewClient(base, token, who string) *Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
	}
	return &Client{base: strings.TrimRight(base, "/"), token: token, who: who, http: &http.Client{Transport: transport}}
}

// Publish sends a bundle file; created is false if the controller had it.
func (c *Client) Publish(ctx context.Context, file io.Reader) (b Bundle, created bool, err error) {
	status, err := c.call(ctx, http.MethodPost, "/v1/bundles", file, &b)
	return b, status == http.StatusCreated, err
}

// Bundles lists what is published, the newest first.
func (c *Client) Bundles(ctx context.Context) ([]Bundle, error) {
	return get[[]Bundle](ctx, c, "/v1/bundles")
}

// RemoveBundle takes a published bundle away that no device and no rollout needs.
func (c *Client) RemoveBundle(ctx context.Context, name, version string) (b Bundle, err error) {
	_, err = c.call(ctx, http.MethodDelete, "/v1/bundles/"+url.PathEscape(name)+"/"+url.PathEscape(version), nil, &b)
	return b, err
}

// StartRollout begins to roll a release out.
func (c *Client) StartRollout(ctx context.Context, ask StartRollout) (Rollout, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return Rollout{}, fmt.Errorf("start rollout of %s: %w", ask.Model, err)
	}
	var r Rollout
	_, err = c.call(ctx, http.MethodPost, "/v1/rollouts", bytes.NewReader(body), &r)
	return r, err
}

// Rollout reads one rollout.
func (c *Client) Rollout(ctx context.Context, id wire.RolloutID) (Rollout, error) {
	return get[Rollout](ctx, c, "/v1/rollouts/"+url.PathEscape(string(id)))
}

// Rollouts lists the newest, newest first.
func (c *Client) Rollouts(ctx context.Context) ([]Rollout, error) {
	return get[[]Rollout](ctx, c, "/v1/rollouts")
}

// Abort stops a rollout and has its devices go back.
func (c *Client) Abort(ctx context.Context, id wire.RolloutID) (Rollout, error) {
	var r Rollout
	_, err := c.call(ctx, http.MethodPost, "/v1/rollouts/"+url.PathEscape(string(id))+"/abort", nil, &r)
	return r, err
}

// Devices lists all devices by site and name, without their events.
func (c *Client) Devices(ctx context.Context) ([]Device, error) {
	return get[[]Device](ctx, c, "/v1/devices")
}

// Device reads one device with its newest events.
func (c *Client) Device(ctx context.Context, d wire.Device) (Device, error) {
	return get[Device](ctx, c, devicePath(d))
}

// RemoveDevice has the controller forget a device that is gone for good.
func (c *Client) RemoveDevice(ctx context.Context, d wire.Device) (gone Device, err error) {
	_, err = c.call(ctx, http.MethodDelete, devicePath(d), nil, &gone)
	return gone, err
}

// Overrule has the controller order a device as its database says, whatever newer
// order the device holds.
func (c *Client) Overrule(ctx context.Context, name wire.Device) (d Device, err error) {
	_, err = c.call(ctx, http.MethodPost, devicePath(name)+"/overrule", nil, &d)
	return d, err
}

func devicePath(d wire.Device) string {
	return "/v1/devices/" + url.PathEscape(string(d.Site)) + "/" + url.PathEscape(string(d.ID))
}

// Desired brings a device's order, signed; nil if nobody has ordered anything of
// it.
func (c *Client) Desired(ctx context.Context, d wire.Device) ([]byte, error) {
	b, err := get[json.RawMessage](ctx, c, devicePath(d)+"/desired")
	if refused := new(RefusedError); errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil, nil
	}
	return b, err
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var v T
	_, err := c.call(ctx, http.MethodGet, path, nil, &v)
	return v, err
}

// call makes one request and decodes its answer.
func (c *Client) call(ctx context.Context, method, path string, body io.Reader, into any) (status int, err error) {
	err = c.send(ctx, method, path, body, func(resp *http.Response) error {
		status = resp.StatusCode
		answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return c.unreachable(ctx, err)
		}
		if err := json.Unmarshal(answer, into); err != nil {
			return fmt.Errorf("answer of %s %s: %w", method, path, err)
		}
		return nil
	})
	return status, err
}

// send makes one request and has its answer read, unless it is a refusal.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader, read func(*http.Response) error) (err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("call controller %s: %w", c.base, err)
	}
	req.Header.Set(operatorHeader, c.who)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode < 400 {
		return read(resp)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	return refusal(resp.StatusCode, answer)
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var detail *url.Error
	if errors.As(err, &detail) {
		err = detail.Err
	}
	return &UnreachableError{URL: c.base, Err: err}
}

// refusal takes the sentence out of an error answer; a proxy on the way may
// have answered in its own words.
func refusal(status int, answer []byte) error {
	var body errorBody
	if err := json.Unmarshal(answer, &body); err != nil || body.Error == "" {
		words, _, _ := strings.Cut(strings.TrimSpace(string(answer)), "\n")
		return Refuse(status, "the controller, or something before it, answered %d %s with %.200q", status, http.StatusText(status), words)
	}
	return Refuse(status, "%s", body.Error)
}
