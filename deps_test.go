package squadron_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/squadron-edge/squadron"

// listed is what `go list -json` tells of one package.
type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	Deps       []string
	GoFiles    []string
	CgoFiles   []string
}

// room is the package's path below the module, such as "agent/slot".
func (p listed) room() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func (p listed) files() []string { return slices.Concat(p.GoFiles, p.CgoFiles) }

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,Deps,GoFiles,CgoFiles", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the packages: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("read the list of packages: %v", err)
		}
		all = append(all, p)
	}
}

// within reports whether room is dir or lies below it.
func within(room, dir string) bool { return room == dir || strings.HasPrefix(room, dir+"/") }

// bans hold the directions between our own rooms, through any number of steps.
var bans = []struct{ from, to, why string }{
	{"agent", "controller", "a device must build, run and be reasoned about without the fleet's side"},
	{"controller", "agent", "the fleet's side knows a device by its messages only"},
	{"agent", "kernels/cuda", "cmd picks the engines, so that an agent can be built and tested with any"},
	{"agent", "kernels/gorgonia", "cmd picks the engines, so that an agent can be built and tested with any"},
	{"controller", "kernels", "a controller judges models by what devices report, and never runs one"},
	{"deploy", "agent", "both sides agree on deploy; it takes no side"},
	{"deploy", "controller", "both sides agree on deploy; it takes no side"},
	{"deploy", "kernels", "a bundle is bytes and promises; what it computes is the engines' concern"},
	{"deploy", "arm64", "formats do not depend on a board"},
	{"kernels", "agent", "kernels is a library that stands alone"},
	{"kernels", "controller", "kernels is a library that stands alone"},
	{"kernels", "deploy", "kernels is a library that stands alone"},
	{"kernels", "arm64", "kernels is a library that stands alone"},
	{"arm64", "agent", "the board's facts are read by whoever needs them"},
	{"arm64", "controller", "the board's facts are read by whoever needs them"},
	{"arm64", "deploy", "the board's facts are read by whoever needs them"},
	{"arm64", "kernels", "the board's facts are read by whoever needs them"},
	{"agent", "cmd", "cmd wires; nobody wires cmd"},
	{"controller", "cmd", "cmd wires; nobody wires cmd"},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		for _, b := range bans {
			if !within(p.room(), b.from) {
				continue
			}
			for _, dep := range p.Deps {
				if within(strings.TrimPrefix(dep, module+"/"), b.to) {
					t.Errorf("%s depends on %s: %s", p.room(), dep, b.why)
				}
			}
		}
	}
}

// soleImporters names, for a library with a reach of its own, the rooms that
// may import it.
var soleImporters = []struct {
	library string
	rooms   []string
	why     string
}{
	{"github.com/eclipse/paho.mqtt.golang", []string{"deploy/link"}, "its callbacks, tokens and defaults need one careful owner"},
	{"github.com/hashicorp/go-getter", []string{"agent/fetch"}, "its faults are fenced in one place"},
	{"github.com/shirou/gopsutil", []string{"agent/telemetry"}, "what a machine tells of itself is read in one place"},
	{"gorgonia.org", []string{"kernels/gorgonia", "cmd/train-digits"},
		"the engine executes plans with it; the trainer needs its automatic differentiation, which no engine has, and ships with nobody"},
	{"github.com/theupdateframework/go-tuf", []string{"deploy/trust"}, "who may say what is judged in one place"},
	{"github.com/sigstore", []string{"deploy/trust"}, "who may say what is judged in one place"},
	{"github.com/mochi-mqtt/server", []string{"controller/broker"}, "the embedded broker may be replaced"},
	{"modernc.org/sqlite", []string{"controller/store"}, "the database may be replaced"},
	{"github.com/minio/minio-go", []string{"controller/bucket"}, "a store is the controller's affair; a device follows a redirect"},
	{"github.com/klauspost/compress", []string{"deploy/delta"}, "a device's bounds on it are set in one place"},
	{"github.com/yalue/onnxruntime_go", []string{"kernels/kerneltest/onnxruntime"}, "the oracle is for tests, and ships with nobody"},
	{"github.com/alecthomas/kong", []string{"cmd"}, "cmd alone knows flags"},
}

func TestEachLibraryHasItsRoom(t *testing.T) {
	for _, p := range packages(t) {
		for _, s := range soleImporters {
			allowed := slices.ContainsFunc(s.rooms, func(r string) bool { return within(p.room(), r) })
			for _, imp := range p.Imports {
				if within(imp, s.library) && !allowed {
					t.Errorf("%s imports %s, which only %v may: %s", p.room(), imp, s.rooms, s.why)
				}
			}
		}
	}
}

// pure lists the cores: values in, values out.
var pure = []string{"kernels/tensor", "kernels/ir", "agent/update", "controller/rollout", "controller/adopt", "deploy/trust", "deploy/delta"}

// impure is what a core may not import: with it, the same input could give two
// results, or a test would need a machine around it.
var impure = []string{"os", "net", "math/rand", "log", "runtime", "sync", "syscall", "io/fs", "unsafe"}

func TestCoresArePure(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.room()) {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "unsafe" && p.room() == "kernels/tensor" {
				continue // it lays elements over bytes
			}
			if slices.ContainsFunc(impure, func(b string) bool { return within(imp, b) }) {
				t.Errorf("%s imports %s: a core takes what it needs as values", p.room(), imp)
			}
		}
		for _, name := range p.files() {
			inspectPurity(t, filepath.Join(p.Dir, name))
		}
	}
}

func inspectPurity(t *testing.T, file string) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: a core starts no goroutine", set.Position(n.Pos()))
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker"}, n.Sel.Name) {
				t.Errorf("%s: a core is told the time", set.Position(n.Pos()))
			}
		}
		return true
	})
}

func TestEachPackageHasExactlyOneDoc(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.files()) == 0 {
			continue // the root holds only this test
		}
		var docs []string
		for _, name := range p.files() {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				docs = append(docs, name)
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s has %d package docs %v, want one", p.ImportPath, len(docs), docs)
		}
	}
}

func TestNoRoomIsNamedForNothing(t *testing.T) {
	for _, p := range packages(t) {
		for _, part := range strings.Split(p.room(), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "pkg", "mocks", "misc"}, part) {
				t.Errorf("%s: name a package for what it owns", p.ImportPath)
			}
		}
	}
}
