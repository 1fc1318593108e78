package demo

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Try is one command that a person can give while the demo stays up.
type Try struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

// invite prints complete commands to try.
func invite(n *narrator, f *fleet, kept bool) error {
	fate := "its folder goes with the demo's"
	if kept {
		fate = "its folder stays, in " + f.dir
	}
	config, err := f.writeFourth()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(f.controller.BrokerAddr())
	if err != nil {
		return err
	}
	n.begin("try", "The fleet stays up until you press Ctrl-C. Try it, in the project's folder:")
	for _, t := range []Try{
		{"the page", f.url() + "/"},
		{"what the fleet says, as it says it", "mosquitto_sub -h " + host + " -p " + port + " -t 'squadron/v1/#' -v"},
		{"the fleet as a table", "SQUADRON_CONTROLLER=" + f.url() + " go run ./cmd/squadron devices list"},
		{"a fourth device, as a process of its own (end it before the demo: " + fate + ")", "go run ./cmd/squadron-agent run --config " + config +
			" --trust " + f.trustFile() + " --state " + stateOf(f.dir, fourth) +
			" --controller " + f.url() + " --broker " + f.brokerURL()},
	} {
		n.say(t, "%s:\n            %s", t.What, t.Command)
	}
	return n.err()
}

// fourth is a device that has no part in the story.
var fourth = wire.Device{Site: site, ID: "meter-4"}

// farewell tells whoever tried the fourth device that its folder goes, under a
// process that may still run.
func farewell(n *narrator, dir string) {
	state := stateOf(dir, fourth)
	if _, err := os.Stat(state); err == nil {
		n.say(nil, "The demo removes its folder, with what %s wrote to %s: end that device too if it still runs.", fourth, state)
	}
}

// writeFourth writes the configuration of a device that may join.
func (f *fleet) writeFourth() (string, error) {
	config, err := json.MarshalIndent(map[string]string{
		"site": string(site), "device": string(fourth.ID), "token": broker.Token(f.secret, fourth), "serve": "127.0.0.1:0",
		"shadow": shadow.String(), "probation": probation.String(), "telemetry_interval": telemetry.String(),
	}, "", "  ")
	if err != nil {
		return "", err
	}
	file := filepath.Join(f.dir, "meter-4.json")
	return file, os.WriteFile(file, append(config, '\n'), 0o600)
}
