package agent

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/update"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
)

// Config is what an agent needs to know. Each field names who turns it.
type Config struct {
	Device     wire.Device // whoever installs the device
	Controller string      // the installer: https://…, http:// on this machine, or file:///… without one
	Broker     string      // the installer: tcp:// or ssl://host:port
	Token      string      // the installer: the device's password at the broker; may be empty
	StateDir   string      // the installer
	Serve      string      // the integrator: address of the inference API, host:port
	// Trust is a root.json of the device's owner: what follows from it may run
	// here, and who follows from it may order it. Another one than at the last
	// start makes void all that followed from that.
	Trust []byte
	// RootCAs is for a site with its own authority; nil is the system's.
	RootCAs *x509.CertPool
	// InsecureMQTT lets the owner of a closed network send the token and the
	// device's words without TLS. The device shows it in its state.
	InsecureMQTT bool
	// InsecureHTTP lets the owner of a closed network do without TLS. The
	// device shows it in its state.
	InsecureHTTP bool
	// Mirrors are where the site's network engineer keeps copies of objects, at
	// mirror/sha256/{hex}: asked before the controller, the nearest first.
	Mirrors []string
	// RedirectHosts are those, as host or host:port, that a source may redirect
	// to: the network engineer names the store of a bucket.
	RedirectHosts []string
	// DownloadLimit is how many bytes a second the network engineer lets the
	// device take for models; 0 is no limit.
	DownloadLimit int64
	// Reserve is how many bytes of the disk the owner wants kept free.
	Reserve int64
	// Shadow is how long the owner has a new version read beside the one that
	// serves, without answering, before it may switch; 0 is not at all.
	Shadow time.Duration
	// Quota is how many bytes the owner lets models take on the disk, downloads
	// included; 0 is no limit.
	Quota int64
	// Probation is how long the owner wants a new version watched.
	Probation time.Duration
	// Jitter is the longest wait before an order's first fetch; each device has
	// its own share. The network engineer of a large site turns it; 0 is none.
	Jitter time.Duration
	// Window is when the plant lets a version that serves be replaced; the zero
	// Window is always.
	Window update.Window
	// Pin keeps one model as it is for whoever is measuring with it.
	Pin update.Pin
	// Telemetry is how often the operator wants to hear how the device fares.
	Telemetry time.Duration
	// Engines are tried in this order; whoever builds the agent picks them.
	Engines []kernels.Engine
	Version string // of the agent
	// Built is when the agent was built; the time is never before that.
	Built time.Time
	Log   *slog.Logger
}

// The values that an installer need not give.
const (
	DefaultServe     = "127.0.0.1:8090"
	DefaultReserve   = 64 << 20
	DefaultShadow    = 30 * time.Second
	DefaultProbation = 2 * time.Minute
	DefaultTelemetry = 30 * time.Second
)

// Bounds on what can be meant: a probation observes ten times, as does a shadow,
// and an interval below a tenth of a second is a busy loop.
const (
	minProbation = 100 * time.Millisecond
	maxProbation = 7 * 24 * time.Hour
	maxJitter    = 24 * time.Hour
	maxReason    = 200 // bytes: the sentence must fit a message
	minTelemetry = 100 * time.Millisecond
)

