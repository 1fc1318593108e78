package ir

import (
	"cmp"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// lifetime is the span of nodes, both included, over which a value's bytes
// must stay. A value that is not in the arena has bytes -1, and what is no
// intermediate value has last -1.
type lifetime struct {
	first, last int
	bytes       int
}

// lifetimes gives each value's, from the node that writes it to the last node
// that reads it.
func (g *Graph) lifetimes() []lifetime {
	lives := make([]lifetime, len(g.Values))
	for id := range lives {
		lives[id].bytes = -1
	}
	for i, n := range g.Nodes {
		for _, id := range n.Outputs {
			if id != NoValue {
				lives[id] = lifetime{first: i, last: i, bytes: -1}
				if v := g.Values[id]; v.Known() && v.DType != tensor.String {
					lives[id].bytes = v.bytes()
				}
			}
		}
		for _, id := range n.Inputs {
			if id != NoValue {
				lives[id].last = i
			}
		}
	}
	for id, v := range g.Values {
		if v.Const != nil {
			lives[id].last = -1
		}
	}
	for _, ids := range [][]ValueID{g.Inputs, g.Outputs} {
		for _, id := range ids {
			lives[id].last, lives[id].bytes = -1, -1
		}
	}
	return lives
}

// mostBySize is the most values that are placed by size, which compares each with
// all others: a few hundredths of a second for so many, and half a minute for as
// many as a file may have. Networks have a few hundred; the widest transformers a
// few thousand.
const mostBySize = 1 << 12

// layOut gives each value its place and the size of the arena.
func layOut(lives []lifetime) (places []Place, arena int) {
	places = make([]Place, len(lives))
	var order []int
	for id, l := range lives {
		places[id] = Place{Offset: -1}
		if l.bytes >= 0 {
			order = append(order, id)
		}
	}
	if len(order) > mostBySize {
		return places, layOutByTime(lives, order, places)
	}
	return places, layOutBySize(lives, order, places)
}

// layOutBySize places the values, largest first, each in the tightest gap between
// those placed values that live at the same time. (Greedy by size: Pisarchyk
// and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020.)
func layOutBySize(lives []lifetime, order []int, places []Place) (arena int) {
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lives[b].bytes, lives[a].bytes) })
	var placed []int // by offset
	for _, id := range order {
		size := aligned(lives[id].bytes)
		offset := tightestGap(places, placed, size, func(other int) bool { return lives[id].meets(lives[other]) })
		places[id] = Place{Offset: offset, Bytes: lives[id].bytes}
		at, _ := slices.BinarySearchFunc(placed, offset, func(other, offset int) int { return cmp.Compare(places[other].Offset, offset) })
		placed = slices.Insert(placed, at, id)
		arena = max(arena, offset+size)
	}
	return arena
}

// tightestGap is the offset of the smallest gap of at least size bytes among
// the placed values that are in the way, or else the first byte past them.
func tightestGap(places []Place, placed []int, size int, inTheWay func(id int) bool) int {
	best, bestSize := -1, 0
	end := 0
	for _, other := range placed {
		if !inTheWay(other) {
			continue
		}
		gap := places[other].Offset - end
		if gap >= size && (best < 0 || gap < bestSize) {
			best, bestSize = end, gap
		}
		end = max(end, places[other].Offset+aligned(places[other].Bytes))
	}
	if best < 0 {
		return end
	}
	return best
}

func (l lifetime) meets(o lifetime) bool { return l.first <= o.last && o.first <= l.last }

// aligned rounds up to the alignment.
func aligned(bytes int) int { return (bytes + Alignment - 1) &^ (Alignment - 1) }
