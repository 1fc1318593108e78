package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
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
