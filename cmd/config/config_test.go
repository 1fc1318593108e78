package config_test

import (
	"errors"
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
	Reserve   int64           `json:"reserve_mib"`
	Insecure  bool            `json:"insecure_http"`
	Input     struct {
		Width int       `json:"width"`
		Mean  []float32 `json:"mean"`
	} `json:"input"`
	Local string `json:"-"`
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

func TestASecretIsReadFromAFileThatNobodyElseOpens(t *testing.T) {
	name := filepath.Join(t.TempDir(), "secret.json")
	for mode, want := range map[os.FileMode]string{0o600: "", 0o400: "", 0o640: "chmod 600", 0o604: "chmod 600"} {
		if err := errors.Join(os.RemoveAll(name), os.WriteFile(name, []byte(`{"broker":"a secret"}`), mode)); err != nil {
			t.Fatal(err)
		}
		var f file
		err := config.ReadPrivate(name, &f)
		if (err == nil) != (want == "") || (f.Broker == "") != (want != "") {
			t.Errorf("%s: read %q, %v", mode, f.Broker, err)
		}
		if err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name)) {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if err := config.ReadPrivate(filepath.Join(t.TempDir(), "none"), new(file)); err == nil || !strings.Contains(err.Error(), "none: no such file") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"brokr":"x"}`:                    `unknown key "brokr": did you mean "broker"?`,
		`{"probatoin":"1s"}`:               `did you mean "probation"?`,
		"{\n\"broker\":\"x\",\n\"serve\"":  "line 3",
		`{"-":"x"}`:                        `unknown key "-": did you mean `,
		`{"Broker":"x"}`:                   `unknown key "Broker": did you mean "broker"?`,
		`{"input":{"widht":2}}`:            `unknown key "widht": did you mean "width"?`,
		`{"broker":"x","broker":"y"}`:      `the key "broker" is there twice`,
		`{"broker":"x","br\u006fker":"y"}`: `the key "broker" is there twice`,
		`{"input":{"width":1,"width":2}}`:  `input: the key "width" is there twice`,
		`{"broker":"x"} {"broker":"y"}`:    "line 1: invalid character '{' after top-level value",
		"{\"broker\":\"x\"}\nx":            "line 2: ",
		"{\"broker\":\"\xff\"}":            "not UTF-8",
		`{"probation":"soon"}`:             `key "probation": duration "soon": want a number with a unit, such as 90s`,
		`{"probation":90}`:                 `key "probation": want text in quotes, got a number`,
		`{"broker":7}`:                     `key "broker": want text in quotes, got a number`,
		`{"broker":{"a":1}}`:               `key "broker": want text in quotes, got an object`,
		`{"reserve_mib":1.5}`:              `key "reserve_mib": want a whole number, got a number 1.5`,
		`{"insecure_http":"yes"}`:          `key "insecure_http": want true or false, got text`,
		`{"input":{"mean":0.5}}`:           `key "input.mean": want a list in brackets, got a number`,
		`[]`:                               `the document: "["`,
		``:                                 "line 1: unexpected end",
		strings.Repeat(" ", 1_100_000):     "longer than 1048576 bytes",
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

func TestADirectoryOrAFileOfAnotherKindIsNamed(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "picture.png")
	if err := os.WriteFile(other, []byte("\x89PNG\r\n\x1a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file string
		read func(string) error
		want string
	}{
		{dir, func(f string) error { return config.Read(f, new(file)) }, "read " + dir + ": is a directory"},
		{dir, root, "read trusted root " + dir + ": is a directory"},
		{filepath.Join(dir, "none"), privateKey, "none: no such file or directory"},
		{other, root, other + ": read root.json: the text is not UTF-8 (squadron keys init writes a good one, as root.json)"},
		{other, privateKey, other + ": read private key: the text is not UTF-8"},
	} {
		if err := c.read(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func root(file string) error {
	_, err := config.Root(file)
	return err
}

func privateKey(file string) error {
	_, err := config.PrivateKey(file, []byte("a passphrase"))
	return err
}
