package stick

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// aStick is an empty one.
func aStick(t *testing.T) folder {
	t.Helper()
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// plant puts a file of the attacker's, or a link or pipe, onto the stick.
func plant(t *testing.T, f folder, name string, put func(place string) error) {
	t.Helper()
	place := f.place(name)
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := put(place); err != nil {
		t.Fatal(err)
	}
}

func linkTo(target string) func(string) error {
	return func(place string) error { return os.Symlink(target, place) }
}

func pipe(place string) error { return syscall.Mkfifo(place, 0o600) }

// theOperators is a file at the operator's home.
func theOperators(t *testing.T, name string) (place string) {
	t.Helper()
	place = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(place, []byte("the operator's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	return place
}

func wantFile(t *testing.T, place, content string) {
	t.Helper()
	info, err := os.Lstat(place)
	if err != nil || !info.Mode().IsRegular() {
		t.Fatalf("%s is %v, %v", place, info, err)
	}
	if b, err := os.ReadFile(place); err != nil || string(b) != content {
		t.Errorf("%s holds %q, %v, want %q", place, b, err, content)
	}
}

// A link or a pipe in a file's place is replaced; one where a file is written
// before it is whole is not even met. The operator's file stays as it was.
func TestAttackExportMeetsALinkOrAPipe(t *testing.T) {
	const name = "tuf/timestamp.json"
	keys := theOperators(t, "authorized_keys")
	for attack, put := range map[string]func(string) error{
		"a link out of the stick": linkTo(keys),
		"a link within it":        linkTo("snapshot.json"),
		"a pipe":                  pipe,
	} {
		for _, at := range []string{name, name + partial} {
			t.Run(attack+" at "+filepath.Base(at), func(t *testing.T) {
				f := aStick(t)
				plant(t, f, "tuf/snapshot.json", func(place string) error { return os.WriteFile(place, []byte("snapshot"), 0o644) })
				plant(t, f, at, put)
				if err := f.write(name, []byte("timestamp")); err != nil {
					t.Fatal(err)
				}
				wantFile(t, f.place(name), "timestamp")
				wantFile(t, f.place("tuf/snapshot.json"), "snapshot")
				wantFile(t, keys, "the operator's own")
			})
		}
	}
}

// A link or a file in a folder's place is refused by its name, also one that
// leads to another folder of the stick.
func TestAttackExportMeetsALinkInAFoldersPlace(t *testing.T) {
	targets := theOperators(t, "targets.json")
	for attack, put := range map[string]func(string) error{
		"a link out of the stick": linkTo(filepath.Dir(targets)),
		"a link within it":        linkTo("elsewhere"),
		"a pipe":                  pipe,
		"a file":                  func(place string) error { return os.WriteFile(place, nil, 0o644) },
	} {
		for dir, name := range map[string]string{"tuf": "tuf/targets.json", "sha256": "sha256/targets.json", "orders": "orders/plant-7/targets.json", "orders/plant-7": "orders/plant-7/targets.json"} {
			f := aStick(t)
			plant(t, f, dir, put)
			plant(t, f, filepath.Dir(dir)+"/elsewhere", func(place string) error { return os.Mkdir(place, 0o755) })
			if err := f.write(name, []byte("theirs")); err == nil || !strings.Contains(err.Error(), f.place(dir)+" is a link or a file") {
				t.Errorf("%s at %s: %v", attack, dir, err)
			}
			if left, err := os.ReadDir(f.place(filepath.Dir(dir) + "/elsewhere")); err != nil || len(left) > 0 {
				t.Errorf("%s at %s: it wrote %v, %v", attack, dir, left, err)
			}
			wantFile(t, targets, "the operator's own")
		}
	}
}

// What is no plain file is not there: it is neither waited for nor read.
func TestAttackExportAsksAPipeForAnObject(t *testing.T) {
	object := bundle.File{Path: "model.onnx", Digest: bundle.DigestOf([]byte("model")), Size: 5}
	for attack, put := range map[string]func(string) error{"a pipe": pipe, "a link": linkTo("other"), "a folder": func(place string) error { return os.Mkdir(place, 0o755) }} {
		f := aStick(t)
		plant(t, f, "sha256/other", func(place string) error { return os.WriteFile(place, []byte("model"), 0o644) })
		plant(t, f, "sha256/object", put)
		if f.has("sha256/object", object) {
			t.Errorf("%s is taken for an object", attack)
		}
		if !f.has("sha256/other", object) {
			t.Errorf("%s: an object is not found", attack)
		}
	}
}

// What a stick that was pulled out too early left does not fill it.
func TestHalvesOfFilesAreTakenAway(t *testing.T) {
	f := aStick(t)
	plant(t, f, "sha256/object.HALF"+partial, func(place string) error { return os.WriteFile(place, bytes.Repeat([]byte{1}, 99), 0o644) })
	if err := f.write("sha256/object", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(f.place("sha256")); err != nil || len(left) != 1 {
		t.Errorf("there are %v, %v", left, err)
	}
}
