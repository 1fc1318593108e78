package main

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/bucket"
)

// Keys of which one lies elsewhere change all of the folder, or nothing: half of
// a rotation would be an online key that may sign and not order.
func TestAKeyThatIsMissingLeavesTheOwnersFolderAsItWas(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(founded(t))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SQUADRON_PASSPHRASE_FILE", filepath.Join(dir, "passphrase"))
	folder := filepath.Join(dir, "trust")
	elsewhere := filepath.Join(t.TempDir(), "targets.key")
	if err := os.Rename(filepath.Join(folder, "keys", "targets.key"), elsewhere); err != nil {
		t.Fatal(err)
	}
	before := contents(t, folder)
	for _, command := range [][]string{{"rotate", "online"}, {"renew"}} {
		args := append([]string{"keys"}, append(command, "--dir", folder)...)
		if _, complaint := squadron(t, exit.Failed, args...); !strings.Contains(complaint, "sign targets.json: it takes 1 of its keys") {
			t.Errorf("keys %v complained %q", command, complaint)
		}
		if after := contents(t, folder); !maps.Equal(before, after) {
			t.Errorf("keys %v left %v", command, slices.Sorted(maps.Keys(after)))
		}
	}
	// With the key at hand it goes on from there.
	squadron(t, exit.Done, "keys", "rotate", "online", "--dir", folder, "--with-key", elsewhere)
}

// A push of a new online key says what comes before it, and whoever does that has
// a controller that signs with the new key.
func TestANewOnlineKeyTakesOverByTheStepsThatAreTold(t *testing.T) {
	o := openOffice(t)
	squadron(t, exit.Done, "keys", "rotate", "online", "--dir", o.file("trust"))
	_, complaint := o.asks(exit.Failed, "keys", "push", "--dir", o.file("trust"))
	steps := regexp.MustCompile(`root 2 names the online key [0-9a-f]{12}, and the controller signs with [0-9a-f]{12}, which it cannot change while it runs; nothing was sent; next: ` +
		`copy \S*/trust/keys/online-2\.key to the controller's machine; copy .*\*\.root\.json and .*targets\.json into the folder that its configuration names as trust, .*; ` +
		`set online_key_file .*; restart the controller, .*; run squadron keys push, .*\n$`)
	if !steps.MatchString(complaint) {
		t.Errorf("keys push complained %q", complaint)
	}
	o.stop()
	o.start("online-2.key", bucket.Config{})
	if out, _ := o.asks(exit.Done, "keys", "push", "--dir", o.file("trust")); out != "The controller has all of it already.\n" {
		t.Errorf("after the steps keys push printed %q", out)
	}
}

// What the owner decided and did not push is told, file by file, until it is.
func TestKeysStatusSaysWhatWasNotPushed(t *testing.T) {
	o := openOffice(t)
	dir := o.file("trust")
	wants := func(when string, root, targets thereState, told ...string) {
		t.Helper()
		out, _ := o.asks(exit.Done, "keys", "status", "--dir", dir)
		for _, line := range told {
			if !strings.Contains(out, line) {
				t.Errorf("%s: it printed %q, want %q", when, out, line)
			}
		}
		if len(told) == 0 && regexp.MustCompile("PUSHED|OUTDATED|ANOTHER").MatchString(out) {
			t.Errorf("%s: it printed %q", when, out)
		}
		out, _ = o.asks(exit.Done, "keys", "status", "--dir", dir, "--json")
		var status trustStatus
		if err := json.Unmarshal([]byte(out), &status); err != nil || status.Root.There == nil || status.Targets.There == nil {
			t.Fatalf("%s: keys status --json printed %q, %v", when, out, err)
		}
		if status.Root.There.State != root || status.Targets.There.State != targets {
			t.Errorf("%s: root.json %+v, targets.json %+v", when, *status.Root.There, *status.Targets.There)
		}
	}
	push := "Next: squadron keys push --dir " + dir + " --controller " + o.url + "\n"
	wants("founded", pushed, pushed)
	before := o.file("before")
	if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	squadron(t, exit.Done, "keys", "delegate", "bob", "--models", "gauge-*", "--public", o.key("publisher.key.pub"), "--dir", dir)
	wants("delegated", pushed, unpushed, "\n  NOT PUSHED: the controller has version 1. "+push)
	squadron(t, exit.Done, "keys", "rotate", "root", "--dir", dir)
	wants("rotated", unpushed, unpushed, "root.json 2, ", "\n  NOT PUSHED: the controller has version 1. "+push+"targets.json 2, ")
	o.asks(exit.Done, "keys", "push", "--dir", dir)
	wants("pushed", pushed, pushed)
	squadron(t, exit.Done, "keys", "rotate", "online", "--dir", dir)
	wants("another online key", unpushed, unpushed, "  NOT PUSHED: the controller has version 2. Next:\n  1. copy "+o.key("online-3.key")+" to the controller")

	dir = before
	wants("an older copy", outdated, outdated, "OUTDATED: the controller has version 2")
	squadron(t, exit.Done, "keys", "delegate", "carol", "--models", "gate", "--public", o.key("publisher.key.pub"), "--dir", dir)
	wants("a copy that went another way", outdated, apart, "ANOTHER FILE: the controller has a version 2 too")
}

func TestKeysStatusSaysUntilWhenAPublisherIsBelieved(t *testing.T) {
	o := openOffice(t)
	status := func(more ...string) string {
		t.Helper()
		out, _ := squadron(t, exit.Done, append([]string{"keys", "status", "--dir", o.file("trust")}, more...)...)
		return out
	}
	line := regexp.MustCompile(`(?m)^publisher .*$`)
	if got := line.FindString(status("--controller", o.url)); regexp.MustCompile(`\d-\d\d-\d\d`).MatchString(got) {
		t.Errorf("before it signed anything: %q", got)
	}
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	next := strconv.Itoa(time.Now().UTC().Add(365 * 24 * time.Hour).Year())
	for _, got := range []string{line.FindString(status()), line.FindString(status("--controller", o.url))} {
		if !strings.Contains(got, next+"-") {
			t.Errorf("the publisher is shown as %q", got)
		}
	}
	if got := (roleStatus{Expires: new(time.Date(2027, 1, 20, 0, 0, 0, 0, time.UTC))}).until(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); got != "2027-01-20: soon; publish again" {
		t.Errorf("nineteen days before: %q", got)
	}
	squadron(t, exit.Unreachable, "keys", "status", "--dir", o.file("trust"), "--controller", "http://127.0.0.1:1")
}

// contents are a folder's files.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
