package bundle

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

const (
	maxNameLength    = 63
	maxVersionLength = 63
	maxPathLength    = 240
)

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	pathPattern = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)
	// Semantic Versioning 2.0.0, clauses 2 and 9, without build metadata: two
	// versions that differ only in that have no order.
	versionPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?$`)
)

// ValidName refuses what cannot name a model: a name is 1 to 63 of a-z, 0-9,
// '-' and '_', starting with a letter or digit, so that it can stand in a URL,
// a topic and a file name.
func ValidName(s string) error {
	if len(s) > maxNameLength || !namePattern.MatchString(s) {
		return fmt.Errorf("name %.80q: want 1 to %d of a-z, 0-9, - and _, a letter or digit first", s, maxNameLength)
	}
	return nil
}

// ValidVersion refuses what is not a semantic version of at most 63
// characters, such as 1.4.0 or 2.0.0-rc.1: without a leading v and without
// build metadata.
func ValidVersion(s string) error {
	if len(s) > maxVersionLength || !versionPattern.MatchString(s) {
		return fmt.Errorf("version %.80q: want a semantic version such as 1.4.0 or 2.0.0-rc.1", s)
	}
	return nil
}

// validPath refuses what could lead out of a folder, or to different files on
// different systems.
func validPath(s string) error {
	switch {
	case len(s) > maxPathLength:
		return fmt.Errorf("path %.80q…: %d characters, at most %d are allowed", s, len(s), maxPathLength)
	case strings.HasPrefix(s, "/"):
		return fmt.Errorf("path %q: it starts at the root, it must stay inside the bundle", s)
	case s == "." || !fs.ValidPath(s):
		return fmt.Errorf("path %q: it must be clean, without empty parts, . or .., and stay inside the bundle", s)
	case !pathPattern.MatchString(s):
		return fmt.Errorf("path %q: only a-z, A-Z, 0-9, '.', '_', '-' and '/' may stand in it", s)
	}
	return nil
}
