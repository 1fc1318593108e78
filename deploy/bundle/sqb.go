package bundle

import (
	"archive/tar"
	"bytes"
	"fmt"
	"time"
)

// A bundle file (.sqb) is an uncompressed POSIX ustar archive that `tar tf`
// can list: first envelope.json, then objects/<hex> for every object of the
// manifest in its order, then two blocks of zeros.
//
// It has exactly one form. Names, sizes and order follow from the envelope,
// and every other field of a header is fixed, so a reader does not interpret
// headers: it knows what each must be and compares all 512 bytes. No extension,
// link, device, sparse file or long name can be said in such a file.
const (
	envelopeEntry = "envelope.json"
	objectFolder  = "objects/"
	blockSize     = 512
	endSize       = 2 * blockSize
)

// header is the one tar header that an entry may have.
func header(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{
		Format:   tar.FormatUSTAR,
		Typeflag: tar.TypeReg,
		Name:     name,
		Size:     size,
		Mode:     0o644,
		ModTime:  time.Unix(0, 0),
	})
	if err != nil {
		return nil, fmt.Errorf("header of %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// padding is how many zeros follow an entry of the given size.
func padding(size int64) int64 { return -size & (blockSize - 1) }

func entryName(d Digest) string { return objectFolder + d.Hex() }
