package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/web"
)

type controllerCommand struct {
	Config  string `required:"" help:"Configuration, JSON (one is above)." type:"existingfile" placeholder:"FILE"`
	Verbose bool   `short:"v" help:"Log more than an operator wants to hear."`
}

func (controllerCommand) Help() string {
	return `Example:

  squadron controller --config controller.json

with a controller.json of

  {"dir": "/var/lib/squadron-controller", "trust": "/etc/squadron/trust",
   "online_key_file": "/etc/squadron/online.key", "passphrase_file": "/etc/squadron/passphrase"}

"trust" is the folder that squadron keys init made, of which the controller needs root.json's versions and targets.json; of its keys the online key alone, with the passphrase that opens it.

Further keys: "http" (` + controller.DefaultHTTP + `), "mqtt" (` + controller.DefaultMQTT + `), "operator_token" (at least 16 characters) and "device_secret" (at least 32, of chance; squadron devices token derives each device's token from it), both needed to listen beyond loopback, "tls_cert_file" and "tls_key_file" (PEM; both ports then speak TLS only), "device_deadline_seconds" (1800), "site_download_kib_per_s" (none; such as {"plant-7": 512, "*": 4096}: what all devices of a site together may download from here, "*" for each other site).

A bucket of an S3-compatible store is kept equal to the published objects, for devices to fetch from, if it is named by "s3_endpoint" (https://…, or http:// on this machine), "s3_bucket" and "s3_credentials_file", a file of mode 0600 with {"access_key_id": "…", "secret_access_key": "…"}. "s3_region" is the store's to tell if absent. What is under sha256/ in the bucket and not published here is removed there.`
}

func (c controllerCommand) Run(ctx context.Context, s program.Streams) error {
	var cfg controller.Config
	if err := config.Read(c.Config, &cfg); err != nil {
		return exit.AsUsage(err)
	}
	if err := openOnlineKey(&cfg); err != nil {
		return exit.AsUsage(err)
	}
	if err := openS3Credentials(&cfg); err != nil {
		return exit.AsUsage(err)
	}
	if err := cfg.Validate(); err != nil {
		return exit.AsUsage(err)
	}
	if err := checkFiles(cfg); err != nil {
		return exit.AsUsage(err)
	}
	cfg.Page = web.Handler()
	cfg.Log = s.Logger(c.level())
	running, err := controller.New(ctx, cfg)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; stop the program that has the port, or name another address with \"http\" or \"mqtt\" in %s", err, c.Config)
	}
	if err != nil {
		return err
	}
	web, mqtt := "http://", "tcp://"
	if cfg.TLSCertFile != "" {
		web, mqtt = "https://", "ssl://"
	}
	cfg.Log.Info("the controller listens", "page", web+running.HTTPAddr(), "broker", mqtt+running.BrokerAddr())
	if err := running.Run(ctx); err != nil {
		return err
	}
	cfg.Log.Info("the controller has ended, as it was asked to")
	return nil
}

func (c controllerCommand) level() slog.Level {
	if c.Verbose {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// checkFiles refuses what the configuration names and is not what it is named
// for.
func checkFiles(cfg controller.Config) error {
	if info, err := os.Stat(cfg.Dir); err == nil && !info.IsDir() {
		return fmt.Errorf("controller: dir %s is a file, and a directory is needed", cfg.Dir)
	}
	if cfg.TLSCertFile == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(cfg.TLSCertFile, cfg.TLSKeyFile); err != nil {
		return fmt.Errorf("controller: read tls_cert_file %s and tls_key_file %s: %w", cfg.TLSCertFile, cfg.TLSKeyFile, err)
	}
	return nil
}

// openOnlineKey opens the key that the configuration names.
func openOnlineKey(cfg *controller.Config) error {
	if cfg.OnlineKeyFile == "" || cfg.PassphraseFile == "" {
		return nil // Validate says what is missing
	}
	passphrase, err := config.Passphrase(cfg.PassphraseFile)
	if err != nil {
		return err
	}
	cfg.OnlineKey, err = config.PrivateKey(cfg.OnlineKeyFile, passphrase)
	return err
}
