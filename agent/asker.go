package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// asker asks the controller for the order, over HTTP or in a folder: after a
// start, and whenever the link comes up.
type asker struct {
	log    *slog.Logger
	device wire.Device
	client *http.Client
	url    string // empty if it is a folder
	folder *fetch.Folder
	wake   chan struct{}
	offer  func(envelope []byte)
}

// The wait after a failed question doubles between these.
const (
	firstAskWait   = 2 * time.Second
	longestAskWait = 2 * time.Minute
	askTimeout     = 30 * time.Second
)

func newAsker(c Config, log *slog.Logger, offer func([]byte)) *asker {
	a := &asker{log: log, device: c.Device, wake: make(chan struct{}, 1), offer: offer}
	base, err := url.Parse(c.Controller) // checked by Validate
	switch {
	case err != nil:
	case base.Scheme == "file":
		a.folder = fetch.NewFolder(base.Path)
	default:
		a.url = base.JoinPath("v1/devices", string(c.Device.Site), string(c.Device.ID), "desired").String()
	}
	a.client = &http.Client{
		Transport: fetch.Transport(c.RootCAs),
		Timeout:   askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it redirects, which the controller never does")
		},
	}
	a.ask()
	return a
}

// artefacts is where a controller, or a folder, keeps objects by digest.
func artefacts(controller string) string {
	u, err := url.Parse(controller)
	if err != nil || u.Scheme == "file" {
		return controller
	}
	return u.JoinPath("v1/artefacts").String()
}

// repository is where a controller, or a folder, keeps the fleet's trust.
func repository(controller string) string {
	u, err := url.Parse(controller)
	if err != nil || u.Scheme == "file" {
		return controller + "/tuf"
	}
	return u.JoinPath("v1/tuf").String()
}

// ask wakes run.
func (a *asker) ask() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run asks when woken, until it has an answer or ctx ends.
func (a *asker) run(ctx context.Context) error {
	defer a.client.CloseIdleConnections()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for wait := firstAskWait; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case <-retry.C:
		}
		order, err := a.get(ctx)
		if err != nil {
			a.log.Info("ask for the order", "error", err, "retry", wait)
			retry.Reset(wait)
			wait = min(2*wait, longestAskWait)
			continue
		}
		wait = firstAskWait
		retry.Reset(longestAskWait)
		if order != nil {
			a.offer(order)
		}
	}
}

// get asks once. A device of which nobody has ordered anything gets none.
func (a *asker) get(ctx context.Context) ([]byte, error) {
	if a.folder != nil {
		b, err := readOrder(ctx, a.folder, a.device)
		if errors.Is(err, errNoOrder) {
			return nil, nil
		}
		return b, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return nil, err
	}
	reply, err := a.client.Do(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(reply.Body, wire.MaxEnvelope+1))
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return nil, err
	}
	switch reply.StatusCode {
	case http.StatusOK:
		return b, nil
	case http.StatusNotFound:
		return nil, nil
	}
	return nil, fmt.Errorf("the controller answered %s to %s", reply.Status, a.url)
}
