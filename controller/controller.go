// Package controller is the fleet's side: it publishes models, orders devices
// to run them in waves, and hears how they fare.
//
// It owns every goroutine of the fleet's side, the order in which things become
// durable and are told, and what a restart does. It refuses to judge models (the
// registry does, at the door), to decide about waves (package rollout does), and
// to hold state that the database does not have.
//
// Each turn of the fleet, be it a handful of facts, an operator's wish or the
// clock, is one transaction: reports, rollouts and the orders that follow are
// stored together, and only then are orders published, events acknowledged and
// listeners told. What a crash keeps from being told is told by the next start,
// which publishes every order that stands, before any device can connect.
//
//	c, err := controller.New(ctx, controller.Config{Dir: dir, Trust: "trust", OnlineKey: key, Page: web.Handler()})
//	log.Info("listening", "http", c.HTTPAddr(), "mqtt", c.BrokerAddr())
//	return c.Run(ctx)
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/controller/bucket"
	"github.com/squadron-edge/squadron/controller/gate"
	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
)

const (
	defaultDeadline = rollout.DefaultDeadline
	headerTimeout   = 10 * time.Second // for a request's header
	idleTimeout     = 2 * time.Minute  // between two requests
	stopTimeout     = 5 * time.Second  // for requests that run when the controller stops
)

// Controller is one controller, listening from New on and serving in Run.
type Controller struct {
	log    *slog.Logger
	store  *store.Store
	broker *broker.Broker
	fleet  *fleet
	bucket *bucket.Bucket // nil without one
	http   net.Listener
	server *http.Server
	lock   *os.File // held until everything else is closed
}

// New opens the database, the registry and both ports. Whoever gets a
// Controller calls Run, which closes them.
func New(ctx context.Context, cfg Config) (*Controller, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make controller's folder: %w", err)
	}
	locked, err := lock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, filepath.Join(cfg.Dir, "fleet.db"))
	if err != nil {
		return nil, errors.Join(err, locked.Close())
	}
	c, err := assemble(ctx, cfg, st)
	if err != nil {
		return nil, errors.Join(err, st.Close(), locked.Close())
	}
	c.lock = locked
	return c, nil
}

// assemble opens the registry and the ports on an open database.
func assemble(ctx context.Context, cfg Config, st *store.Store) (*Controller, error) {
	repo, err := repository.Open(ctx, st, cfg.OnlineKey, os.DirFS(cfg.Trust), time.Now().UTC())
	if err != nil {
		return nil, err
	}
	reg, err := registry.Open(ctx, filepath.Join(cfg.Dir, "objects"), st, repo.Publishers, cfg.Log)
	if err != nil {
		return nil, err
	}
	objects, err := bucket.Open(cfg.bucket(), reg, cfg.Log)
	if err != nil {
		return nil, err
	}
	web, mqtt, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	b, err := broker.New(mqtt, cfg.DeviceSecret, cfg.Log)
	if err != nil {
		return nil, errors.Join(err, web.Close(), mqtt.Close())
	}
	live := api.NewLive()
	f := newFleet(st, b, repo, live, cfg.DeviceDeadlineSeconds, cfg.Log)
	handler := api.New(api.Config{
		Store: st, Registry: reg, Bucket: objects, Repository: repo, Orders: f, Live: live, Contested: b.Contested,
		Page: cfg.Page, Budgets: cfg.budgets(), Token: cfg.OperatorToken, Log: cfg.Log,
	})
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ConnState: gate.NewBound(cfg.Log).Changed,
		ErrorLog:  slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return &Controller{log: cfg.Log, store: st, broker: b, fleet: f, bucket: objects, http: web, server: server}, nil
}

// HTTPAddr is the host:port at which the API and the page answer.
func (c *Controller) HTTPAddr() string { return c.http.Addr().String() }

// BrokerAddr is the host:port of the MQTT broker.
func (c *Controller) BrokerAddr() string { return c.broker.Addr() }

// Run serves until ctx ends, then closes everything that New opened. It is
// called once.
func (c *Controller) Run(ctx context.Context) error {
	err := c.fleet.begin(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // asked to end before it began, it ends well
	}
	if err != nil || ctx.Err() != nil {
		err = errors.Join(err, c.http.Close())
		ended, end := context.WithCancel(ctx)
		end()
		return errors.Join(err, c.broker.Run(ended), c.store.Close(), c.lock.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	c.server.BaseContext = func(net.Listener) context.Context { return ctx }
	group.Go(func() error { return c.broker.Run(ctx) })
	group.Go(func() error { return c.fleet.run(ctx) })
	group.Go(func() error { return c.fleet.renewTrust(ctx) })
	group.Go(func() error { return c.bucket.Run(ctx) })
	group.Go(c.serve)
	group.Go(func() error { return c.stop(ctx) })
	return errors.Join(group.Wait(), c.store.Close(), c.lock.Close())
}

func (c *Controller) serve() error {
	if err := c.server.Serve(c.http); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", c.HTTPAddr(), err)
	}
	return nil
}

// stop ends the HTTP server when ctx ends. Live streams end with ctx; a request
// that takes longer than its grace is cut off.
func (c *Controller) stop(ctx context.Context) error {
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := c.server.Shutdown(grace); err != nil {
		c.log.Info("requests were cut off", "error", err)
		return c.server.Close()
	}
	return nil
}
