package labelled_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/squadron/labelled"
)

func directory(t *testing.T, list string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(files, labelled.List) {
		body := ""
		if name == labelled.List {
			body = list
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadKeepsTheListsOrder(t *testing.T) {
	dir := directory(t, "file,label\nb.png,7\na.png,\"half, full\"\n", "a.png", "b.png")
	got, err := labelled.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Label != "7" || got[1].Label != "half, full" || got[1].File != filepath.Join(dir, "a.png") {
		t.Errorf("got %+v", got)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ list, says string }{
		"no header":        {"a.png,1\n", "first line"},
		"a way out":        {"file,label\n../a.png,1\n", "plain name"},
		"an absolute path": {"file,label\n/etc/passwd,1\n", "plain name"},
		"a picture twice":  {"file,label\na.png,1\na.png,2\n", "twice"},
		"no label":         {"file,label\na.png,\n", "no label"},
		"no picture":       {"file,label\n", "no picture"},
		"a missing file":   {"file,label\nz.png,1\n", "line 2"},
		"three columns":    {"file,label\na.png,1,2\n", "line 2"},
	} {
		_, err := labelled.Read(directory(t, c.list, "a.png"))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
	if _, err := labelled.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), labelled.List) {
		t.Errorf("a directory without a list: got %v", err)
	}
}
