package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/squadron-edge/squadron/agent"
	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/engines"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// agentFlags say which agent it is. A flag overrides its key in the config.
type agentFlags struct {
	Config     string `type:"path" placeholder:"FILE" help:"Configuration, JSON (squadron-agent run --help shows one)."`
	Trust      string `type:"path" placeholder:"FILE" required:"" help:"The root.json of the fleet's owner: what follows from it may run here."`
	State      string `type:"path" placeholder:"DIR" required:"" help:"Where the device keeps its models; made if missing."`
	Controller string `placeholder:"URL" help:"https://…, http:// on this machine, or file:///folder."`
	Broker     string `placeholder:"URL" help:"ssl://host:port or tcp://host:port."`
	Site       string `help:"The device's site."`
	Device     string `help:"The device's name in its site."`
	Serve      string `placeholder:"HOST:PORT" help:"Address of the inference API."`
	Verbose    bool   `short:"v" help:"Log more than an operator wants to hear."`
}

// runCommand runs the agent.
type runCommand struct{ agentFlags }

// Help is shown by squadron-agent run --help.
func (runCommand) Help() string {
	return `Example:

  squadron-agent run --config agent.json --trust root.json --state /var/lib/squadron

with an agent.json of

  {"site": "plant-7", "device": "cam-3",
   "controller": "https://fleet.example", "broker": "ssl://fleet.example:8883", "token": "…"}

Further keys: "serve" (` + agent.DefaultServe + `), "telemetry_interval" ("30s"), "reserve_mib" (64; stays free on the disk),
"disk_quota_mib" (0, no limit; the most that models and downloads may take), "ca_file" (authorities of a site with its own), and
"insecure_http" and "insecure_mqtt" (true allows http:// or tcp:// to other machines, and is shown in the device's state).

Models may come from nearer than the controller: "mirrors" lists bases, nearest first, each
https://…, http:// on this machine, or file:///folder, that keep objects at sha256/{hex}, such as
["file:///media/stick", "https://cache.plant-7.example/v1/artefacts"]. They are asked before the
controller, and need not be trusted: digests are signed. "redirect_hosts" lists those, each
host or host:port, that a mirror or the controller may redirect to beside itself. A device takes
objects from the controller's bucket with "mirrors": ["https://fleet.example/v1/s3"] and
"redirect_hosts": ["models.s3.eu-central-1.amazonaws.com"]. "download_limit_kib_per_s" (0, no limit)
is how much of the site's link all downloads of this device together may take.

A new version proves itself on the device: on its golden pictures, then in the "shadow" ("30s", or
"0s" for none), where it reads what the version that serves reads and answers nobody, then on
"probation" ("2m"), where it serves and the one before stays at hand.

When a device changes is its owner's to say. "download_jitter" ("0s") is the longest wait before
the first fetch of an order; each device takes its own share of it. "maintenance_window" lets a
version that serves be replaced in these hours only: the new one is fetched and tested at once and
waits, staged. "timezone" is the system's if absent, "days" are those on which the window begins:

  "maintenance_window": {"from": "22:00", "to": "04:00", "days": ["mon", "fri"], "timezone": "Europe/Berlin"}

"pin" keeps what runs; orders for other versions are refused with the reason, and have to be given
again after the date (the end of it, in UTC; or a time such as 2026-12-24T12:00:00Z):

  "pin": {"model": "meter-reader", "reason": "acceptance test of line 4", "until": "2026-12-24"}

A way back to the version before waits for neither, and a first version not for the window.

What is on disk serves at once, whether or not anybody can be reached.`
}

