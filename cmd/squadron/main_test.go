package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squadron-edge/squadron/cmd/scripttest"
	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/deploy/trust"
)

func TestMain(m *testing.M) {
	testscript.Main(cleaning{m}, map[string]func(){"squadron": main})
}

// cleaning removes what the tests share, once all have run.
type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	status := c.M.Run()
	if err := os.RemoveAll(founding.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

const passphrase = "a passphrase of the tests"

var founding struct {
	once sync.Once
	dir  string
	err  error
}

// founded is a folder with a fleet's owner in trust/ and the passphrase in a
// file, made once: sealing its keys costs seconds under the race detector.
func founded(t testing.TB) string {
	t.Helper()
	founding.once.Do(func() {
		founding.dir, founding.err = os.MkdirTemp("", "squadron-founded-")
		if founding.err != nil {
			return
		}
		f := owner.Folder{
			Dir: filepath.Join(founding.dir, "trust"), Passphrase: func(string) ([]byte, error) { return []byte(passphrase), nil },
		}
		founding.err = errors.Join(
			os.WriteFile(filepath.Join(founding.dir, "passphrase"), []byte(passphrase+"\n"), 0o600),
			f.Init(owner.Founding{RootKeys: 3, Threshold: 2, Publisher: "publisher", Models: []trust.Pattern{"meter-*"}}, time.Now().UTC()))
	})
	if founding.err != nil {
		t.Fatal(founding.err)
	}
	return founding.dir
}

// TestScripts runs the program as its users do: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	scripttest.Run(t, founded(t), scripts...)
}

// squadron runs a command in this process, which must end with the status, and
// gives what it printed and what it complained of.
func squadron(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	if got := self.Run(t.Context(), new(commands), args, &out, &complaints); got != status {
		t.Fatalf("squadron %q: exit status %d, want %d\n%s%s", args, got, status, &out, &complaints)
	}
	return out.String(), complaints.String()
}
