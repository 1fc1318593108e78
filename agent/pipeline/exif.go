package pipeline

import (
	"bytes"
	"encoding/binary"
)

// The parts of TIFF 6.0 (section 2) that lead to the orientation.
const (
	tagOrientation     = 0x0112
	typeShort          = 3
	directoryEntrySize = 12
)

// orientationOf finds how a JPEG must be turned. A picture that does not say,
// or says it in a damaged way, is taken as upright: that is what viewers do,
// and the pixels are good all the same.
func orientationOf(jpeg []byte) orientation {
	for marker, content := range segments(jpeg) {
		if marker == markerStartOfScan {
			break
		}
		tiff, isEXIF := bytes.CutPrefix(content, []byte("Exif\x00\x00"))
		if marker == markerAPP1 && isEXIF {
			return orientationInTIFF(tiff)
		}
	}
	return upright
}

// orientationInTIFF looks through the first directory of at most 64 KiB, the
// size of a JPEG segment.
func orientationInTIFF(tiff []byte) orientation {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return upright
	}
	if len(tiff) < 8 {
		return upright
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < directoryEntrySize {
			return upright
		}
		if order.Uint16(entries) == tagOrientation {
			return orientationInEntry(order, entries)
		}
		entries = entries[directoryEntrySize:]
	}
	return upright
}

func orientationInEntry(order binary.ByteOrder, entry []byte) orientation {
	o := orientation(order.Uint16(entry[8:]))
	if order.Uint16(entry[2:]) != typeShort || order.Uint32(entry[4:]) != 1 || o < upright || o > turnedCounterwise {
		return upright
	}
	return o
}
