package bundle_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// contents are the files of the bundle that the tests pack and attack. The two
// sevens are one object.
var contents = map[string]string{
	"golden/7-a.png":    "seven",
	"golden/7-b.png":    "seven",
	"golden/scores.f32": strings.Repeat("\x00\x00\x80\x3f", 2*3),
	"model.onnx":        strings.Repeat("weights ", 200),
}

// sample is a manifest that keeps every rule.
func sample() *bundle.Manifest {
	m := &bundle.Manifest{
		V: bundle.FormatVersion, Name: "meter-reader", Version: "1.0.0", Model: "model.onnx",
		Pipeline: bundle.Pipeline{
			Input:  bundle.Input{Width: 28, Height: 28, Color: "gray", Fit: "stretch", Scale: 1. / 255, Mean: []float32{0.5}, Std: []float32{0.5}},
			Scores: "logits", Labels: []string{"6", "7", "ätsch"}, TopK: 2,
		},
		Fits: bundle.Fits{Arch: []string{"arm64"}, Boards: []string{"tegra210"}, MinMemoryMiB: 512},
		Golden: bundle.Golden{
			Samples:      []bundle.Sample{{Path: "golden/7-a.png", Label: "7"}, {Path: "golden/7-b.png", Label: "7"}},
			MinAgreement: 0.9, Reference: "golden/scores.f32", Tolerance: 1e-3, Measured: 1,
		},
		Provenance: bundle.Provenance{By: "ada", Tool: "squadron 1", At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)},
	}
	for path, data := range contents {
		m.Files = append(m.Files, bundle.File{Path: path, Digest: bundle.DigestOf([]byte(data)), Size: int64(len(data))})
	}
	slices.SortFunc(m.Files, func(a, b bundle.File) int { return strings.Compare(a.Path, b.Path) })
	return m
}

func encoded(t testing.TB) []byte {
	t.Helper()
	data, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestManifestRoundTrip(t *testing.T) {
	data := encoded(t)
	m, err := bundle.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Encode()
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("wrote\n%s\nand after reading\n%s\n%v", data, again, err)
	}
	if f, ok := m.File("model.onnx"); !ok || f.Size != 1600 {
		t.Errorf("model.onnx: got %+v, %t", f, ok)
	}
	if _, ok := m.File("model"); ok {
		t.Error("found a file that is not there")
	}
	if n := len(m.Objects()); n != 3 {
		t.Errorf("four files, two of them equal, are %d objects", n)
	}
}

// replaced is the good manifest with other words in one place.
func replaced(t *testing.T) func(old, with string) string {
	good := string(encoded(t))
	return func(old, with string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the manifest", old)
		}
		return strings.Replace(good, old, with, 1)
	}
}

type hostile map[string]struct{ in, want string }

