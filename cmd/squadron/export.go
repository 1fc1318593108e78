package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/stick"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// exportCommand fills a folder for devices that no network reaches.
type exportCommand struct {
	controllerFlags
	Devices []deviceName `arg:"" optional:"" name:"site/device" help:"The devices, such as plant-7/cam-3."`
	Sites   sites        `placeholder:"LIST" help:"All devices of these sites that were ordered to run something."`
	To      string       `type:"existingdir" required:"" placeholder:"DIR" help:"The folder to fill, such as where a USB stick is mounted."`
}

// Help is shown by squadron export --help.
func (exportCommand) Help() string {
	return `Example, for a site that no network reaches:

  squadron rollout start meter-reader@2.0.0 --sites plant-7
  squadron export --sites plant-7 --to /media/stick
  squadron-agent import /media/stick …          # on each of its devices

What the devices were ordered to run is written, each file once and whole: models, the fleet's trust,
and a signed order for each device. Nothing on it is secret, and a device believes no more of it than of
the controller. The fleet's trust has a date: a stick is good until then, and exported again after it.
Files that it has are not copied again. With --sites, orders on it for devices of those sites that were
removed (squadron devices remove) are taken off.`
}

// Run asks the controller which devices there are, and fills the folder.
func (c exportCommand) Run(ctx context.Context, s program.Streams) error {
	if len(c.Devices) == 0 && len(c.Sites) == 0 {
		return exit.AsUsage(errors.New("export: name devices, such as plant-7/cam-3, or sites with --sites"))
	}
	client := c.client()
	devices, known, err := c.devices(ctx, client)
	if err != nil {
		return remote(err, "squadron devices list")
	}
	tell := func(sentence string) {
		if !s.JSON {
			fmt.Fprintln(s.Err, sentence)
		}
	}
	filled, err := stick.Stick{Dir: c.To, From: client, Tell: tell, Known: known}.Fill(ctx, devices, time.Now())
	if err != nil {
		return remote(err, "squadron devices list")
	}
	return s.Print(filled, func(w io.Writer) { tellFilled(w, filled) })
}

// devices are those that were named, and those of the named sites with an order;
// known are all of those sites.
func (c exportCommand) devices(ctx context.Context, client *api.Client) (devices []wire.Device, known map[wire.SiteID][]wire.DeviceID, err error) {
	seen := map[wire.Device]bool{}
	add := func(d wire.Device) {
		if !seen[d] {
			devices, seen[d] = append(devices, d), true
		}
	}
	for _, d := range c.Devices {
		add(wire.Device(d))
	}
	if len(c.Sites) == 0 {
		return devices, nil, nil
	}
	fleet, err := client.Devices(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("export: list devices: %w", err)
	}
	known = map[wire.SiteID][]wire.DeviceID{}
	for _, site := range c.Sites {
		before := len(devices)
		for _, d := range fleet {
			if d.Site != site {
				continue
			}
			known[site] = append(known[site], d.Device)
			if d.Desired != nil {
				add(wire.Device{Site: d.Site, ID: d.Device})
			}
		}
		if len(devices) == before {
			return nil, nil, fmt.Errorf("export: no device of site %s was ordered to run anything: squadron rollout start does that", site)
		}
	}
	return devices, known, nil
}

func tellFilled(w io.Writer, f stick.Filled) {
	fmt.Fprintf(w, "%s holds the orders of %s, and %s (%.1f MiB, %.1f MiB of it new).\n", f.Dir,
		strings.Join(f.Devices, ", "), textOr(strings.Join(f.Models, ", "), "no model"), float64(f.Bytes)/(1<<20), float64(f.Copied)/(1<<20))
	if len(f.Gone) > 0 {
		fmt.Fprintf(w, "The orders of %s were taken off it: the controller does not know these devices any more.\n", strings.Join(f.Gone, ", "))
	}
	fmt.Fprintf(w, "Devices believe it until %s. Next, on each device: squadron-agent import %s (its --help has an example).\n",
		f.Until.Local().Format(time.DateTime), f.Dir)
}
