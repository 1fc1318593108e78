package conformance_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/conformance"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// debianCases is where Debian's package libonnx-testdata puts the cases of ONNX.
const debianCases = "/usr/share/libonnx-testdata/data"

// document lists what is supported.
const document = "../../docs/operators.md"

func TestTheCasesOfONNX(t *testing.T) {
	if _, err := os.Stat(debianCases); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("install the package libonnx-testdata to run the cases of ONNX's own tests")
	}
	dirs, err := conformance.Find(debianCases)
	if err != nil {
		t.Fatal(err)
	}
	excused := excused(t)
	for _, e := range []kernels.Engine{reference.Engine{}, gorgonia.Engine{}} {
		t.Run(e.Name(), func(t *testing.T) {
			unsupported := map[string]bool{}
			for _, dir := range dirs {
				r := conformance.Run(t.Context(), dir, kernels.Options{Engines: []kernels.Engine{e}})
				name := filepath.Base(filepath.Dir(dir)) + "/" + r.Name
				switch r.Verdict {
				case conformance.Failed:
					t.Errorf("%s failed: %s", name, r.Why)
				case conformance.Unsupported:
					unsupported[name] = true
					if excused[name] == "" {
						t.Errorf("%s is not supported, and %s does not say why: %s", name, document, r.Why)
					}
				}
			}
			for _, name := range slices.Sorted(maps.Keys(excused)) {
				if !unsupported[name] {
					t.Errorf("%s says that %s is not supported, but it passes", document, name)
				}
			}
			if passed := len(dirs) - len(unsupported); 100*passed < 97*len(dirs) {
				t.Errorf("%d of %d cases passed, fewer than 97 %%", passed, len(dirs))
			}
		})
	}
}

var excuse = regexp.MustCompile("(?m)^\\| `([A-Za-z0-9_/-]+)` \\| (.+) \\|$")

// excused are the cases that the document says are not supported, and why.
func excused(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range excuse.FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// The document's lists of operators are those of the code.
func TestTheDocumentListsTheOperators(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	byDomain := map[string][]string{}
	for _, name := range onnx.Operators() {
		domain := "ai.onnx"
		if i := strings.LastIndex(name, "."); i >= 0 {
			domain, name = name[:i], name[i+1:]
		}
		byDomain[domain] = append(byDomain[domain], name)
	}
	for domain, names := range byDomain {
		want := fmt.Sprintf("**%s** (%d): %s.", domain, len(names), strings.Join(names, ", "))
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not have the line\n%s", document, want)
		}
	}
}
