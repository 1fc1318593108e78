package main

import (
	"os"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/bucket"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// TestAnOldDatabaseTakesNoModelFromADevice puts a controller's folder back to before
// a model was published. The device goes on with both of its models, until somebody
// overrules it.
func TestAnOldDatabaseTakesNoModelFromADevice(t *testing.T) {
	o := openOffice(t)
	program := buildAgent(t)
	device := startAgent(t, program, o)
	until(t, "the device online", func() bool { return o.showsOnline(true) })
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	o.rollsOut("meter-reader@2.0.0")
	device.end()
	o.stop()
	if err := os.CopyFS(o.file("backup"), os.DirFS(o.file("controller"))); err != nil {
		t.Fatal(err)
	}

	o.start("online.key", bucket.Config{})
	device = startAgent(t, program, o)
	spare := o.pack("meter-spare", "2.0.0", "publisher.key")
	o.publishes(exit.Done, spare)
	o.rollsOut("meter-spare@2.0.0")
	device.end()
	o.stop()
	o.putBack()

	device = startAgent(t, program, o)
	until(t, "that it is given no order", func() bool { return o.fourth().Withheld != "" })
	for _, asked := range []string{"devices list", "devices show " + fourth.String()} {
		if out, _ := o.asks(exit.Done, strings.Fields(asked)...); !strings.Contains(out, "it is given none, since it wants meter-spare 2.0.0 (") ||
			!strings.Contains(out, "publish the same bundle again, and it is adopted") || !strings.Contains(out, "squadron devices overrule "+fourth.String()) {
			t.Errorf("%s printed\n%s", asked, out)
		}
	}
	o.publishes(exit.Done, spare)
	until(t, "that its order is adopted", func() bool { return o.fourth().Withheld == "" })
	o.runs("meter-reader 2.0.0, meter-spare 2.0.0")
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))
	o.rollsOut("meter-reader@2.0.0")
	o.runs("meter-reader 2.0.0, meter-spare 2.0.0")
	if _, complaint := o.asks(exit.Failed, "devices", "overrule", fourth.String()); !strings.Contains(complaint, "holds no order that is newer") {
		t.Errorf("overruled without need, it complained %q", complaint)
	}
	device.end()
	o.stop()
	o.putBack()

	device = startAgent(t, program, o)
	until(t, "that it is given no order again", func() bool { return o.fourth().Withheld != "" })
	if out, _ := o.asks(exit.Done, "devices", "overrule", fourth.String()); out != "Ordered waterworks/meter-4 to run meter-reader 2.0.0.\n" {
		t.Errorf("overrule printed %q", out)
	}
	until(t, "what the database says", func() bool { return o.running() == "meter-reader 2.0.0" })
	device.end()
}

// putBack has the controller run on its backup.
func (o *office) putBack() {
	o.t.Helper()
	if err := os.RemoveAll(o.file("controller")); err != nil {
		o.t.Fatal(err)
	}
	if err := os.CopyFS(o.file("controller"), os.DirFS(o.file("backup"))); err != nil {
		o.t.Fatal(err)
	}
	o.start("online.key", bucket.Config{})
}

func (o *office) rollsOut(release string) {
	o.t.Helper()
	o.asks(exit.Done, "rollout", "start", release, "--waves", "100%", "--wait")
}

// fourth is what the operator sees of the fourth device.
func (o *office) fourth() api.Device {
	o.t.Helper()
	for _, d := range o.devices() {
		if d.Name() == fourth.String() {
			return d
		}
	}
	return api.Device{}
}

// runs holds that the device runs what it is ordered to.
func (o *office) runs(models string) {
	o.t.Helper()
	var ordered []string
	for _, m := range o.fourth().Desired.Models {
		ordered = append(ordered, m.Name+" "+m.Version)
	}
	if got := o.running(); got != models || len(ordered) != len(o.fourth().State.Models) {
		o.t.Errorf("it runs %s, and is ordered %q; want %s", got, ordered, models)
	}
}

// running names what the device serves.
func (o *office) running() string {
	o.t.Helper()
	state := o.fourth().State
	if state == nil {
		return "nothing"
	}
	var running []string
	for _, m := range state.Models {
		if m.Phase == wire.PhaseCommitted {
			running = append(running, m.Name+" "+m.Running)
		}
	}
	return strings.Join(running, ", ")
}
