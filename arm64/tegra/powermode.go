package tegra

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// PowerMode is the name of nvpmodel's current mode, such as "MAXN" or "5W", or
// "mode 3" where nothing names it. It says what limits the clocks.
func PowerMode(root fs.FS) (string, error) {
	const path = "var/lib/nvpmodel/status"
	status, err := read(root, path)
	if err != nil {
		return "", fmt.Errorf("read the power mode: %w", err)
	}
	digits, ok := strings.CutPrefix(status, "pmode:")
	id, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return "", fmt.Errorf("read the power mode: /%s holds %.40q", path, status)
	}
	names, err := read(root, "etc/nvpmodel.conf")
	if err != nil {
		return fmt.Sprintf("mode %d", id), nil // the number is the answer, the name a comfort
	}
	return modeName(names, id), nil
}

var modeLine = regexp.MustCompile(`(?m)^\s*<\s*POWER_MODEL\s+ID=([0-9]+)\s+NAME=(\S+)\s*>`)

// modeName finds "< POWER_MODEL ID=0 NAME=MAXN >".
func modeName(conf string, id int) string {
	for _, m := range modeLine.FindAllStringSubmatch(conf, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil && n == id {
			return m[2]
		}
	}
	return fmt.Sprintf("mode %d", id)
}
