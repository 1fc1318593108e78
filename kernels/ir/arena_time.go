package ir

import (
	"cmp"
	"slices"
)

// layOutByTime places the values in the order in which they are written, each in
// the tightest block that is free then: what malloc and free would do. It looks
// at free blocks only, of which few are small and apart, and so takes time in
// proportion to the values where placing them by size takes its square; the arena
// is a little larger.
func layOutByTime(lives []lifetime, order []int, places []Place) (arena int) {
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lives[a].first, lives[b].first) })
	ending := slices.Clone(order)
	slices.SortStableFunc(ending, func(a, b int) int { return cmp.Compare(lives[a].last, lives[b].last) })
	var h heap
	for _, id := range order {
		for lives[ending[0]].last < lives[id].first {
			gone := places[ending[0]]
			h.give(Place{gone.Offset, aligned(gone.Bytes)})
			ending = ending[1:]
		}
		places[id] = Place{h.take(aligned(lives[id].bytes)), lives[id].bytes}
	}
	return h.end
}

// heap is the arena while values come and go.
type heap struct {
	free []Place // by offset; two of them never touch
	end  int     // of all that was ever taken
}

// take finds size bytes in the tightest free block, or else at the end, where the
// last free block may lie.
func (h *heap) take(size int) (offset int) {
	if size == 0 {
		return 0
	}
	best := -1
	for i, b := range h.free {
		if b.Bytes >= size && (best < 0 || b.Bytes < h.free[best].Bytes) {
			best = i
		}
	}
	if last := len(h.free) - 1; best < 0 && last >= 0 && h.free[last].Offset+h.free[last].Bytes == h.end {
		h.end = h.free[last].Offset + size
		h.free[last].Bytes, best = size, last
	}
	if best < 0 {
		h.end += size
		return h.end - size
	}
	offset = h.free[best].Offset
	h.free[best].Offset += size
	h.free[best].Bytes -= size
	if h.free[best].Bytes == 0 {
		h.free = slices.Delete(h.free, best, best+1)
	}
	return offset
}

// give frees a block and joins it with its neighbours.
func (h *heap) give(b Place) {
	if b.Bytes == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(h.free, b.Offset, func(f Place, offset int) int { return cmp.Compare(f.Offset, offset) })
	before := i > 0 && h.free[i-1].Offset+h.free[i-1].Bytes == b.Offset
	after := i < len(h.free) && b.Offset+b.Bytes == h.free[i].Offset
	switch {
	case before && after:
		h.free[i-1].Bytes += b.Bytes + h.free[i].Bytes
		h.free = slices.Delete(h.free, i, i+1)
	case before:
		h.free[i-1].Bytes += b.Bytes
	case after:
		h.free[i].Offset, h.free[i].Bytes = b.Offset, h.free[i].Bytes+b.Bytes
	default:
		h.free = slices.Insert(h.free, i, b)
	}
}
