package main

import (
	"context"
	"log/slog"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/web"
)

type controllerCommand struct {
	Config string `required:"" help:"Configuration, JSON (see below)." type:"existingfile"`
}

func (controllerCommand) Help() string {
	return `Example:

  squadron controller --config controller.json

with a controller.json of

  {"dir": "/var/lib/squadron-controller", "trust": "/etc/squadron/trust.json"}

Further keys: "http" (` + controller.DefaultHTTP + `), "mqtt" (` + controller.DefaultMQTT + `), "operator_token" (at least 16 characters) and "device_secret" (at least 32, of chance; squadron devices token derives each device's token from it), both needed to listen beyond loopback, "tls_cert_file" and "tls_key_file" (PEM; both ports then speak TLS only), "device_deadline_seconds" (1800).`
}

func (c controllerCommand) Run(ctx context.Context, s streams) error {
	var cfg controller.Config
	if err := config.Read(c.Config, &cfg); err != nil {
		return exit.AsUsage(err)
	}
	if err := cfg.Validate(); err != nil {
		return exit.AsUsage(err)
	}
	cfg.Page = web.Handler()
	cfg.Log = s.logger()
	running, err := controller.New(ctx, cfg)
	if err != nil {
		return err
	}
	web, mqtt := "http://", "tcp://"
	if cfg.TLSCertFile != "" {
		web, mqtt = "https://", "ssl://"
	}
	cfg.Log.Info("the controller listens", "page", web+running.HTTPAddr(), "broker", mqtt+running.BrokerAddr())
	return running.Run(ctx)
}

// logger writes for people, or JSON lines, to the error stream.
func (s streams) logger() *slog.Logger {
	if s.json {
		return slog.New(slog.NewJSONHandler(s.err, nil))
	}
	return slog.New(slog.NewTextHandler(s.err, nil))
}
