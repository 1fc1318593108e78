package delta

import (
	"fmt"
	"math"
	"slices"
)

// File is one of the two versions, at the publisher.
type File struct {
	Data []byte
	// Regions are the places of the file's tensors, in ascending order and apart.
	// None is a file of which nothing is known.
	Regions []Region
}

// Region is a run of elements. The base's and the target's region of one key
// are taken for two versions of the same tensor if they are equally long.
type Region struct {
	Key         string
	Offset      int64
	Length      int64
	ElementSize int // bytes: 1, 2, 4 or 8
}

// check refuses regions that are not of the file.
func (f File) check() error {
	end := int64(0)
	for i, r := range f.Regions {
		switch {
		case !slices.Contains([]int{1, 2, 4, 8}, r.ElementSize):
			return fmt.Errorf("region %d (%.80q) has elements of %d bytes, want 1, 2, 4 or 8", i, r.Key, r.ElementSize)
		case r.Offset < end:
			return fmt.Errorf("region %d (%.80q) begins at %d, before the end of the one before it at %d", i, r.Key, r.Offset, end)
		case r.Length < 0 || r.Length > math.MaxInt64-r.Offset || r.Offset+r.Length > int64(len(f.Data)):
			return fmt.Errorf("region %d (%.80q) has %d bytes from %d, outside the file's %d", i, r.Key, r.Length, r.Offset, len(f.Data))
		}
		end = r.Offset + r.Length
	}
	return nil
}

// segment is a part of the target that is served in one way.
type segment struct {
	at, length int
	width      int
	from       int // the same tensor in the base; below 0 for none
	tensor     bool
}

// segments cover the target from its first byte to its last: tensors, and what
// is between them.
func segments(base, target File) []segment {
	var all []segment
	at := 0
	gap := func(end int) {
		if end > at {
			all = append(all, segment{at: at, length: end - at, width: 1, from: -1})
		}
	}
	for i, from := range match(base.Regions, target.Regions) {
		r := target.Regions[i]
		if r.Length == 0 {
			continue
		}
		gap(int(r.Offset))
		all = append(all, segment{int(r.Offset), int(r.Length), r.ElementSize, from, true})
		at = int(r.Offset + r.Length)
	}
	gap(len(target.Data))
	return all
}

// match gives for each region of the target where its tensor is in the base, or
// −1. What no key matches is matched in order with those of the base that are
// left over and look alike: exporters number tensors that have no name, and one
// more layer renames all behind it. A wrong match costs nothing: a block is
// coded in the way that is shortest.
func match(base, target []Region) []int {
	byKey := map[string]int{}
	for i, r := range base {
		byKey[r.Key] = i
	}
	result := make([]int, len(target))
	taken := make([]bool, len(base))
	for i, r := range target {
		result[i] = -1
		if j, there := byKey[r.Key]; there && !taken[j] && alike(r, base[j]) {
			result[i], taken[j] = int(base[j].Offset), true
		}
	}
	type look struct {
		length int64
		size   int
	}
	over := map[look][]int{}
	for j, r := range base {
		if !taken[j] {
			over[look{r.Length, r.ElementSize}] = append(over[look{r.Length, r.ElementSize}], int(r.Offset))
		}
	}
	for i, r := range target {
		l := look{r.Length, r.ElementSize}
		if result[i] < 0 && len(over[l]) > 0 {
			result[i], over[l] = over[l][0], over[l][1:]
		}
	}
	return result
}

func alike(a, b Region) bool { return a.Length == b.Length && a.ElementSize == b.ElementSize }
