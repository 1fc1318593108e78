package main

import (
	"context"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/demo"
)

type demoCommand struct {
	Exit bool   `help:"End after the story: with 0, or with 1 if a step did not come out as told or an interrupt came first."`
	Dir  string `help:"Keep everything that is written in this folder, which must be empty or not there yet." type:"path"`
}

func (demoCommand) Help() string {
	return `Examples:

  squadron demo
  squadron demo --exit --json

Starts a controller and three devices in this process, on loopback. Publishes three versions of a model that reads a digit of a utility meter: a fair one, a good one, and a damaged one that the first device refuses by its own self-test. Then stays up and prints commands to try.`
}

func (c demoCommand) Run(ctx context.Context, s program.Streams) error {
	if err := wantEmptyFolder(c.Dir); err != nil {
		return exit.AsUsage(err)
	}
	return demo.Run(ctx, demo.Options{Out: s.Out, JSON: s.JSON, Exit: c.Exit, Dir: c.Dir})
}