func (all hostile) refused(t *testing.T) {
	t.Helper()
	for attack, c := range all {
		if _, err := bundle.ParseManifest([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", attack, c.want, err)
		}
	}
}

func TestAttackDuplicateManifestKeys(t *testing.T) {
	replace := replaced(t)
	hostile{
		"a key":                 {replace(`"version":`, `"version":"9.9.9","version":`), "there twice"},
		"the subjects":          {replace(`"subject":`, `"subject":[],"subject":`), "there twice"},
		"a key of a file":       {replace(`"size_bytes":5`, `"size_bytes":5,"size_bytes":6`), "there twice"},
		"a key in another case": {replace(`"name":`, `"Name":"other","name":`), "not known"},
	}.refused(t)
}

func TestAttackHugeCounts(t *testing.T) {
	replace := replaced(t)
	hostile{
		"files":           {replace(`"subject":[`, `"subject":[`+strings.Repeat(`{},`, 20000)), "20004 files"},
		"lists in a list": {replace(`"subject":[`, `"subject":[`+strings.Repeat(`[`, 1<<19)), "subject[0]"},
		"bytes after it":  {string(encoded(t)) + strings.Repeat(" ", bundle.MaxEnvelopeSize), "more than the"},
		"bytes of a file": {replace(`"size_bytes":5`, `"size_bytes":99999999999999999999`), "read manifest"},
	}.refused(t)
}

func TestParseManifestRefusesHostileJSON(t *testing.T) {
	good, replace := string(encoded(t)), replaced(t)
	hostile{
		"another predicate":     {replace(`manifest/v1`, `slsa/v1`), "about a"},
		"another statement":     {replace(`Statement/v1`, `Statement/v0.1`), "statement"},
		"unknown key":           {replace(`"name":`, `"run":"rm","name":`), `"run" is not known`},
		"trailing data":         {good + "{}", "more after the end"},
		"truncated":             {good[:len(good)/2], "read manifest"},
		"empty":                 {"", "ends too early"},
		"null":                  {"null", "statement"},
		"size with a fraction":  {replace(`"size_bytes":5`, `"size_bytes":5.5`), "read manifest"},
		"number that overflows": {replace(`"tolerance":0.001`, `"tolerance":1e999`), "read manifest"},
		"mean that overflows":   {replace(`"mean":[0.5]`, `"mean":[1e39]`), "read manifest"},
		"not a number":          {replace(`"tolerance":0.001`, `"tolerance":NaN`), "read manifest"},
		"digest in capitals":    {replace(`"sha256":"`, `"sha256":"A`), "digest"},
		"short digest":          {replace(`"sha256":"`, `"sha256":"00`), "digest"},
		"no digest":             {replace(`"sha256":"`+bundle.DigestOf([]byte("seven")).Hex()+`"`, `"sha256":""`), "digest"},
		"NUL in a path":         {replace(`golden/7-a.png`, `golden/7\u0000a.png`), "may stand in it"},
	}.refused(t)
}

func TestAttackPathTraversal(t *testing.T) {
	for attack, path := range map[string]string{
		"absolute":          "/etc/passwd",
		"parent":            "../model.onnx",
		"parent within":     "golden/../../model.onnx",
		"parent at the end": "golden/..",
		"here":              "./model.onnx",
		"only here":         ".",
		"empty":             "",
		"empty part":        "golden//a.png",
		"folder":            "golden/",
		"backslash":         `golden\a.png`,
		"backslash parent":  `..\model.onnx`,
		"drive":             "C:model.onnx",
		"NUL":               "model.onnx\x00.png",
		"newline":           "model\n.onnx",
		"escape sequence":   "\x1b[2Jmodel.onnx",
		"another alphabet":  "mоdel.onnx",
		"not UTF-8":         "model\xff.onnx",
		"right to left":     "model\u202exnno.png",
		"too long":          strings.Repeat("a", 241),
	} {
		m := sample()
		m.Files = append([]bundle.File{{Path: path, Digest: m.Files[0].Digest, Size: m.Files[0].Size}}, m.Files...)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "path ") {
			t.Errorf("%s: want a refused path, got %v", attack, err)
		}
	}
}

