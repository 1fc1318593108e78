package delta

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Frequencies of symbols add up to this.
const (
	scaleBits = 12
	scale     = 1 << scaleBits
)

// frequencies are how often each symbol comes, of scale times.
type frequencies [256]uint16

// counts are how often each symbol came.
type counts struct {
	of    [256]uint32
	total uint32
}

func (c *counts) add(other *counts) {
	for i, n := range other.of {
		c.of[i] += n
	}
	c.total += other.total
}

// frequencies scales the counts, leaving at least 1 to each symbol that came.
// What rounding leaves over or takes too much is settled with the commonest.
func (c *counts) frequencies() frequencies {
	var f frequencies
	left, commonest := scale, 0
	for s, n := range c.of {
		if n == 0 {
			continue
		}
		f[s] = uint16(max(1, (uint64(n)*scale+uint64(c.total)/2)/uint64(c.total)))
		left -= int(f[s])
		if f[s] > f[commonest] {
			commonest = s
		}
	}
	for left < 0 && int(f[commonest])+left < 1 { // many rare symbols: take from all who have more than 1
		for s := range f {
			if left < 0 && f[s] > 1 {
				f[s]--
				left++
			}
		}
	}
	f[commonest] = uint16(int(f[commonest]) + left)
	return f
}

// cost is how many bits the counted symbols and their table take, about.
func (c *counts) cost() uint64 {
	if c.total == 0 {
		return 0
	}
	whole := log2(c.total)
	var sum, table uint64
	for _, n := range c.of {
		if n > 0 {
			sum += uint64(n) * uint64(whole-log2(n))
			table += 9
		}
	}
	return sum>>logBits + table
}

const logBits = 12

// log2 is the binary logarithm with logBits bits after the point, the same on
// every machine, by repeated squaring.
func log2(n uint32) uint32 {
	whole := bits.Len32(n) - 1
	x := uint64(n) << (31 - whole) // 1 … 2 with 31 bits after the point
	result := uint32(whole)
	for range logBits {
		x = x * x >> 31
		result <<= 1
		if x >= 1<<32 {
			x >>= 1
			result |= 1
		}
	}
	return result
}

func (f *frequencies) append(to []byte) []byte {
	sum := 0
	for s := 0; sum < scale; s++ {
		to = binary.AppendUvarint(to, uint64(f[s]))
		sum += int(f[s])
		if f[s] > 0 {
			continue
		}
		first := s
		for s+1 < 256 && f[s+1] == 0 {
			s++
		}
		to = binary.AppendUvarint(to, uint64(s-first))
	}
	return to
}

// read takes frequencies from the front of b and returns what follows.
func (f *frequencies) read(b []byte) ([]byte, error) {
	*f = frequencies{}
	sum := uint64(0)
	for s := uint64(0); sum < scale; s++ {
		if s > 255 {
			return nil, errors.New("its frequencies do not add up")
		}
		n, rest, err := uvarint(b, scale-sum)
		if err != nil {
			return nil, err
		}
		f[s], sum, b = uint16(n), sum+n, rest
		if n == 0 {
			if n, b, err = uvarint(b, 255-s); err != nil {
				return nil, err
			}
			s += n
		}
	}
	return b, nil
}

// uvarint takes a number of at most limit from the front of b.
func uvarint(b []byte, limit uint64) (n uint64, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, errors.New("its payload is cut short")
	}
	if n > limit {
		return 0, nil, errors.New("a number in its payload is out of bounds")
	}
	return n, b[size:], nil
}
