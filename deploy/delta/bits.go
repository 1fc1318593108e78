package delta

import "encoding/binary"

// bitWriter appends bits, the lowest first.
type bitWriter struct {
	bytes []byte
	held  uint64
	n     int // bits held, below 32
}

func (w *bitWriter) write(v uint64, n int) {
	if n > 32 {
		w.write(v&(1<<32-1), 32)
		v, n = v>>32, n-32
	}
	w.held |= v << w.n
	w.n += n
	if w.n >= 32 {
		w.bytes = binary.LittleEndian.AppendUint32(w.bytes, uint32(w.held))
		w.held >>= 32
		w.n -= 32
	}
}

// end appends what is held, filled up with zeros to a byte.
func (w *bitWriter) end() []byte {
	for ; w.n > 0; w.n -= 8 {
		w.bytes = append(w.bytes, byte(w.held))
		w.held >>= 8
	}
	return w.bytes
}

// bitReader reads what a bitWriter wrote. Past the end it reads zeros, and
// counts.
type bitReader struct {
	bytes []byte
	held  uint64
	n     int // bits held; below 0 after reading past the end
}

func (r *bitReader) read(n int) uint64 {
	if n > 32 {
		low := r.read(32)
		return low | r.read(n-32)<<32
	}
	if r.n < n {
		r.fill()
	}
	v := r.held & (1<<n - 1)
	r.held >>= n
	r.n -= n
	return v
}

// fill takes in bytes until at least 56 bits are held or none is left. Above r.n,
// held may have bits already that come again with the next byte.
func (r *bitReader) fill() {
	if len(r.bytes) >= 8 && r.n >= 0 {
		r.held |= binary.LittleEndian.Uint64(r.bytes) << r.n
		r.bytes = r.bytes[(63-r.n)/8:]
		r.n |= 56
		return
	}
	for len(r.bytes) > 0 && r.n >= 0 && r.n <= 56 {
		r.held |= uint64(r.bytes[0]) << r.n
		r.bytes = r.bytes[1:]
		r.n += 8
	}
}

// exact reports whether everything was read, nothing was missing, and the last
// byte is filled up with zeros.
func (r *bitReader) exact() bool {
	return len(r.bytes) == 0 && r.n >= 0 && r.n < 8 && r.held == 0
}
