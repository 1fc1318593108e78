package controller

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/bucket"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Config is all that a controller needs to know. The zero value of a field
// without "required" is a good choice.
type Config struct {
	// Dir holds the database and the published objects; required. Whoever
	// installs the controller sets it.
	Dir string `json:"dir"`
	// Trust is the folder of the fleet's owner, with {N}.root.json and
	// targets.json; required. What is newer in it than here is taken over at each
	// start.
	Trust string `json:"trust"`
	// OnlineKeyFile is the sealed key that signs orders, snapshots and timestamps,
	// and PassphraseFile what opens it; required. Whoever installs the controller
	// gets both from the fleet's owner.
	OnlineKeyFile  string `json:"online_key_file"`
	PassphraseFile string `json:"passphrase_file"`
	// HTTP and MQTT are the addresses to listen on, host:port; a port of 0
	// takes any. Empty means DefaultHTTP and DefaultMQTT.
	HTTP string `json:"http,omitempty"`
	MQTT string `json:"mqtt,omitempty"`
	// TLSCertFile and TLSKeyFile are PEM files for both ports, which then speak
	// TLS only; both or neither. Whoever lets devices in over a network sets them.
	TLSCertFile string `json:"tls_cert_file,omitempty"`
	TLSKeyFile  string `json:"tls_key_file,omitempty"`
	// OperatorToken admits operators. Without one, only calls to a loopback
	// address may change things, and HTTP listens on loopback only.
	OperatorToken string `json:"operator_token,omitempty"`
	// DeviceSecret is what every device's token is derived from; see broker.Token.
	// Without one, MQTT listens on loopback only, to devices without tokens.
	DeviceSecret string `json:"device_secret,omitempty"`
	// DeviceDeadlineSeconds is how long a device that was ordered has to come to
	// an end; 0 means half an hour. Who has slow links raises it.
	DeviceDeadlineSeconds int `json:"device_deadline_seconds,omitempty"`
	// S3Endpoint, S3Bucket and S3CredentialsFile name a bucket that is kept equal
	// to the objects, so that devices fetch from its store; all or none. S3Region
	// is the store's to tell if empty. Whoever runs a fleet larger than the
	// controller's link sets them.
	S3Endpoint        string `json:"s3_endpoint,omitempty"`
	S3Bucket          string `json:"s3_bucket,omitempty"`
	S3Region          string `json:"s3_region,omitempty"`
	S3CredentialsFile string `json:"s3_credentials_file,omitempty"`

	// SiteDownloads are how many KiB a second all devices of a site together may
	// download from here, by the site's name; "*" is each other site. Whoever
	// answers for the sites' links sets it.
	SiteDownloads map[wire.SiteID]int64 `json:"site_download_kib_per_s,omitempty"`

	// OnlineKey is the opened key; required.
	OnlineKey trust.PrivateKey `json:"-"`
	// S3Credentials are what S3CredentialsFile holds.
	S3Credentials bucket.Credentials `json:"-"`
	// Page answers GET /; nil means no page.
	Page http.Handler `json:"-"`
	Log  *slog.Logger `json:"-"` // nil means none
}

// The addresses without any configured: on this machine only.
const (
	DefaultHTTP = "127.0.0.1:8080"
	DefaultMQTT = "127.0.0.1:1883"
)

// The lengths below which a token can be guessed by asking the controller, and a
// secret, from one of its tokens, without asking anybody.
const (
	minToken  = 16
	minSecret = 32
)

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.Dir == "":
		return errors.New("controller: dir is missing: it holds the database and the published objects")
	case c.Trust == "":
		return errors.New("controller: trust is missing: it names the folder that squadron keys init made, with 1.root.json and targets.json")
	case c.DeviceDeadlineSeconds < 1 || c.DeviceDeadlineSeconds > int(7*24*time.Hour/time.Second):
		return fmt.Errorf("controller: device_deadline_seconds is %d, want 1 second to 7 days", c.DeviceDeadlineSeconds)
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return errors.New("controller: tls_cert_file and tls_key_file go together: give both, or neither")
	}
	err := errors.Join(
		guarded("http", c.HTTP, "operator_token", c.OperatorToken, minToken),
		guarded("mqtt", c.MQTT, "device_secret", c.DeviceSecret, minSecret))
	if bad := c.budgets().Validate(); err == nil && bad != nil {
		err = fmt.Errorf("controller: site_download_kib_per_s: %w", bad)
	}
	if err == nil && c.OnlineKey.Public() == nil {
		err = errors.New("controller: the online key is missing: online_key_file names it (keys/online.key of squadron keys init), and passphrase_file what opens it")
	}
	if err != nil {
		return err
	}
	if err := c.bucket().Validate(); err != nil {
		return fmt.Errorf("controller: %w", err)
	}
	return nil
}

func (c Config) bucket() bucket.Config {
	return bucket.Config{Endpoint: c.S3Endpoint, Name: c.S3Bucket, Region: c.S3Region, Credentials: c.S3Credentials}
}

func (c Config) budgets() api.SiteBudgets {
	budgets := api.SiteBudgets{}
	for site, kib := range c.SiteDownloads {
		budgets[site] = kib << 10
	}
	return budgets
}

func (c Config) withDefaults() Config {
	if c.HTTP == "" {
		c.HTTP = DefaultHTTP
	}
	if c.MQTT == "" {
		c.MQTT = DefaultMQTT
	}
	if c.DeviceDeadlineSeconds == 0 {
		c.DeviceDeadlineSeconds = int(defaultDeadline / time.Second)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// guarded holds a port that others reach to its token.
func guarded(name, address, tokenName, token string, shortest int) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("controller: %s is %.80q: want host:port", name, address)
	}
	if token != "" && len(token) < shortest {
		return fmt.Errorf("controller: %s has %d characters, want at least %d; openssl rand -base64 32 makes a good one", tokenName, len(token), shortest)
	}
	ip, err := netip.ParseAddr(host)
	if loopback := host == "localhost" || err == nil && ip.IsLoopback(); !loopback && token == "" {
		return fmt.Errorf("controller: %s listens on %s, which other machines reach: configure %s, or listen on 127.0.0.1", name, address, tokenName)
	}
	return nil
}
