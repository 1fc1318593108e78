package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

type devicesTokenCommand struct {
	Device string `arg:"" help:"The device, as SITE/DEVICE."`
	Config string `required:"" help:"The controller's configuration, which has the device_secret." type:"existingfile"`
}

func (devicesTokenCommand) Help() string {
	return `Example, on the controller's machine:

  squadron devices token plant-7/cam-3 --config controller.json

Prints the "token" for the device's agent.json. It is derived from the device_secret, so that nothing is stored, and lets nobody be another device. Whoever changes the device_secret gives every device a new token.`
}

func (c devicesTokenCommand) Run(_ context.Context, s program.Streams) error {
	name, err := wire.ParseDevice(c.Device)
	if err != nil {
		return exit.AsUsage(err)
	}
	var cfg controller.Config
	if err := config.Read(c.Config, &cfg); err != nil {
		return exit.AsUsage(err)
	}
	if cfg.DeviceSecret == "" {
		return exit.AsUsage(errors.New(c.Config + " has no device_secret: devices need no token there"))
	}
	token := broker.Token(cfg.DeviceSecret, name)
	return s.Print(struct {
		Device string `json:"device"`
		Token  string `json:"token"`
	}{name.String(), token}, func(w io.Writer) { fmt.Fprintln(w, token) })
}