// configFile is the configuration; what is absent keeps its default.
type configFile struct {
	Site         string          `json:"site"`
	Device       string          `json:"device"`
	Controller   string          `json:"controller"`
	Broker       string          `json:"broker"`
	Token        string          `json:"token"`
	Serve        string          `json:"serve"`
	Shadow       config.Duration `json:"shadow"`
	Probation    config.Duration `json:"probation"`
	Telemetry    config.Duration `json:"telemetry_interval"`
	ReserveMiB   int64           `json:"reserve_mib"`
	QuotaMiB     int64           `json:"disk_quota_mib"`
	CAFile       string          `json:"ca_file"`
	InsecureHTTP bool            `json:"insecure_http"`
	InsecureMQTT bool            `json:"insecure_mqtt"`
	Mirrors      []string        `json:"mirrors"`
	RedirectTo   []string        `json:"redirect_hosts"`
	LimitKiB     int64           `json:"download_limit_kib_per_s"`
	Jitter       config.Duration `json:"download_jitter"`
	Window       windowKeys      `json:"maintenance_window"`
	Pin          pinKeys         `json:"pin"`
}

// Run runs the agent until ctx ends.
func (c *runCommand) Run(ctx context.Context, s program.Streams) error {
	settings, err := c.settings(s, slog.LevelInfo)
	if err != nil {
		return exit.AsUsage(err)
	}
	a, err := open(settings)
	if err != nil {
		return err
	}
	settings.Log.Info("the inference API listens", "address", a.Addr())
	if err := a.Run(ctx); err != nil {
		return err
	}
	settings.Log.Info("the agent has ended, as it was asked to")
	return nil
}

func open(settings agent.Config) (*agent.Agent, error) {
	a, err := agent.Open(settings)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w; stop the program that has the port, or name another with --serve", err)
	}
	return a, err
}

// settings are of the files and the flags, checked, with a log of that level.
func (c *agentFlags) settings(s program.Streams, level slog.Level) (agent.Config, error) {
	settings, err := c.read()
	if err != nil {
		return agent.Config{}, err
	}
	if c.Verbose {
		level = slog.LevelDebug
	}
	settings.Log = s.Logger(level)
	return settings, settings.Validate()
}

// read reads the files and lets the flags override them.
func (c *agentFlags) read() (agent.Config, error) {
	f := configFile{
		Serve: agent.DefaultServe, ReserveMiB: agent.DefaultReserve >> 20,
		Shadow: config.Duration(agent.DefaultShadow), Probation: config.Duration(agent.DefaultProbation), Telemetry: config.Duration(agent.DefaultTelemetry),
	}
	if c.Config != "" {
		if err := config.Read(c.Config, &f); err != nil {
			return agent.Config{}, err
		}
	}
	for flag, key := range map[*string]*string{
		&c.Controller: &f.Controller, &c.Broker: &f.Broker, &c.Site: &f.Site, &c.Device: &f.Device, &c.Serve: &f.Serve,
	} {
		if *flag != "" {
			*key = *flag
		}
	}
	root, err := config.Root(c.Trust)
	if err != nil {
		return agent.Config{}, err
	}
	roots, err := readAuthorities(f.CAFile)
	if err != nil {
		return agent.Config{}, err
	}
	window, err := f.Window.window()
	if err != nil {
		return agent.Config{}, err
	}
	pin, err := f.Pin.pin()
	if err != nil {
		return agent.Config{}, err
	}
	return agent.Config{
		Device:     wire.Device{Site: wire.SiteID(f.Site), ID: wire.DeviceID(f.Device)},
		Controller: f.Controller, Broker: f.Broker, Token: f.Token, StateDir: c.State, Serve: f.Serve,
		Trust: root, RootCAs: roots, InsecureHTTP: f.InsecureHTTP, InsecureMQTT: f.InsecureMQTT, Reserve: f.ReserveMiB << 20, Quota: f.QuotaMiB << 20,
		Mirrors: f.Mirrors, RedirectHosts: f.RedirectTo, DownloadLimit: f.LimitKiB << 10,
		Jitter: time.Duration(f.Jitter), Window: window, Pin: pin,
		Shadow: time.Duration(f.Shadow), Probation: time.Duration(f.Probation), Telemetry: time.Duration(f.Telemetry),
		Engines: engines.All(), Version: program.Version(), Built: program.Built(),
	}, nil
}

// readAuthorities reads a PEM file; without one, the system's count.
func readAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New("read ca_file " + file + ": no certificate in PEM form")
	}
	return pool, nil
}