func TestValidateRefusesBrokenRules(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	type edit = func(*bundle.Manifest)
	for attack, c := range map[string]struct {
		edit edit
		want string
	}{
		"another format":      {func(m *bundle.Manifest) { m.V = 2 }, "format version 2"},
		"name for a folder":   {func(m *bundle.Manifest) { m.Name = "../x" }, "name"},
		"version with a v":    {func(m *bundle.Manifest) { m.Version = "v1.0.0" }, "semantic version"},
		"no files":            {func(m *bundle.Manifest) { m.Files = nil }, "0 files"},
		"huge count of files": {func(m *bundle.Manifest) { m.Files = make([]bundle.File, 1025) }, "1025 files"},
		"unsorted files":      {func(m *bundle.Manifest) { slices.Reverse(m.Files) }, "sorted by path"},
		"same path twice":     {func(m *bundle.Manifest) { m.Files[1] = m.Files[0] }, "each once"},
		"paths that differ in case": {func(m *bundle.Manifest) {
			m.Files = append([]bundle.File{{Path: "MODEL.onnx", Digest: m.Files[3].Digest, Size: m.Files[3].Size}}, m.Files...)
		}, "differ only in case"},
		"file inside a file": {func(m *bundle.Manifest) {
			m.Files = append(m.Files, bundle.File{Path: "model.onnx/x", Digest: m.Files[3].Digest, Size: m.Files[3].Size})
		}, "which is a file"},
		"zero size":             {func(m *bundle.Manifest) { m.Files[3].Size = 0 }, "0 bytes"},
		"negative size":         {func(m *bundle.Manifest) { m.Files[3].Size = -1 }, "-1 bytes"},
		"huge size":             {func(m *bundle.Manifest) { m.Files[3].Size = bundle.MaxFileSize + 1 }, "bytes, want 1 to"},
		"two sizes of a digest": {func(m *bundle.Manifest) { m.Files[1].Size = 6 }, "5 bytes and 6 bytes"},
		"no digest":             {func(m *bundle.Manifest) { m.Files[3].Digest = bundle.Digest{} }, "no digest"},
		"model not there":       {func(m *bundle.Manifest) { m.Model = "other.onnx" }, `the model "other.onnx"`},
		"model outside":         {func(m *bundle.Manifest) { m.Model = "../model.onnx" }, "the model"},

		"no pixels":                    {func(m *bundle.Manifest) { m.Pipeline.Input.Width = 0 }, "pixels"},
		"huge input":                   {func(m *bundle.Manifest) { m.Pipeline.Input.Height = 4097 }, "pixels"},
		"unknown color":                {func(m *bundle.Manifest) { m.Pipeline.Input.Color = "cmyk" }, "color"},
		"unknown fit":                  {func(m *bundle.Manifest) { m.Pipeline.Input.Fit = "" }, "fit"},
		"unknown scores":               {func(m *bundle.Manifest) { m.Pipeline.Scores = "boxes" }, "scores"},
		"channels that miss":           {func(m *bundle.Manifest) { m.Pipeline.Input.Color = "rgb" }, "1 means and 1 stds, want 3"},
		"division by zero":             {func(m *bundle.Manifest) { m.Pipeline.Input.Std[0] = 0 }, "std of channel 0"},
		"std NaN":                      {func(m *bundle.Manifest) { m.Pipeline.Input.Std[0] = float32(nan) }, "std of channel 0"},
		"mean infinite":                {func(m *bundle.Manifest) { m.Pipeline.Input.Mean[0] = float32(inf) }, "mean of channel 0"},
		"scale zero":                   {func(m *bundle.Manifest) { m.Pipeline.Input.Scale = 0 }, "scale 0"},
		"scale infinite":               {func(m *bundle.Manifest) { m.Pipeline.Input.Scale = float32(inf) }, "scale +Inf"},
		"no labels":                    {func(m *bundle.Manifest) { m.Pipeline.Labels = nil }, "0 labels"},
		"huge count of labels":         {func(m *bundle.Manifest) { m.Pipeline.Labels = make([]string, 65537) }, "65537 labels"},
		"label twice":                  {func(m *bundle.Manifest) { m.Pipeline.Labels[0] = "7" }, "twice"},
		"label empty":                  {func(m *bundle.Manifest) { m.Pipeline.Labels[0] = "" }, "label 0: 0 bytes"},
		"label too long":               {func(m *bundle.Manifest) { m.Pipeline.Labels[0] = strings.Repeat("x", 129) }, "label 0: 129 bytes"},
		"label that clears the screen": {func(m *bundle.Manifest) { m.Pipeline.Labels[0] = "\x1b[2J" }, "cannot be shown"},
		"no answer":                    {func(m *bundle.Manifest) { m.Pipeline.TopK = 0 }, "top_k 0"},
		"more than all":                {func(m *bundle.Manifest) { m.Pipeline.TopK = 4 }, "top_k 4"},

		"board for a folder":   {func(m *bundle.Manifest) { m.Fits.Boards[0] = "../x" }, "fits"},
		"huge count of boards": {func(m *bundle.Manifest) { m.Fits.Boards = make([]string, 65) }, "65 entries"},
		"negative memory":      {func(m *bundle.Manifest) { m.Fits.MinMemoryMiB = -1 }, "min_memory_mib"},

		"sample not there":        {func(m *bundle.Manifest) { m.Golden.Samples[0].Path = "x.png" }, `the sample "x.png"`},
		"sample twice":            {func(m *bundle.Manifest) { m.Golden.Samples[1] = m.Golden.Samples[0] }, "there twice"},
		"label not there":         {func(m *bundle.Manifest) { m.Golden.Samples[0].Label = "8" }, "does not know"},
		"huge count of samples":   {func(m *bundle.Manifest) { m.Golden.Samples = make([]bundle.Sample, 513) }, "513 samples"},
		"reference not there":     {func(m *bundle.Manifest) { m.Golden.Reference = "" }, "the reference"},
		"reference too short":     {func(m *bundle.Manifest) { m.Golden.Reference = "model.onnx" }, "2 samples × 3 labels"},
		"agreement of nothing":    {func(m *bundle.Manifest) { m.Golden.MinAgreement = 0 }, "min_agreement 0"},
		"agreement above all":     {func(m *bundle.Manifest) { m.Golden.MinAgreement = 1.1 }, "min_agreement 1.1"},
		"agreement NaN":           {func(m *bundle.Manifest) { m.Golden.MinAgreement = nan }, "min_agreement NaN"},
		"any engine will do":      {func(m *bundle.Manifest) { m.Golden.Tolerance = 2 }, "tolerance 2"},
		"no engine will do":       {func(m *bundle.Manifest) { m.Golden.Tolerance = 0 }, "tolerance 0"},
		"tolerance infinite":      {func(m *bundle.Manifest) { m.Golden.Tolerance = inf }, "tolerance +Inf"},
		"tolerance NaN":           {func(m *bundle.Manifest) { m.Golden.Tolerance = nan }, "tolerance NaN"},
		"measured NaN":            {func(m *bundle.Manifest) { m.Golden.Measured = nan }, "measured_agreement NaN"},
		"failing in silence":      {func(m *bundle.Manifest) { m.Golden.Measured = 0.1 }, "allowed_failing"},
		"promise without samples": {func(m *bundle.Manifest) { m.Golden.Samples = nil }, "no samples"},

		"no tool":                           {func(m *bundle.Manifest) { m.Provenance.Tool = "" }, "tool"},
		"no date":                           {func(m *bundle.Manifest) { m.Provenance.At = time.Time{} }, "when (at)"},
		"provenance too long":               {func(m *bundle.Manifest) { m.Provenance.By = strings.Repeat("x", 1025) }, "by must be text"},
		"huge count of datasets":            {func(m *bundle.Manifest) { m.Provenance.Datasets = make([]bundle.Dataset, 65) }, "65 datasets"},
		"dataset without a name":            {func(m *bundle.Manifest) { m.Provenance.Datasets = make([]bundle.Dataset, 1) }, "has no name"},
		"parent that is none":               {func(m *bundle.Manifest) { m.Provenance.Parent = "../x@1.0.0" }, "want NAME@VERSION"},
		"digest of no report":               {func(m *bundle.Manifest) { m.Provenance.Evaluation.Digest[0] = 1 }, "needs its report's name"},
		"provenance that clears the screen": {func(m *bundle.Manifest) { m.Provenance.Datasets = []bundle.Dataset{{Name: "\x1b[2J"}} }, "dataset must be text"},
	} {
		m := sample()
		c.edit(m)
		err := m.Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", attack, c.want, err)
			continue
		}
		if len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: not one plain sentence: %q", attack, err)
		}
	}
}

