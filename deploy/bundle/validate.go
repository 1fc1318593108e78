package bundle

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds that only validation needs.
const (
	maxSide       = 4096 // pixels of the model's input, each way
	maxText       = 1024 // bytes of a provenance field
	maxLabel      = 128  // bytes of a label
	maxFits       = 64   // boards or architectures
	maxMemoryMiB  = 1 << 20
	scoreSize     = 4 // bytes of a float32 in the reference file
	maxTolerance  = 1
	grayChannels  = 1
	colorChannels = 3
)

// Validate refuses a manifest that breaks any rule of the format, with one
// sentence that names the rule.
func (m *Manifest) Validate() error {
	if m.V != FormatVersion {
		return fmt.Errorf("manifest: format version %d, this program reads %d", m.V, FormatVersion)
	}
	if err := ValidName(m.Name); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := ValidVersion(m.Version); err != nil {
		return fmt.Errorf("manifest of %s: %w", m.Name, err)
	}
	for _, check := range []func() error{
		m.checkFiles, m.checkModel, m.Pipeline.check, m.Fits.check, m.checkGolden, m.Provenance.check,
	} {
		if err := check(); err != nil {
			return fmt.Errorf("manifest of %s %s: %w", m.Name, m.Version, err)
		}
	}
	return nil
}

func (m *Manifest) checkFiles() error {
	if n := len(m.Files); n == 0 || n > MaxFiles {
		return fmt.Errorf("%d files, want 1 to %d", n, MaxFiles)
	}
	sizes, spelled := map[Digest]int64{}, map[string]string{}
	for i, f := range m.Files {
		if err := f.check(); err != nil {
			return err
		}
		if i > 0 && f.Path <= m.Files[i-1].Path {
			return fmt.Errorf("file %q stands after %q: files must be sorted by path, each once", f.Path, m.Files[i-1].Path)
		}
		if size, known := sizes[f.Digest]; known && size != f.Size {
			return fmt.Errorf("file %q: %s is said to have %d bytes and %d bytes", f.Path, f.Digest.Short(), size, f.Size)
		}
		if other, taken := spelled[strings.ToLower(f.Path)]; taken {
			return fmt.Errorf("files %q and %q differ only in case", other, f.Path)
		}
		sizes[f.Digest], spelled[strings.ToLower(f.Path)] = f.Size, f.Path
	}
	return checkFolders(spelled)
}

// checkFolders refuses a path that is a file and a folder at once.
func checkFolders(spelled map[string]string) error {
	for lower, path := range spelled {
		for i, c := range lower {
			if file, taken := spelled[lower[:i]]; c == '/' && taken {
				return fmt.Errorf("file %q lies inside %q, which is a file", path, file)
			}
		}
	}
	return nil
}

func (f File) check() error {
	if err := validPath(f.Path); err != nil {
		return err
	}
	if f.Digest.IsZero() {
		return fmt.Errorf("file %q: it has no digest", f.Path)
	}
	if f.Size <= 0 || f.Size > MaxFileSize {
		return fmt.Errorf("file %q: %d bytes, want 1 to %d", f.Path, f.Size, int64(MaxFileSize))
	}
	return nil
}

func (m *Manifest) checkModel() error {
	if _, ok := m.File(m.Model); !ok {
		return fmt.Errorf("the model %q is not among the files", m.Model)
	}
	return nil
}

func (p *Pipeline) check() error {
	if err := p.Input.check(); err != nil {
		return fmt.Errorf("pipeline input: %w", err)
	}
	if p.Scores != "logits" && p.Scores != "probabilities" {
		return fmt.Errorf(`pipeline: scores %.40q, want "logits" or "probabilities"`, p.Scores)
	}
	if err := checkLabels(p.Labels); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	if p.TopK < 1 || p.TopK > len(p.Labels) {
		return fmt.Errorf("pipeline: top_k %d, want 1 to the number of labels, %d", p.TopK, len(p.Labels))
	}
	return nil
}

func checkLabels(labels []string) error {
	if n := len(labels); n == 0 || n > MaxLabels {
		return fmt.Errorf("%d labels, want 1 to %d", n, MaxLabels)
	}
	seen := make(map[string]bool, len(labels))
	for i, l := range labels {
		switch {
		case l == "" || len(l) > maxLabel:
			return fmt.Errorf("label %d: %d bytes, want 1 to %d", i, len(l), maxLabel)
		case !printable(l):
			return fmt.Errorf("label %d %q: it holds characters that cannot be shown", i, l)
		case seen[l]:
			return fmt.Errorf("label %q is there twice", l)
		}
		seen[l] = true
	}
	return nil
}

