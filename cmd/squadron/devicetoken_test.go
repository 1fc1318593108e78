package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestADevicesTokenIsTheOneThatTheBrokerWants(t *testing.T) {
	const secret = "a fleet's secret, of 32 characters"
	file := filepath.Join(t.TempDir(), "controller.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"dir": "c", "trust": "t.json", "device_secret": "` + secret + `"}`)
	out, _ := squadron(t, exit.Done, "devices", "token", "plant-7/cam-3", "--config", file)
	if want := broker.Token(secret, wire.Device{Site: "plant-7", ID: "cam-3"}); out != want+"\n" {
		t.Errorf("got %q, want %q", out, want)
	}
	squadron(t, exit.Usage, "devices", "token", "cam-3", "--config", file)
	write(`{"dir": "c", "trust": "t.json"}`)
	if _, complaint := squadron(t, exit.Usage, "devices", "token", "plant-7/cam-3", "--config", file); !strings.Contains(complaint, "no device_secret") {
		t.Errorf("it complained %q", complaint)
	}
}
