package delta

// contexts are runs of keys, in ascending order, each with its own counts.
type contexts struct {
	starts []uint16 // first key of each
	counts []counts
}

// minPerContext keeps a block from having more tables than its elements pay for.
const minPerContext = 256

// maxContexts is how many contexts a block of n elements may have.
func maxContexts(n int) int { return min(MaxContexts, max(1, n/minPerContext)) }

// newContexts finds the runs of keys whose symbols are worth a table of their
// own: it starts with runs of equally many elements and joins neighbours for as
// long as that makes the block smaller.
func newContexts(keys []uint16, symbols []byte) contexts {
	c := equalRuns(keys)
	of := c.byKey()
	for i, k := range keys {
		n := &c.counts[of[k]]
		n.of[symbols[i]]++
		n.total++
	}
	c.join()
	return c
}

func equalRuns(keys []uint16) contexts {
	var perKey [1 << keyBits]int
	for _, k := range keys {
		perKey[k]++
	}
	runs := maxContexts(len(keys))
	starts := []uint16{0}
	seen := 0
	for k, n := range perKey {
		if k > 0 && n > 0 && seen >= len(starts)*len(keys)/runs && len(starts) < runs {
			starts = append(starts, uint16(k))
		}
		seen += n
	}
	return contexts{starts, make([]counts, len(starts))}
}

// join merges the two neighbours whose merging saves most, until none saves.
func (c *contexts) join() {
	costs := make([]uint64, len(c.counts))
	for i := range c.counts {
		costs[i] = c.counts[i].cost()
	}
	joined := make([]uint64, len(c.counts)) // with the next
	for i := range len(c.counts) - 1 {
		joined[i] = c.costOfJoining(i)
	}
	for {
		best, saved := -1, int64(-1)
		for i := range len(c.counts) - 1 {
			if s := int64(costs[i] + costs[i+1] - joined[i]); s > saved {
				best, saved = i, s
			}
		}
		if best < 0 {
			return
		}
		c.counts[best].add(&c.counts[best+1])
		costs[best] = joined[best]
		last := len(c.counts) - 1
		copy(c.counts[best+1:], c.counts[best+2:])
		copy(c.starts[best+1:], c.starts[best+2:])
		copy(costs[best+1:], costs[best+2:])
		copy(joined[best+1:], joined[best+2:])
		c.counts, c.starts = c.counts[:last], c.starts[:last]
		for _, i := range []int{best - 1, best} {
			if i >= 0 && i < last-1 {
				joined[i] = c.costOfJoining(i)
			}
		}
	}
}

// cost is how many bits all symbols and tables take, about.
func (c *contexts) cost() (sum uint64) {
	for i := range c.counts {
		sum += c.counts[i].cost()
	}
	return sum
}

func (c *contexts) costOfJoining(i int) uint64 {
	sum := c.counts[i]
	sum.add(&c.counts[i+1])
	return sum.cost()
}

// byKey maps each key to its context.
func (c *contexts) byKey() *[1 << keyBits]byte { return contextsByKey(c.starts) }

func contextsByKey(starts []uint16) *[1 << keyBits]byte {
	var of [1 << keyBits]byte
	for i, start := range starts {
		for k := int(start); k < len(of); k++ {
			of[k] = byte(i)
		}
	}
	return &of
}
