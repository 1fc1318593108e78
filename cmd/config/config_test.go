package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/config"
)

type file struct {
	Broker    string          `json:"broker"`
	Serve     string          `json:"serve"`
	Probation config.Duration `json:"probation"`
}

func TestReadFillsWhatIsThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "agent.json")
	if err := os.WriteFile(name, []byte(`{"broker":"tcp://b:1883","probation":"90s"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := file{Serve: "default"}
	if err := config.Read(name, &f); err != nil || f.Broker != "tcp://b:1883" || f.Serve != "default" || time.Duration(f.Probation) != 90*time.Second {
		t.Errorf("read %+v, %v", f, err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"brokr":"x"}`:                   `unknown key "brokr": did you mean "broker"?`,
		`{"probatoin":"1s"}`:              `did you mean "probation"?`,
		"{\n\"broker\":\"x\",\n\"serve\"": "line 3",
		`{"probation":"soon"}`:            "such as 90s",
		`{"broker":7}`:                    "number",
		`[]`:                              "array",
		strings.Repeat(" ", 70_000):       "longer than 65536 bytes",
	} {
		name := filepath.Join(t.TempDir(), "agent.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var f file
		if err := config.Read(name, &f); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%.30q: got %v, want %q", text, err, want)
		}
	}
}