func (in *Input) check() error {
	if in.Width < 1 || in.Width > maxSide || in.Height < 1 || in.Height > maxSide {
		return fmt.Errorf("%d×%d pixels, want 1 to %d each way", in.Width, in.Height, maxSide)
	}
	if in.Fit != "stretch" && in.Fit != "crop" {
		return fmt.Errorf(`fit %.40q, want "stretch" or "crop"`, in.Fit)
	}
	channels := map[string]int{"gray": grayChannels, "rgb": colorChannels, "bgr": colorChannels}[in.Color]
	if channels == 0 {
		return fmt.Errorf(`color %.40q, want "gray", "rgb" or "bgr"`, in.Color)
	}
	if len(in.Mean) != channels || len(in.Std) != channels {
		return fmt.Errorf("%d means and %d stds, want %d of each for %s", len(in.Mean), len(in.Std), channels, in.Color)
	}
	if !positive(float64(in.Scale)) {
		return fmt.Errorf("scale %v, want a number above 0", in.Scale)
	}
	for c := range channels {
		if !finite(float64(in.Mean[c])) {
			return fmt.Errorf("mean of channel %d is %v, want a number", c, in.Mean[c])
		}
		if !positive(float64(in.Std[c])) {
			return fmt.Errorf("std of channel %d is %v, want a number above 0", c, in.Std[c])
		}
	}
	return nil
}

func (f *Fits) check() error {
	for _, list := range [][]string{f.Arch, f.Boards} {
		if len(list) > maxFits {
			return fmt.Errorf("fits: %d entries in a list, at most %d are allowed", len(list), maxFits)
		}
		for _, s := range list {
			if err := ValidName(s); err != nil {
				return fmt.Errorf("fits: %w", err)
			}
		}
	}
	if f.MinMemoryMiB < 0 || f.MinMemoryMiB > maxMemoryMiB {
		return fmt.Errorf("fits: min_memory_mib %d, want 0 to %d", f.MinMemoryMiB, maxMemoryMiB)
	}
	return nil
}

func (m *Manifest) checkGolden() error {
	g := &m.Golden
	if len(g.Samples) == 0 {
		if g.Reference != "" || g.MinAgreement != 0 || g.Tolerance != 0 || g.Measured != 0 || g.AllowedFailing {
			return errors.New("golden: it promises results but has no samples")
		}
		return nil
	}
	if n := len(g.Samples); n > MaxGoldenSamples {
		return fmt.Errorf("golden: %d samples, at most %d are allowed", n, MaxGoldenSamples)
	}
	if err := m.checkSamples(); err != nil {
		return fmt.Errorf("golden: %w", err)
	}
	if err := g.checkNumbers(); err != nil {
		return fmt.Errorf("golden: %w", err)
	}
	return nil
}

func (m *Manifest) checkSamples() error {
	labels := make(map[string]bool, len(m.Pipeline.Labels))
	for _, l := range m.Pipeline.Labels {
		labels[l] = true
	}
	seen := make(map[string]bool, len(m.Golden.Samples))
	for _, s := range m.Golden.Samples {
		switch _, ok := m.File(s.Path); {
		case !ok:
			return fmt.Errorf("the sample %.250q is not among the files", s.Path)
		case seen[s.Path]:
			return fmt.Errorf("the sample %q is there twice", s.Path)
		case !labels[s.Label]:
			return fmt.Errorf("the sample %q has the label %.130q, which the pipeline does not know", s.Path, s.Label)
		}
		seen[s.Path] = true
	}
	f, ok := m.File(m.Golden.Reference)
	if !ok {
		return fmt.Errorf("the reference %.250q is not among the files", m.Golden.Reference)
	}
	if want := int64(len(m.Golden.Samples)) * int64(len(m.Pipeline.Labels)) * scoreSize; f.Size != want {
		return fmt.Errorf("the reference %q has %d bytes, want %d samples × %d labels × %d bytes = %d",
			f.Path, f.Size, len(m.Golden.Samples), len(m.Pipeline.Labels), scoreSize, want)
	}
	return nil
}

func (g *Golden) checkNumbers() error {
	switch {
	case !positive(g.MinAgreement) || g.MinAgreement > 1:
		return fmt.Errorf("min_agreement %v, want above 0 and at most 1", g.MinAgreement)
	case !positive(g.Tolerance) || g.Tolerance > maxTolerance:
		return fmt.Errorf("tolerance %v, want above 0 and at most %d", g.Tolerance, maxTolerance)
	case !finite(g.Measured) || g.Measured < 0 || g.Measured > 1:
		return fmt.Errorf("measured_agreement %v, want 0 to 1", g.Measured)
	case g.Measured < g.MinAgreement && !g.AllowedFailing:
		return fmt.Errorf("measured_agreement %v is below min_agreement %v, and allowed_failing does not say that this was meant", g.Measured, g.MinAgreement)
	}
	return nil
}

// File finds a file by its path.
func (m *Manifest) File(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(m.Files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return File{}, false
	}
	return m.Files[i], true
}

// Objects lists what has to be carried: the files in the manifest's order, but
// of those with the same digest only the first.
func (m *Manifest) Objects() []File {
	var objects []File
	seen := make(map[Digest]bool, len(m.Files))
	for _, f := range m.Files {
		if !seen[f.Digest] {
			objects = append(objects, f)
		}
		seen[f.Digest] = true
	}
	return objects
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func positive(x float64) bool { return finite(x) && x > 0 }
