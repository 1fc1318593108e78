// Package tegra reads what an NVIDIA Jetson tells of itself: which board it is,
// how busy its GPU is, what its rails draw, how warm it is, in which power mode.
//
// It owns where the kernels of JetPack 4 and 5 put these, and in which unit. It
// reads an fs.FS that stands for the root of the file system and nothing else:
// it starts no program and writes nothing. What a board does not tell is an
// error that says so, never a zero; where several things are read at once, what
// could be read is returned beside the error for the rest.
//
// The paths and formats are from third-party sources (the NVIDIA forums,
// jetson-stats, kernel trees), and so are the boards under testdata, written by
// hand after them. None of it has been seen on a board yet.
//
// Vocabulary: the SoC is the chip, such as "tegra210"; the SM is its GPU's
// compute capability; L4T is NVIDIA's Linux, whose version names the JetPack
// (32.7.1 is JetPack 4.6.1); a rail is one of the board's measured supplies.
//
//	root := os.DirFS("/")
//	board, err := tegra.Identify(root)
//	if errors.Is(err, tegra.ErrNotTegra) {
//		return // a PC, or another maker's board
//	}
//	percent, err := tegra.GPULoad(root)
package tegra

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
)

// ErrNotTegra says that the machine is no Jetson.
var ErrNotTegra = errors.New("not an NVIDIA Jetson")

// Board is who the machine is; what it does not tell is empty.
type Board struct {
	Model string // as it names itself; a TX2 says only "quill"
	SoC   string // such as "tegra210"
	SM    string // compute capability, such as "5.3"
	L4T   string // such as "32.7.1"
}

// computeCapability is by SoC: Nano, TX2, Xavier, Orin.
var computeCapability = map[string]string{
	"tegra210": "5.3",
	"tegra186": "6.2",
	"tegra194": "7.2",
	"tegra234": "8.7",
}

// Identify reads the device tree and the release file. It returns ErrNotTegra,
// with the model if there is one, where the device tree names no Tegra.
func Identify(root fs.FS) (Board, error) {
	var b Board
	var unnamed error
	b.Model, unnamed = read(root, "proc/device-tree/model")
	compatible, err := read(root, "proc/device-tree/compatible")
	if errors.Is(err, fs.ErrNotExist) {
		return b, fmt.Errorf("%w: the machine has no device tree", ErrNotTegra)
	}
	if err != nil {
		return b, fmt.Errorf("identify the board: %w", err)
	}
	if b.SoC = socIn(compatible); b.SoC == "" {
		return b, fmt.Errorf("%w: its device tree says %q", ErrNotTegra, strings.ReplaceAll(compatible, "\x00", ", "))
	}
	b.SM = computeCapability[b.SoC]
	b.L4T, err = release(root)
	return b, errors.Join(unnamed, err)
}

var socName = regexp.MustCompile(`^nvidia,(tegra[0-9]+)$`)

// socIn finds the chip in a NUL-separated list, most specific name first.
func socIn(compatible string) string {
	for name := range strings.SplitSeq(compatible, "\x00") {
		if m := socName.FindStringSubmatch(name); m != nil {
			return m[1]
		}
	}
	return ""
}

var releaseLine = regexp.MustCompile(`^# R([0-9]+) \(release\), REVISION: ([0-9.]+)`)

// release reads "# R32 (release), REVISION: 7.1, GCID: …" as 32.7.1.
func release(root fs.FS) (string, error) {
	const path = "etc/nv_tegra_release"
	text, err := read(root, path)
	if err != nil {
		return "", fmt.Errorf("find the L4T version: %w", err)
	}
	m := releaseLine.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("find the L4T version: /%s begins with %.80q", path, text)
	}
	return m[1] + "." + m[2], nil
}

// maxFile bounds what is read of any file here; the longest, nvpmodel.conf, has
// some 20 KiB.
const maxFile = 64 << 10

// read gives a file's text without the NUL or line end at its end. An empty file
// is an error: that is how the kernel answers for what is switched off.
func read(root fs.FS, path string) (string, error) {
	f, err := root.Open(path)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(b), "\x00\n ")
	if text == "" {
		return "", fmt.Errorf("/%s is empty", path)
	}
	return text, nil
}
