package delta

import (
	"bytes"
	"crypto/sha256"
)

// Chunks are cut where the content says so, as FastCDC does (Xia et al. 2016,
// "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data
// Deduplication", with its sizes and its normalised chunking): an inserted byte
// moves the cuts near it and no other.
const (
	minChunk  = 2 << 10
	meanChunk = 8 << 10
	maxChunk  = 64 << 10
)

// A cut is where these bits of the rolling hash are 0. The hash's higher bits
// depend on more bytes. Before meanChunk two more bits must be, behind it two fewer.
const (
	hardMask = (1<<15 - 1) << 49
	easyMask = (1<<11 - 1) << 53
)

// gear has a number for each byte, made by SplitMix64 (Steele et al. 2014).
var gear = func() (table [256]uint64) {
	x := uint64(0)
	for i := range table {
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		table[i] = z ^ z>>31
	}
	return table
}()

// chunk is the length of the chunk at the front of b.
func chunk(b []byte) int {
	if len(b) <= minChunk {
		return len(b)
	}
	hash := uint64(0)
	end := min(len(b), maxChunk)
	mean := min(end, meanChunk)
	for i := minChunk; i < mean; i++ {
		if hash = hash<<1 + gear[b[i]]; hash&hardMask == 0 {
			return i + 1
		}
	}
	for i := mean; i < end; i++ {
		if hash = hash<<1 + gear[b[i]]; hash&easyMask == 0 {
			return i + 1
		}
	}
	return end
}

// chunkIndex tells where in the base a chunk stands first.
type chunkIndex map[[sha256.Size]byte]int

func indexChunks(base []byte) chunkIndex {
	index := chunkIndex{}
	for at := 0; at < len(base); {
		n := chunk(base[at:])
		name := sha256.Sum256(base[at : at+n])
		if _, there := index[name]; !there {
			index[name] = at
		}
		at += n
	}
	return index
}

// share is a part of the target that stands in the base too.
type share struct{ at, from, length int }

// find cuts target into chunks and gives those that are in the base, each grown
// to both sides for as long as the bytes agree.
func (index chunkIndex) find(base, target []byte) []share {
	var found []share
	free := 0 // end of the last share
	for at := 0; at < len(target); {
		n := chunk(target[at:])
		from, there := index[sha256.Sum256(target[at:at+n])]
		if !there {
			at += n
			continue
		}
		back := commonSuffix(target[free:at], base[:from])
		forward := commonPrefix(target[at:], base[from:])
		found = append(found, share{at - back, from - back, back + forward})
		at += forward
		free = at
	}
	return found
}

func commonPrefix(a, b []byte) int {
	const step = 4096
	n, end := 0, min(len(a), len(b))
	for n+step <= end && bytes.Equal(a[n:n+step], b[n:n+step]) {
		n += step
	}
	for n < end && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b []byte) int {
	n, end := 0, min(len(a), len(b))
	for n < end && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
