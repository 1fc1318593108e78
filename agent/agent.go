// Package agent is what runs on a device: it takes its order, brings the
// ordered models, proves them, serves them, and tells how it fares.
//
// It owns every goroutine of the device (Run), the wiring of its rooms, and the
// shell around package update's machine: persist, act, feed back. It refuses to
// decide what follows from an event (package update), where bytes lie (slot) or
// come from (fetch), and how a picture is answered (serve); and to need anybody
// in order to serve what it has: after a start the models serve before any
// network is asked.
//
// Vocabulary: an order (wire.Desired) is what the device shall run; its
// generation only rises. A folder is brought by somebody who asks the running agent
// to take order, trust and objects from it first, and is to blame for a try that fails on
// what it lacks or has spoilt and nobody else brings. Work is what a goroutine does for one task of one
// model. The outbox holds the events that the controller has not acknowledged.
//
//	a, err := agent.Open(config)
//	if err != nil {
//		return err
//	}
//	log.Info("serves", "address", a.Addr())
//	return a.Run(ctx)
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/serve"
	"github.com/squadron-edge/squadron/agent/slot"
)

// Agent is one device's agent, between Open and the end of Run.
type Agent struct {
	config    Config
	log       *slog.Logger
	store     *slot.Store
	listener  net.Listener
	models    *serve.Models
	updater   *updater
	uplink    *uplink
	asker     *asker
	authority *authority
}

// Open takes the state folder and the address of the inference API, so that
// whatever is in the way of either is known at once. Nothing runs before Run.
func Open(c Config) (*Agent, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &Agent{config: c, log: c.Log.With("device", c.Device.String())}
	store, err := slot.Open(c.StateDir, slot.Limits{Reserve: c.Reserve, Quota: c.Quota})
	if err != nil {
		return nil, err
	}
	a.store = store
	if err := a.open(); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return a, nil
}

func (a *Agent) open() error {
	c := a.config
	if err := claim(a.store, c.StateDir, c.Device, a.log); err != nil {
		return err
	}
	fetcher, err := fetch.New(fetch.Options{
		Base: artefacts(c.Controller), Mirrors: c.Mirrors, RedirectHosts: c.RedirectHosts, Dir: a.store.Incoming(),
		RootCAs: c.RootCAs, InsecureHTTP: c.InsecureHTTP, Limit: c.DownloadLimit, Device: c.Device.String(), Log: a.log,
	})
	if err != nil {
		return err
	}
	metadata, err := fetch.NewMetadata(fetch.Options{Base: repository(c.Controller), RootCAs: c.RootCAs, InsecureHTTP: c.InsecureHTTP})
	if err != nil {
		return err
	}
	if a.authority, err = openAuthority(c, a.store, metadata, a.log); err != nil {
		return err
	}
	info := describe(c, a.log)
	out, damaged := openOutbox(a.store, time.Now().UTC())
	if damaged != nil {
		a.log.Error("start with an empty outbox", "error", damaged)
	}
	a.models = serve.NewModels(a.log)
	a.updater = newUpdater(a, fetcher, info, out)
	a.asker = newAsker(c, a.log, a.updater.offer)
	if a.uplink, err = newUplink(a, info, out); err != nil {
		return err
	}
	if a.listener, err = net.Listen("tcp", c.Serve); err != nil {
		return fmt.Errorf("serve inference: %w", err)
	}
	a.uplink.info.Serve = a.Addr()
	return nil
}

// Addr is where the inference API listens.
func (a *Agent) Addr() string { return a.listener.Addr().String() }

// Run serves and updates until ctx ends, and releases everything. It returns
// nil after an orderly end.
func (a *Agent) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	onDisk, err := a.updater.announce()
	g.Go(func() error { return serve.New(a.models, a.log).Run(ctx, a.listener) })
	// What is on disk serves before anybody is asked for anything.
	var booted []outcome
	if err == nil {
		booted = a.updater.boot(onDisk)
	}
	g.Go(func() error {
		if err != nil {
			return err
		}
		return a.connect(ctx, booted)
	})
	ended := g.Wait()
	a.models.Close()
	return errors.Join(ended, a.store.Close())
}

// connect carries out orders and speaks with the fleet until ctx ends.
func (a *Agent) connect(ctx context.Context, booted []outcome) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.updater.run(ctx, booted) })
	g.Go(func() error { return a.updater.judgeOrders(ctx) })
	g.Go(func() error { return a.updater.followFolders(ctx) })
	g.Go(func() error { return a.uplink.link.Run(ctx) })
	g.Go(func() error { return a.uplink.run(ctx) })
	g.Go(func() error { return a.asker.run(ctx) })
	g.Go(func() error { return a.uplink.sampler.Run(ctx, a.config.Telemetry, rand.N(a.config.Telemetry)) })
	return g.Wait()
}

// Close releases what Open took, if Run is never called.
func (a *Agent) Close() error { return errors.Join(a.listener.Close(), a.store.Close()) }
