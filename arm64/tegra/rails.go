package tegra

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Rails is the power that each measured supply draws, in mW, by the board's name
// for it. The names differ from board to board, and so do the indices: the
// names are read, the indices only lead to them. A 2 GB Nano measures none.
func Rails(root fs.FS) (map[string]int, error) {
	rails := map[string]int{}
	err := errors.Join(railsByIIO(root, rails), railsByHwmon(root, rails))
	if len(rails) == 0 && err == nil {
		return nil, errors.New("the board has no power monitor (INA3221)")
	}
	return rails, err
}

// railsByIIO reads JetPack 4's driver, which gives milliwatts.
func railsByIIO(root fs.FS, rails map[string]int) error {
	return eachRail(root, "sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*", func(p, name string) error {
		dir, index, _ := strings.Cut(p, "rail_name_")
		mw, err := number(root, dir+"in_power"+index+"_input")
		if err == nil {
			rails[name] = mw
		}
		return err
	})
}

// railsByHwmon reads JetPack 5's, which gives millivolts and milliamperes. A
// label without a current is no rail but a sum over some.
func railsByHwmon(root fs.FS, rails map[string]int) error {
	return eachRail(root, "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in*_label", func(p, name string) error {
		at := strings.LastIndex(p, "/in")
		dir, index := p[:at+1], strings.TrimSuffix(p[at+len("/in"):], "_label")
		ma, err := number(root, dir+"curr"+index+"_input")
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		mv, err := number(root, dir+"in"+index+"_input")
		if err == nil {
			rails[name] = mv * ma / 1000
		}
		return err
	})
}

// eachRail visits the rails that are connected, and names those that fail.
func eachRail(root fs.FS, pattern string, visit func(path, name string) error) error {
	paths, err := fs.Glob(root, pattern)
	if err != nil {
		return fmt.Errorf("look for power rails: %w", err)
	}
	var failed error
	for _, p := range paths {
		name, err := read(root, p)
		if err == nil && name == "NC" {
			continue
		}
		if err == nil {
			err = visit(p, name)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("read power rail %s: %w", name, err))
		}
	}
	return failed
}

// number reads a file that holds one decimal number.
func number(root fs.FS, path string) (int, error) {
	text, err := read(root, path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("/%s holds %.20q, not a number", path, text)
	}
	return n, nil
}
