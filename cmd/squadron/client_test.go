package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func TestAControllerWithTLSIsToldFromNone(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	for url, c := range map[string]struct {
		status int
		why    string
	}{
		s.URL: {exit.Unreachable, "signed by unknown authority; it is of an authority that this machine does not know: if it is yours, name its PEM file in the environment's SSL_CERT_FILE"},
		strings.Replace(s.URL, "https", "http", 1): {exit.Usage, `"Client sent an HTTP request to an HTTPS server."; use https:// in --controller or SQUADRON_CONTROLLER`},
	} {
		_, complaint := squadron(t, c.status, "devices", "list", "--controller", url)
		if !strings.Contains(complaint, c.why) || strings.Contains(complaint, "start one") {
			t.Errorf("%s: complained %q, want %q", url, complaint, c.why)
		}
	}
}

// says is a controller that gives each request its answer.
func says(t *testing.T, answers map[string]func() (status int, answer any)) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, answer := answers[r.Method+" "+r.URL.Path]()
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnOperatorWithoutATokenIsToldWhereItGoes(t *testing.T) {
	url := says(t, map[string]func() (int, any){"GET /v1/devices": func() (int, any) {
		return http.StatusUnauthorized, map[string]string{"error": "this needs the operator's token"}
	}})
	if _, complaint := squadron(t, exit.Failed, "devices", "list", "--controller", url); !strings.Contains(complaint, "set the environment's SQUADRON_TOKEN to it, or give --token") {
		t.Errorf("complained %q", complaint)
	}
}

func TestAbortingWhatIsDoneSaysHowToUndoIt(t *testing.T) {
	ran := func(versions ...string) (devices []api.RolloutDevice) {
		for _, v := range versions {
			devices = append(devices, api.RolloutDevice{Previous: v})
		}
		return devices
	}
	for next, r := range map[string]api.Rollout{
		"to undo it, start a rollout of the version before: squadron rollout start meter-reader@1.0.0\n": {Phase: rollout.Done, Devices: ran("", "0.9.0", "1.0.0", "1.0.0")},
		"its devices ran no version before, to which they could go back\n":                               {Phase: rollout.Done, Devices: ran("")},
		"does not run any more\n": {Phase: rollout.Halted, Devices: ran("1.0.0")},
	} {
		r.ID, r.Model = "20260101-000000-abcd", "meter-reader"
		url := says(t, map[string]func() (int, any){
			"POST /v1/rollouts/20260101-000000-abcd/abort": func() (int, any) {
				return http.StatusConflict, map[string]string{"error": "rollout 20260101-000000-abcd does not run any more"}
			},
			"GET /v1/rollouts/20260101-000000-abcd": func() (int, any) { return http.StatusOK, r },
		})
		if _, complaint := squadron(t, exit.Failed, "rollout", "abort", string(r.ID), "--controller", url); !strings.HasSuffix(complaint, next) {
			t.Errorf("%s: complained %q, want %q", r.Phase, complaint, next)
		}
	}
}

func TestADeviceIsRemoved(t *testing.T) {
	d := api.Device{Site: "plant-7", Device: "cam-3", LastSeen: time.Now()}
	url := says(t, map[string]func() (int, any){
		"DELETE /v1/devices/plant-7/cam-3": func() (int, any) { return http.StatusOK, d },
		"DELETE /v1/devices/plant-7/cam-4": func() (int, any) {
			return http.StatusConflict, map[string]string{"error": "plant-7/cam-4 is online"}
		},
	})
	if out, _ := squadron(t, exit.Done, "devices", "remove", "plant-7/cam-3", "--controller", url); !strings.HasPrefix(out, "Removed plant-7/cam-3, which was last seen at ") {
		t.Errorf("printed %q", out)
	}
	var gone api.Device
	out, _ := squadron(t, exit.Done, "devices", "remove", "plant-7/cam-3", "--json", "--controller", url)
	if err := json.Unmarshal([]byte(out), &gone); err != nil || gone.Name() != "plant-7/cam-3" {
		t.Errorf("printed %q, %v", out, err)
	}
	if _, complaint := squadron(t, exit.Failed, "devices", "remove", "plant-7/cam-4", "--controller", url); !strings.Contains(complaint, "remove device plant-7/cam-4: plant-7/cam-4 is online") {
		t.Errorf("complained %q", complaint)
	}
}

func TestANameThatTwoDevicesHaveIsTold(t *testing.T) {
	d := api.Device{Site: "plant-7", Device: "cam-3", Online: true, Contested: "two devices have this name"}
	url := says(t, map[string]func() (int, any){
		"GET /v1/devices":               func() (int, any) { return http.StatusOK, []api.Device{d} },
		"GET /v1/devices/plant-7/cam-3": func() (int, any) { return http.StatusOK, d },
	})
	for _, args := range [][]string{{"devices", "list"}, {"devices", "show", "plant-7/cam-3"}} {
		if out, _ := squadron(t, exit.Done, append(args, "--controller", url)...); !strings.Contains(out, "two devices have this name") {
			t.Errorf("%q printed %q", args, out)
		}
	}
}

func TestADeviceIsOverruled(t *testing.T) {
	d := api.Device{Site: "plant-7", Device: "cam-3", Desired: &wire.Desired{Generation: 9}}
	url := says(t, map[string]func() (int, any){
		"POST /v1/devices/plant-7/cam-3/overrule": func() (int, any) { return http.StatusOK, d },
		"POST /v1/devices/plant-7/cam-4/overrule": func() (int, any) {
			return http.StatusConflict, map[string]string{"error": "plant-7/cam-4 holds no order that is newer"}
		},
	})
	if out, _ := squadron(t, exit.Done, "devices", "overrule", "plant-7/cam-3", "--controller", url); out != "Ordered plant-7/cam-3 to run no model.\n" {
		t.Errorf("printed %q", out)
	}
	var got api.Device
	out, _ := squadron(t, exit.Done, "devices", "overrule", "plant-7/cam-3", "--json", "--controller", url)
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Desired.Generation != 9 {
		t.Errorf("printed %q, %v", out, err)
	}
	if _, complaint := squadron(t, exit.Failed, "devices", "overrule", "plant-7/cam-4", "--controller", url); !strings.Contains(complaint, "overrule device plant-7/cam-4: plant-7/cam-4 holds no order") {
		t.Errorf("complained %q", complaint)
	}
	squadron(t, exit.Usage, "devices", "overrule", "cam-4")
}
