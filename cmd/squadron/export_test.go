package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	began := time.Now()
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
	if _, complaint := o.imports(program, exit.Usage, dir, o.file("meter-4"), "--device", "meter-9"); !strings.Contains(complaint, "belongs to waterworks/meter-4, and this device is waterworks/meter-9") {
		t.Errorf("with another device's config, import complained %q", complaint)
	}
	receipt, _ := o.imports(program, exit.Done, dir, o.file("meter-4"))
	if ok, err := regexp.MatchString(`^Order \d+ of `+regexp.QuoteMeta(dir)+`:\n  meter-reader 2\.0\.0, sha256:[0-9a-f]{64}: committed\n$`, receipt); !ok || err != nil {
		t.Errorf("import printed %q, %v", receipt, err)
	}
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))
	device.end()

	for _, state := range []string{"as-it-was", "never-online"} {
		receipt, progress := o.imports(program, exit.Done, dir, o.file(state), "--json")
		wantProgress(t, progress)
		var came struct {
			Generation int64
			Models     []wire.ModelState
		}
		if err := json.Unmarshal([]byte(receipt), &came); err != nil || came.Generation < 1 || len(came.Models) != 1 {
			t.Fatalf("%s: import printed %q, %v", state, receipt, err)
		}
		if m := came.Models[0]; m.Name != "meter-reader" || m.Wanted != "2.0.0" || m.WantedD.IsZero() || m.Phase != wire.PhaseCommitted {
			t.Errorf("%s: import tells of %+v", state, m)
		}
		var status struct {
			Models     []struct{ Running, Phase string }
			LastImport struct {
				At            time.Time
				Folder, Error string
				Generation    int64
			} `json:"last_import"`
		}
		b, err := exec.Command(program, "--json", "status", "--state", o.file(state)).Output()
		if err == nil {
			err = json.Unmarshal(b, &status)
		}
		if err != nil || len(status.Models) != 1 || status.Models[0].Running != "2.0.0" || status.Models[0].Phase != "committed" {
			t.Errorf("%s: %+v, %v", state, status, err)
		}
		if last := status.LastImport; last.Folder != dir || last.Generation != came.Generation || last.At.Before(began) || last.Error != "" {
			t.Errorf("%s: status tells of the last import %+v", state, last)
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

// wantProgress checks that each line is one of JSON about the model, up to its end.
func wantProgress(t *testing.T, progress string) {
	t.Helper()
	var line struct{ Msg, Model, Version, Phase string }
	for text := range strings.Lines(progress) {
		err := json.Unmarshal([]byte(text), &line)
		if err != nil || line.Msg == "" || line.Model != "meter-reader" || line.Version != "2.0.0" {
			t.Errorf("a line of the progress is %q: %v", text, err)
		}
	}
	if line.Phase != "committed" {
		t.Errorf("the progress ends with %+v", line)
	}
}

// TestADamagedStickEndsItsImport: with no network the device could not mend it, and
// the command does not go on for ever.
func TestADamagedStickEndsItsImport(t *testing.T) {
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	program := buildAgent(t)
	device := startAgent(t, program, o)
	until(t, "the device online", func() bool { return o.showsOnline(true) })
	device.kill()
	o.asks(exit.Done, "rollout", "start", "meter-reader@2.0.0", "--waves", "100%")
	whole := t.TempDir()
	o.exports("waterworks/meter-4", "--to", whole)
	o.stop()
	for damage, spoil := range map[string]struct {
		do   func(object string) error
		want string
	}{
		"missing":     {os.Remove, "no such file or directory"},
		"cut short":   {func(object string) error { return os.Truncate(object, 10) }, "has 10 bytes, want"},
		"other bytes": {func(object string) error { return flip(object) }, "they are not what was asked for"},
	} {
		t.Run(damage, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			object := largest(t, filepath.Join(dir, "sha256"))
			if err := spoil.do(object); err != nil {
				t.Fatal(err)
			}
			_, complaint := o.imports(program, exit.Failed, dir, filepath.Join(t.TempDir(), "state"))
			for _, want := range []string{object, spoil.want, "export again, with squadron export waterworks/meter-4 --to FOLDER"} {
				if !strings.Contains(complaint, want) {
					t.Errorf("it complained %q, want %q", complaint, want)
				}
			}
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

// flip changes one byte of a file.
func flip(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(name, b, 0o644)
}

// largest is the largest file of a folder.
func largest(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var size int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > size {
			name, size = filepath.Join(dir, e.Name()), info.Size()
		}
	}
	return name
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
func (o *office) imports(program string, status int, folder, state string, flags ...string) (told, progress string) {
	o.t.Helper()
	cmd := exec.Command(program, append([]string{"import", folder, "--config", o.file("meter-4.json"), "--trust", o.file("trust/root.json"),
		"--state", state, "--controller", o.url, "--broker", "tcp://" + o.broker}, flags...)...)
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
	return out.String(), complaint.String()
}
