package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
)

// TestAModelIsRemovedAndComesBack, on a device of its own process, and is not
// removed from one whose owner pinned it.
func TestAModelIsRemovedAndComesBack(t *testing.T) {
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	program := buildAgent(t)
	device := startAgent(t, program, o)
	until(t, "the device online", func() bool { return o.showsOnline(true) })
	start := []string{"rollout", "start", "meter-reader@2.0.0", "--waves", "100%", "--wait"}
	remove := []string{"rollout", "remove", "meter-reader", "--waves", "100%"}
	o.asks(exit.Done, start...)
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))

	out, _ := o.asks(exit.Done, remove...)
	for _, want := range []string{"which takes meter-reader off the devices that have it (1), started: wave 1 of 1: 1 device ordered to remove meter-reader", "Undo it: squadron rollout abort ", "squadron rollout start meter-reader@2.0.0 once"} {
		if !strings.Contains(out, want) {
			t.Errorf("it printed %q, want %q", out, want)
		}
	}
	until(t, "the device without its model", func() bool {
		d := o.devices()[0]
		return d.State != nil && (len(d.State.Models) == 0 || d.State.Models[0].Running == "")
	})
	until(t, "the removal done", func() bool {
		out, _ := o.asks(exit.Done, "rollout", "status")
		return strings.Contains(out, "(removal)") && strings.Contains(out, "done: meter-reader is removed from 1 device")
	})
	if _, complaint := o.asks(exit.Failed, remove...); !strings.Contains(complaint, "remove meter-reader from its devices: there is nothing to remove") {
		t.Errorf("once more, it complained %q", complaint)
	}
	o.asks(exit.Done, start...)
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))

	device.end()
	device = startAgent(t, program, o, `"pin": {"model": "meter-reader", "reason": "it counts the holidays", "until": "2099-12-24"}`)
	out, _ = o.asks(exit.Failed, append(remove, "--wait", "--json")...)
	var r api.Rollout
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Removes || r.Failed > 0 || !strings.Contains(r.Why, "every device that could be ordered is pinned: waterworks/meter-4") {
		t.Errorf("of a pinned model it printed %q, %v", out, err)
	}
	wantReading(t, device.addr, o.file("samples/pictures/000.png"))
}
