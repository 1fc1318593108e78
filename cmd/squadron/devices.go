package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/wire"
)

type devicesCommand struct {
	List devicesListCommand `cmd:"" help:"List the fleet: what runs, on which engine, and why."`
	Show devicesShowCommand `cmd:"" help:"Show everything known of one device."`

	Remove devicesRemoveCommand `cmd:"" help:"Forget a device that is gone for good."`

	Overrule devicesOverruleCommand `cmd:"" help:"Order a device as the database says, though it holds a newer order."`

	Token devicesTokenCommand `cmd:"" help:"Print the token that a device needs to connect."`
}

type devicesListCommand struct{ controllerFlags }

func (devicesListCommand) Help() string {
	return "Example:\n\n  SQUADRON_CONTROLLER=http://127.0.0.1:8080 squadron devices list"
}

func (c devicesListCommand) Run(ctx context.Context, s program.Streams) error {
	list, err := c.client().Devices(ctx)
	if err != nil {
		return remote(fmt.Errorf("list devices: %w", err), "")
	}
	return s.Print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "No device has connected yet. Next, on a device: squadron-agent run (its --help has an example).")
			return
		}
		row := table(w, "DEVICE", "LINK", "MODEL", "RUNNING", "WANTED", "PHASE", "ENGINE", "P95", "WHY")
		for _, d := range list {
			for _, m := range modelsOf(d) {
				row(d.Name(), linkOf(d), textOr(m.Name, "-"), textOr(m.Running, "-"), textOr(m.Wanted, "-"),
					textOr(string(m.Phase), "-"), textOr(m.Engine, "-"), p95Of(d, m.Name), whyOf(d, m))
			}
		}
		row()
	})
}

// modelsOf is what a device says of its models; one empty one if it has none,
// so that it still has a line.
func modelsOf(d api.Device) []wire.ModelState {
	switch {
	case d.State == nil:
		return []wire.ModelState{{Why: "it has not said anything yet"}}
	case len(d.State.Models) == 0:
		return []wire.ModelState{{Why: d.State.Why}}
	}
	return d.State.Models
}

// whyOf is a model's sentence, after that of a name that two devices have, and that
// of a device which is given no order.
func whyOf(d api.Device, m wire.ModelState) string {
	why := m.Why
	if d.Withheld != "" {
		why = "it " + d.Withheld + "; " + why
	}
	if d.Contested != "" {
		why = d.Contested + "; " + why
	}
	return why
}

func linkOf(d api.Device) string {
	if d.Online {
		return "online"
	}
	return "offline since " + d.LastSeen.Local().Format(time.DateTime)
}

func p95Of(d api.Device, model string) string {
	if d.Telemetry != nil {
		for _, m := range d.Telemetry.Models {
			if m.Name == model && m.P95ms > 0 {
				return fmt.Sprintf("%.2f ms", m.P95ms)
			}
		}
	}
	return "-"
}

type devicesShowCommand struct {
	controllerFlags
	Device deviceName `arg:"" name:"site/device" help:"The device, such as plant-7/cam-3."`
}

func (devicesShowCommand) Help() string { return "Example:\n\n  squadron devices show plant-7/cam-3" }

func (c devicesShowCommand) Run(ctx context.Context, s program.Streams) error {
	name := wire.Device(c.Device)
	d, err := c.client().Device(ctx, name)
	if err != nil {
		return remote(fmt.Errorf("show device %s: %w", name, err), "squadron devices list")
	}
	return s.Print(d, func(w io.Writer) { tellDevice(w, d) })
}

