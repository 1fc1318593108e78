package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/squadron/stick"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestAStickBringsAModelWhereNoNetworkLeads: the device was online once, and was
// ordered to run 2.0.0 when it was not. A stick brings it, to the agent that runs
// and to one that does not, with no controller anywhere.
func TestAStickBringsAModelWhereNoNetworkLeads(t *testing.T) {
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	program := buildAgent(t)
	device := startAgent(t, program, o)
	until(t, "the device online", func() bool { return o.showsOnline(true) })
	device.kill()
	until(t, "the device offline", func() bool { return o.showsOnline(false) })
	o.asks(exit.Done, "rollout", "start", "meter-reader@2.0.0", "--waves", "100%")

	dir := t.TempDir()
	out, progress := o.asks(exit.Done, "export", "waterworks/meter-4", "--to", dir)
	if !strings.Contains(out, "meter-reader@2.0.0") || !strings.Contains(out, "Next, on each device: squadron-agent import "+dir) || !strings.Contains(progress, "copies model.onnx") {
		t.Errorf("export printed %q, and %q meanwhile", out, progress)
	}
	again := o.exports("--sites", "waterworks", "--to", dir)
	if again.Copied != 0 || again.Bytes == 0 || len(again.Devices) != 1 || again.Until.Before(time.Now().Add(24*time.Hour)) {
		t.Errorf("exported again, it is %+v", again)
	}
	o.stop()

	if err := os.CopyFS(o.file("as-it-was"), os.DirFS(o.file("meter-4"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.file("as-it-was/incoming"), 0o700); err != nil {
		t.Fatal(err)
	}
	device = startAgent(t, program, o)
	o.imports(program, exit.Done, dir, o.file("meter-4"))
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))
	device.end()

	for _, state := range []string{"as-it-was", "never-online"} {
		o.imports(program, exit.Done, dir, o.file(state))
		var status struct {
			Models []struct{ Running, Phase string }
		}
		b, err := exec.Command(program, "--json", "status", "--state", o.file(state)).Output()
		if err == nil {
			err = json.Unmarshal(b, &status)
		}
		if err != nil || len(status.Models) != 1 || status.Models[0].Running != "2.0.0" || status.Models[0].Phase != "committed" {
			t.Errorf("%s: %+v, %v", state, status, err)
		}
	}
}

// TestTheOrderOfARemovedDeviceLeavesTheStick when its site is exported whole, and
// nothing else does.
func TestTheOrderOfARemovedDeviceLeavesTheStick(t *testing.T) {
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	o.hears(wire.Device{Site: "waterworks", ID: "meter-4"}, wire.Device{Site: "waterworks", ID: "meter-5"})
	o.asks(exit.Done, "rollout", "start", "meter-reader@2.0.0", "--waves", "100%")
	o.asks(exit.Done, "rollout", "abort", string(listedRollouts(o)[0].ID))

	dir := t.TempDir()
	orders := filepath.Join(dir, "orders", "waterworks")
	o.exports("--sites", "waterworks", "--to", dir)
	others, err := os.ReadFile(filepath.Join(orders, "meter-4"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"meter-6": others, "readme": []byte("Mind the step."), "notes.txt": others} {
		if err := os.WriteFile(filepath.Join(orders, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.asks(exit.Done, "devices", "remove", "waterworks/meter-5")
	wantEntries := func(when string, want ...string) {
		t.Helper()
		var names []string
		entries, err := os.ReadDir(orders)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s, the stick has the orders %v, %v, want %v", when, names, err, want)
		}
	}
	if out, _ := o.asks(exit.Done, "export", "waterworks/meter-4", "--to", dir); strings.Contains(out, "taken off") {
		t.Errorf("of one device it printed %q", out)
	}
	wantEntries("after an export of one device", "meter-4", "meter-5", "meter-6", "notes.txt", "readme")
	out, _ := o.asks(exit.Done, "export", "--sites", "waterworks", "--to", dir)
	if !strings.Contains(out, "The orders of waterworks/meter-5 were taken off it: the controller does not know these devices any more.\n") {
		t.Errorf("of the site it printed %q", out)
	}
	wantEntries("after an export of the site", "meter-4", "meter-6", "notes.txt", "readme")
}

// hears has the controller know devices that are away.
func (o *office) hears(devices ...wire.Device) {
	o.t.Helper()
	for _, d := range devices {
		l, err := link.New(link.Options{Broker: "tcp://" + o.broker, ClientID: d.String(), Username: d.String()})
		if err != nil {
			o.t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(o.t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		if c := <-l.Changes(); !c.Up {
			o.t.Fatal(c.Err)
		}
		b, err := wire.Encode(wire.Online{Boot: "b", Why: "It is away."})
		if err == nil {
			err = l.Publish(ctx, d.Topic(wire.KindOnline), 1, true, b)
		}
		cancel()
		if err = errors.Join(err, <-ended); err != nil {
			o.t.Fatal(err)
		}
		until(o.t, d.String()+" known", func() bool {
			return slices.ContainsFunc(o.devices(), func(known api.Device) bool { return known.Name() == d.String() })
		})
	}
}

// listedRollouts are the newest, newest first.
func listedRollouts(o *office) (all []api.Rollout) {
	o.t.Helper()
	out, _ := o.asks(exit.Done, "rollout", "status", "--json")
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		o.t.Fatalf("squadron rollout status --json printed %q: %v", out, err)
	}
	return all
}

// TestWhatCannotBeExportedIsSaid: each with what to do.
func TestWhatCannotBeExportedIsSaid(t *testing.T) {
	o := openOffice(t)
	dir := t.TempDir()
	for _, c := range []struct {
		status int
		args   string
		want   string
	}{
		{exit.Usage, "export --to " + dir, "name devices, such as plant-7/cam-3, or sites with --sites"},
		{exit.Failed, "export plant-7/cam-3 --to " + dir, "nobody has ordered anything of it: squadron rollout start does"},
		{exit.Failed, "export --sites plant-7 --to " + dir, "no device of site plant-7 was ordered to run anything"},
		{exit.Usage, "export plant-7/cam-3 --to " + filepath.Join(dir, "missing"), "missing"},
		{exit.Usage, "export cam-3 --to " + dir, "cam-3"},
	} {
		if out, complaint := o.asks(c.status, strings.Fields(c.args)...); !strings.Contains(complaint, c.want) || out != "" {
			t.Errorf("%s printed %q and complained %q, want %q", c.args, out, complaint, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// exports runs squadron export --json.
func (o *office) exports(args ...string) (f stick.Filled) {
	o.t.Helper()
	out, _ := o.asks(exit.Done, append([]string{"export", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		o.t.Fatalf("squadron export --json printed %q: %v", out, err)
	}
	return f
}

// imports runs squadron-agent import as the fourth device.
func (o *office) imports(program string, status int, folder, state string) string {
	o.t.Helper()
	cmd := exec.Command(program, "import", folder, "--config", o.file("meter-4.json"), "--trust", o.file("trust/root.json"),
		"--state", state, "--controller", o.url, "--broker", "tcp://"+o.broker)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if ended := new(exec.ExitError); err != nil && !errors.As(err, &ended) {
		o.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		o.t.Fatalf("import ended with %d, want %d: %s%s", got, status, &out, &complaint)
	}
	o.t.Logf("import: %s%s", &complaint, &out)
	return out.String()
}