// Validate refuses what cannot work, with all the reasons at once.
func (c Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := c.Device.Validate(); err != nil {
		refuse("config: %w", err)
	}
	if _, err := fetch.CheckURL(c.Controller, c.InsecureHTTP); err != nil {
		refuse("config: controller: %w", err)
	}
	for _, m := range c.Mirrors {
		if _, err := fetch.CheckURL(m, c.InsecureHTTP); err != nil {
			refuse("config: mirrors: %w", err)
		}
	}
	for _, h := range c.RedirectHosts {
		if err := fetch.CheckRedirectHost(h); err != nil {
			refuse("config: redirect_hosts: %w", err)
		}
	}
	if c.DownloadLimit != 0 && c.DownloadLimit < fetch.MinLimit {
		refuse("config: a download limit of %d KiB a second: want 0 for none, or %d or more, so that downloads end before they are given up",
			c.DownloadLimit>>10, fetch.MinLimit>>10)
	}
	if c.Broker == "" {
		refuse("config: broker is missing: want tcp://host:port or ssl://host:port")
	} else if err := link.CheckBroker(c.Broker); err != nil {
		refuse("config: %w", err)
	} else if c.plainBroker() && !c.brokerOnThisMachine() && !c.InsecureMQTT {
		refuse(`config: broker %s: the token would travel in the clear, and it is not on this machine: use ssl://, or name "insecure_mqtt": true in the config`, c.Broker)
	}
	if c.StateDir == "" {
		refuse("config: the state folder is missing")
	}
	if _, _, err := net.SplitHostPort(c.Serve); err != nil {
		refuse("config: serve %.80q: want host:port, such as %s", c.Serve, DefaultServe)
	}
	if _, err := trust.ParseRoot(c.Trust); err != nil {
		refuse("config: trust: %w", err)
	}
	if c.Quota < 0 {
		refuse("config: disk quota of %d bytes: want 0 for none, or more", c.Quota)
	}
	if c.Reserve < 0 {
		refuse("config: reserve of %d bytes: want 0 or more", c.Reserve)
	}
	if c.Probation < minProbation || c.Probation > maxProbation {
		refuse("config: probation of %s: want %s to %s", c.Probation, minProbation, maxProbation)
	}
	if c.Shadow != 0 && (c.Shadow < minProbation || c.Shadow > maxProbation) {
		refuse("config: shadow of %s: want 0 for none, or %s to %s", c.Shadow, minProbation, maxProbation)
	}
	if c.Jitter < 0 || c.Jitter > maxJitter {
		refuse("config: download jitter of %s: want 0 to %s", c.Jitter, maxJitter)
	}
	if w := c.Window; w.Zone != nil && (w.From == w.To || min(w.From, w.To) < 0 || max(w.From, w.To) >= 24*60) {
		refuse("config: a maintenance window from minute %d to minute %d of the day: want two that differ, below %d", w.From, w.To, 24*60)
	}
	if p := c.Pin; p != (update.Pin{}) {
		if err := bundle.ValidName(p.Model); err != nil {
			refuse("config: pin: model %w", err)
		}
		if p.Until.IsZero() || p.Reason == "" || len(p.Reason) > maxReason {
			refuse("config: pin: want a reason of at most %d bytes, and until when", maxReason)
		}
	}
	if c.Telemetry < minTelemetry {
		refuse("config: telemetry every %s: want %s or more", c.Telemetry, minTelemetry)
	}
	if len(c.Engines) == 0 {
		refuse("config: no engine to run models on")
	}
	return errors.Join(errs...)
}

// notes are what everybody who looks at the device shall see of its config.
func (c Config) notes(now time.Time) (notes []string) {
	if c.InsecureHTTP {
		notes = append(notes, "insecure_http is on: bytes travel without TLS")
	}
	if c.plainBroker() && !c.brokerOnThisMachine() && c.Broker != "" {
		notes = append(notes, "insecure_mqtt is on: the token and what the device says travel without TLS")
	}
	if c.Window.Zone != nil {
		notes = append(notes, "versions change from "+c.Window.String())
	}
	if ended := c.pinEnded(now); ended != "" {
		notes = append(notes, ended)
	} else if c.Pin.Model != "" {
		notes = append(notes, fmt.Sprintf("%s is pinned until %s: %s", c.Pin.Model, c.Pin.Until.UTC().Format("2006-01-02 15:04Z"), c.Pin.Reason))
	}
	return notes
}

func (c Config) brokerOnThisMachine() bool {
	u, err := url.Parse(c.Broker)
	return err == nil && fetch.OnThisMachine(u.Hostname())
}

func (c Config) plainBroker() bool { return !strings.HasPrefix(c.Broker, "ssl://") }
