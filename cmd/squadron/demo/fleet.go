package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/squadron-edge/squadron/agent"
	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/engines"
	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/controller/web"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// site is where the demo's devices stand.
const site wire.SiteID = "waterworks"

// deviceCount is how many devices the story has.
const deviceCount = 3

// The demo's devices are watched for a moment, not for minutes, and report
// often.
const (
	shadow    = 500 * time.Millisecond
	probation = time.Second
	telemetry = 2 * time.Second
)

// fleet is a controller and its devices in this process. They meet over real
// MQTT and HTTP on loopback only, and share no memory but this struct's.
type fleet struct {
	dir        string
	owner      owner.Folder
	key        trust.PrivateKey // the publisher's
	root       []byte           // what devices trust
	secret     string           // of the devices' tokens
	controller *controller.Controller
	agents     []*agent.Agent
}

// openFleet makes the keys, and opens every listener and folder.
func openFleet(ctx context.Context, dir string) (*fleet, error) {
	f := &fleet{dir: dir, secret: rand.Text() + rand.Text()}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := f.open(ctx); err != nil {
		return nil, errors.Join(err, f.abandon())
	}
	return f, nil
}

func (f *fleet) open(ctx context.Context) error {
	online, err := f.found()
	if err != nil {
		return err
	}
	f.controller, err = controller.New(ctx, controller.Config{
		Dir:   filepath.Join(f.dir, "controller"),
		Trust: f.owner.Dir, OnlineKey: online,
		HTTP: freeOr(controller.DefaultHTTP),
		MQTT: freeOr(controller.DefaultMQTT),
		Page: web.Handler(),

		DeviceSecret: f.secret,
	})
	if err != nil {
		return err
	}
	for _, name := range f.devices() {
		a, err := f.openAgent(name)
		if err != nil {
			return fmt.Errorf("device %s: %w", name, err)
		}
		f.agents = append(f.agents, a)
	}
	return nil
}

// publisher is who signs the demo's releases.
const publisher = "demo"

// found makes the fleet's owner, with every key sealed as it should be, and
// opens the two that the story needs.
func (f *fleet) found() (online trust.PrivateKey, err error) {
	passphrase := []byte(rand.Text())
	if err := os.WriteFile(filepath.Join(f.dir, "passphrase"), append(passphrase, '\n'), 0o600); err != nil {
		return online, err
	}
	f.owner = owner.Folder{
		Dir: filepath.Join(f.dir, "trust"), Passphrase: func(string) ([]byte, error) { return passphrase, nil },
	}
	founding := owner.Founding{RootKeys: 1, Threshold: 1, Publisher: publisher, Models: []trust.Pattern{Name}}
	if err := f.owner.Init(founding, time.Now().UTC()); err != nil {
		return online, err
	}
	if f.root, err = f.owner.RootBytes(1); err != nil {
		return online, err
	}
	if f.key, err = config.PrivateKey(f.owner.KeyFile(publisher), passphrase); err != nil {
		return online, err
	}
	return config.PrivateKey(f.owner.KeyFile("online"), passphrase)
}

func (f *fleet) openAgent(name wire.Device) (*agent.Agent, error) {
	return agent.Open(agent.Config{
		Device:     name,
		Controller: f.url(),
		Broker:     f.brokerURL(),
		Token:      broker.Token(f.secret, name),
		StateDir:   stateOf(f.dir, name),
		Serve:      "127.0.0.1:0",
		Trust:      f.root,
		Reserve:    agent.DefaultReserve,
		Shadow:     shadow,
		Probation:  probation,
		Telemetry:  telemetry,
		Engines:    engines.All(),
		Version:    "demo",
		Log:        slog.New(slog.DiscardHandler),
	})
}

// stateOf is a device's folder in the demo's.
func stateOf(dir string, name wire.Device) string { return filepath.Join(dir, string(name.ID)) }

// freeOr is an address if nobody listens there, else one with any free port.
func freeOr(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "127.0.0.1:0"
	}
	if err := l.Close(); err != nil {
		return "127.0.0.1:0"
	}
	return addr
}

// abandon closes what was opened, if run never follows.
func (f *fleet) abandon() error {
	var errs []error
	for _, a := range f.agents {
		errs = append(errs, a.Close())
	}
	if f.controller != nil {
		ended, end := context.WithCancel(context.Background())
		end()
		errs = append(errs, f.controller.Run(ended))
	}
	return errors.Join(errs...)
}

// run runs the controller and the devices until ctx ends.
func (f *fleet) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.controller.Run(ctx) })
	for _, a := range f.agents {
		g.Go(func() error { return a.Run(ctx) })
	}
	return g.Wait()
}

// devices are the names of the demo's devices.
func (f *fleet) devices() []wire.Device {
	names := make([]wire.Device, deviceCount)
	for i := range names {
		names[i] = wire.Device{Site: site, ID: wire.DeviceID(fmt.Sprintf("meter-%d", i+1))}
	}
	return names
}

// serves is the address of a device's inference API.
func (f *fleet) serves(name wire.Device) string {
	for i, d := range f.devices() {
		if d == name {
			return f.agents[i].Addr()
		}
	}
	return ""
}

func (f *fleet) url() string       { return "http://" + f.controller.HTTPAddr() }
func (f *fleet) brokerURL() string { return "tcp://" + f.controller.BrokerAddr() }
func (f *fleet) trustFile() string { return filepath.Join(f.owner.Dir, "root.json") }

// meters are the cameras of all devices.
type meters struct {
	all  []*meter
	stop func()
}

// readMeters begins to ask every device for readings.
func (f *fleet) readMeters(ctx context.Context) (*meters, error) {
	sheet, err := GoldenPictures()
	if err != nil {
		return nil, err
	}
	files, err := pngs(sheet)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	m := &meters{stop: func() {
		cancel()
		running.Wait()
	}}
	for _, a := range f.agents {
		one := &meter{addr: a.Addr(), pictures: files}
		m.all = append(m.all, one)
		running.Go(func() { one.run(ctx) })
	}
	return m, nil
}

// count adds up what the meters got.
func (m *meters) count() (answers, failures int64, last string) {
	for _, one := range m.all {
		answers += one.answers.Load()
		failures += one.failures.Load()
		if s, ok := one.lastFailure.Load().(string); ok {
			last = s
		}
	}
	return answers, failures, last
}
