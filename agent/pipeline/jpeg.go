package pipeline

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// The markers of JPEG (ITU-T T.81, table B.1) that this package looks for.
const (
	markerRestart0    = 0xd0
	markerEndOfImage  = 0xd9
	markerStartOfScan = 0xda
	markerAPP1        = 0xe1
	markerTemporary   = 0x01
)

// maxScans bounds how often a JPEG may go over the picture. A progressive one
// as libjpeg writes it has 10 scans, and a few dozen bytes are enough for one
// more: a file within MaxPictureBytes could ask for hours.
const maxScans = 64

// checkScans refuses a JPEG with more scans than maxScans.
func checkScans(jpeg []byte) error {
	scans := 0
	for marker := range segments(jpeg) {
		if marker == markerStartOfScan {
			scans++
		}
	}
	if scans > maxScans {
		return fmt.Errorf("JPEG of %d scans: %w, it may have %d", scans, ErrTooLarge, maxScans)
	}
	return nil
}

// segments yields each marker that has a length, and what follows the length
// (T.81, B.1.1.4), until the end of the image or of what can be followed. Like
// package image/jpeg it skips what stands between segments, so that it sees
// every scan that the decoder sees; a scan's entropy-coded data holds no
// markers but restarts (B.1.1.5) and is skipped the same way.
func segments(jpeg []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		rest := jpeg[min(2, len(jpeg)):] // past the start-of-image marker
		for len(rest) >= 4 {
			marker := rest[1]
			switch {
			case rest[0] != 0xff, marker == 0xff: // skipped data, a fill byte
				rest = rest[1:]
				continue
			case marker == 0, marker == markerTemporary, markerRestart0 <= marker && marker < markerRestart0+8:
				rest = rest[2:]
				continue
			case marker == markerEndOfImage:
				return
			}
			size := 2 + int(binary.BigEndian.Uint16(rest[2:]))
			if size < 4 || size > len(rest) || !yield(marker, rest[4:size]) {
				return
			}
			rest = rest[size:]
		}
	}
}