func tellDevice(w io.Writer, d api.Device) {
	fmt.Fprintf(w, "%s is %s\n", d.Name(), linkOf(d))
	if d.Contested != "" {
		fmt.Fprintf(w, "name     %s\n", d.Contested)
	}
	if d.Withheld != "" {
		fmt.Fprintf(w, "order    it %s\n", d.Withheld)
	}
	if i := d.Info; i != nil {
		fmt.Fprintf(w, "board    %s %s, %d MiB, agent %s, serves at %s\n", i.Board, i.Arch, i.MemoryMiB, i.Agent, i.Serve)
		for _, note := range i.Config {
			fmt.Fprintf(w, "note     %s\n", note)
		}
		for _, e := range i.Engines {
			fmt.Fprintf(w, "engine   %s: %s\n", e.Engine, e.Why)
		}
	}
	for _, m := range modelsOf(d) {
		fmt.Fprintf(w, "model    %s runs %s, wants %s: %s\n", textOr(m.Name, "-"), textOr(m.Running, "nothing"), textOr(m.Wanted, "nothing"), m.Why)
		if !m.Digest.IsZero() {
			fmt.Fprintf(w, "         made of: squadron bundles show %s\n", m.Digest.Short())
		}
		if m.Engine != "" {
			fmt.Fprintf(w, "         on %s: %s\n", m.Engine, m.EngineWhy)
		}
	}
	if t := d.Telemetry; t != nil {
		fmt.Fprintf(w, "load     CPU %.0f %%, %d MiB of memory free, %d MiB of disk free\n", t.CPUPercent, t.MemoryFreeMiB, t.DiskFreeMiB)
		for _, m := range t.Models {
			fmt.Fprintf(w, "answers  %s %s: %d, %d errors, p50 %.2f p95 %.2f p99 %.2f ms\n", m.Name, m.Version, m.Inferences, m.Errors, m.P50ms, m.P95ms, m.P99ms)
		}
	}
	for _, e := range d.Events {
		fmt.Fprintf(w, "%s  %-12s %s\n", e.At.Local().Format(time.DateTime), e.Kind, e.Text)
	}
}

type devicesRemoveCommand struct {
	controllerFlags
	Device deviceName `arg:"" name:"site/device" help:"The device, such as plant-7/cam-3."`
}

func (devicesRemoveCommand) Help() string {
	return `Example:

  squadron devices remove plant-7/cam-3

The controller forgets it with its events, and no rollout counts it any more. That is refused while it is online, or has a part in a rollout that runs. Should it connect again, it is a device that was never heard of, keeps what it was ordered before, and is ordered to run what its site runs beside that: a stolen one needs more (docs/operating.md).`
}

func (c devicesRemoveCommand) Run(ctx context.Context, s program.Streams) error {
	name := wire.Device(c.Device)
	d, err := c.client().RemoveDevice(ctx, name)
	if err != nil {
		return remote(fmt.Errorf("remove device %s: %w", name, err), "squadron devices list")
	}
	return s.Print(d, func(w io.Writer) {
		fmt.Fprintf(w, "Removed %s, which was last seen at %s.\n", d.Name(), d.LastSeen.Local().Format(time.DateTime))
	})
}

type devicesOverruleCommand struct {
	controllerFlags
	Device deviceName `arg:"" name:"site/device" help:"The device, such as plant-7/cam-3."`
}

// Help is shown by squadron devices overrule --help.
func (devicesOverruleCommand) Help() string {
	return `Example:

  squadron devices overrule plant-7/cam-3

It is for a controller whose database was put back to an older one. A device that holds a newer order than the database knows is ordered nothing by mere ignorance: what it wants is taken over, or, while a bundle of it is not published here, it is given no order at all, as squadron devices show says. Publishing that same bundle again mends it. Where the bundle is lost, or unwanted, this command orders the device what the database says: models that it does not know of are withdrawn. Refused for any other device: squadron rollout start has those run another version.`
}

// Run orders the device, and tells what.
func (c devicesOverruleCommand) Run(ctx context.Context, s program.Streams) error {
	name := wire.Device(c.Device)
	d, err := c.client().Overrule(ctx, name)
	if err != nil {
		return remote(fmt.Errorf("overrule device %s: %w", name, err), "squadron devices list")
	}
	return s.Print(d, func(w io.Writer) {
		var models []string
		for _, m := range d.Desired.Models {
			models = append(models, m.Name+" "+m.Version)
		}
		fmt.Fprintf(w, "Ordered %s to run %s.\n", d.Name(), textOr(strings.Join(models, ", "), "no model"))
	})
}