func TestValidateAllowsABundleWithoutSamplesAndOneThatSaysItFails(t *testing.T) {
	m := sample()
	m.Golden = bundle.Golden{}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	m = sample()
	m.Golden.Measured, m.Golden.AllowedFailing = 0.1, true
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

func TestNamesAndVersions(t *testing.T) {
	for s, want := range map[string]bool{
		"meter-reader": true, "7_segments": true, "a": true, strings.Repeat("a", 63): true,
		"": false, strings.Repeat("a", 64): false, "-a": false, "_a": false, "A": false, "a/b": false,
		"a.b": false, "a b": false, "+": false, "a\n": false, "ä": false, "#": false,
	} {
		if err := bundle.ValidName(s); (err == nil) != want {
			t.Errorf("name %q: got %v", s, err)
		}
	}
	for s, want := range map[string]bool{
		"0.0.0": true, "1.4.0": true, "10.20.30": true, "2.0.0-rc.1": true, "1.0.0-0a.x-y": true,
		"": false, "1": false, "1.0": false, "v1.0.0": false, "01.0.0": false, "1.0.0-": false, "1.0.0-01": false,
		"1.0.0+build": false, "1.0.0-a..b": false, "1.0.0/..": false, "1.0.0\n": false, "-1.0.0": false,
		"1.0.0-" + strings.Repeat("a", 64): false,
	} {
		if err := bundle.ValidVersion(s); (err == nil) != want {
			t.Errorf("version %q: got %v", s, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(encoded(f))
	f.Add([]byte(`{"v":1,"name":"a","version":"1.0.0","files":[{"path":"../a","sha256":"","size_bytes":-1}]}`))
	f.Add([]byte(`{"v":1,"v":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := bundle.ParseManifest(data)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if n, err := bundle.ParseManifest(again); err != nil || fmt.Sprint(n) != fmt.Sprint(m) {
			t.Fatalf("read %v, written and read again %v, %v", m, n, err)
		}
	})
}

func ExampleManifest_Validate() {
	m := sample()
	m.Model = "../../bin/sh"
	fmt.Println(m.Validate())
	// Output: manifest of meter-reader 1.0.0: the model "../../bin/sh" is not among the files
}

func TestAFileHasACounterpartInAnOlderVersion(t *testing.T) {
	file := func(path, content string) bundle.File {
		return bundle.File{Path: path, Digest: bundle.DigestOf([]byte(content)), Size: int64(len(content))}
	}
	older := &bundle.Manifest{Model: "old.onnx", Files: []bundle.File{file("labels.txt", "a b"), file("old.onnx", "old"), file("same", "same")}}
	newer := &bundle.Manifest{Model: "model.onnx", Files: []bundle.File{file("added", "x"), file("labels.txt", "a b c"), file("model.onnx", "new"), file("same", "same")}}
	want := map[string]string{"model.onnx": "old.onnx", "labels.txt": "labels.txt"}
	for _, f := range newer.Files {
		if got, ok := newer.Counterpart(f, older); ok != (want[f.Path] != "") || ok && got.Path != want[f.Path] {
			t.Errorf("%s: %+v, %t", f.Path, got, ok)
		}
	}
}
