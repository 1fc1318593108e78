package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"

	"github.com/alecthomas/kong"
)

// existing reads a path of something that must be there, so that a slip in a
// path ends before the command begins.
func existing(is func(path string, info fs.FileInfo) error) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var path string
		if err := ctx.Scan.PopValueInto("path", &path); err != nil {
			return err
		}
		expanded := kong.ExpandPath(path)
		info, err := os.Stat(expanded)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: no such file or directory", path)
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", path, errors.Unwrap(err))
		}
		if err := is(path, info); err != nil {
			return err
		}
		if target.Kind() == reflect.Slice { // one of several
			target.Set(reflect.Append(target, reflect.ValueOf(expanded)))
			return nil
		}
		target.SetString(expanded)
		return nil
	}
}

func isFile(path string, info fs.FileInfo) error {
	if info.IsDir() {
		return fmt.Errorf("%s is a directory, and a file is needed", path)
	}
	return nil
}

func isFolder(path string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("%s is a file, and a directory is needed", path)
	}
	return nil
}
