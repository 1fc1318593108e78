package reference

import (
	"math"
	"math/rand/v2"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// twister is MT19937 (Matsumoto and Nishimura, 1998), the generator of numpy's
// RandomState, so that a seed draws here what it draws there.
type twister struct {
	state [624]uint32
	next  int

	spare    float64 // the second of a pair of normal numbers
	hasSpare bool
}

// newTwister starts a generator; without a seed, at a place of its own choice.
func newTwister(seed ir.Seed) *twister {
	if !seed.Given {
		seed.Value = rand.Uint32()
	}
	t := &twister{next: len(twister{}.state)}
	t.state[0] = seed.Value
	for i := 1; i < len(t.state); i++ {
		before := t.state[i-1]
		t.state[i] = 1812433253*(before^before>>30) + uint32(i)
	}
	return t
}

// bits are the next 32.
func (t *twister) bits() uint32 {
	if t.next == len(t.state) {
		t.turn()
	}
	y := t.state[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (t *twister) turn() {
	const n, m = len(t.state), 397
	for i := range n {
		y := t.state[i]&0x80000000 | t.state[(i+1)%n]&0x7fffffff
		v := t.state[(i+m)%n] ^ y>>1
		if y&1 != 0 {
			v ^= 0x9908b0df
		}
		t.state[i] = v
	}
	t.next = 0
}

// uniform is in [0, 1), of 53 bits.
func (t *twister) uniform() float64 {
	high, low := t.bits()>>5, t.bits()>>6
	return (float64(high)*(1<<26) + float64(low)) / (1 << 53)
}

// normal is of the normal distribution of mean 0 and deviation 1, by Marsaglia's
// polar method.
func (t *twister) normal() float64 {
	if t.hasSpare {
		t.hasSpare = false
		return t.spare
	}
	for {
		x, y := 2*t.uniform()-1, 2*t.uniform()-1
		if r := x*x + y*y; r < 1 && r != 0 {
			f := math.Sqrt(-2 * math.Log(r) / r)
			t.spare, t.hasSpare = f*x, true
			return f * y
		}
	}
}
