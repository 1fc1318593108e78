package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// How much may have to be fetched again after a power cut: what came since the
// last mark, which is so many bytes, or what came in so much time over a link
// that is slow.
const (
	markBytes = 4 << 20
	markTime  = 10 * time.Second
)

// mark says which digest the first size bytes of a partial have.
type mark struct {
	size   int64
	digest bundle.Digest
}

// marks are what is in the file of that name, which is only appended to:
//
//	etag https://fleet.example/v1/artefacts "9f86d0…"
//	mark 4194304 2c26b4…
//
// A line that a power cut tore means nothing, and need not: a mark holds only
// if the partial's own bytes have its digest.
type marks struct {
	list  []mark // rising
	etags map[string]string
}

// maxMarks bounds that file in bytes: 1,024 marks of a 4 GiB object, and as
// many of cuts.
const maxMarks = 1 << 20

func (p partial) readMarks() (marks, error) {
	m := marks{etags: map[string]string{}}
	info, err := p.disk.Lstat(p.marks())
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxMarks {
		return m, p.disk.RemoveAll(p.marks())
	}
	f, err := p.disk.Open(p.marks())
	if err != nil {
		return m, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxMarks))
	for line := range bytes.Lines(b) {
		m.take(string(line))
	}
	return m, errors.Join(err, f.Close())
}

// take adds a line, if it is whole. Of marks that go back, the newer hold.
func (m *marks) take(line string) {
	word := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(word) != 3 || !strings.HasSuffix(line, "\n") {
		return
	}
	switch word[0] {
	case "etag":
		if isStrong(word[2]) {
			m.etags[word[1]] = word[2]
		}
	case "mark":
		size, err := strconv.ParseInt(word[1], 10, 64)
		digest, digestErr := bundle.ParseDigest("sha256:" + word[2])
		if err != nil || digestErr != nil || size <= 0 {
			return
		}
		for len(m.list) > 0 && m.list[len(m.list)-1].size >= size {
			m.list = m.list[:len(m.list)-1]
		}
		m.list = append(m.list, mark{size, digest})
	}
}

// upTo lists the marks below size.
func (m marks) upTo(size int64) (list []mark) {
	for _, at := range m.list {
		if at.size < size {
			list = append(list, at)
		}
	}
	return list
}

const maxETag = 256

// isStrong tells an ETag that two equal bodies share (RFC 9110 §8.8.3), that a
// request may carry and that fits a line. Any other is as good as none.
func isStrong(etag string) bool {
	if len(etag) < 2 || len(etag) > maxETag || etag[0] != '"' || etag[len(etag)-1] != '"' {
		return false
	}
	for _, c := range []byte(etag[1 : len(etag)-1]) {
		if c <= ' ' || c == '"' || c == 0x7f { // not an etagc
			return false
		}
	}
	return true
}

// note remembers which ETag a source has for the object.
func (have *progress) note(source string, reply http.Header) {
	etag := reply.Get("ETag")
	if !isStrong(etag) || have.etags[source] == etag {
		return
	}
	have.etags[source] = etag
	have.unwritten = fmt.Appendf(have.unwritten, "etag %s %s\n", source, etag)
}

// due reports whether enough has come, or been waited for, to mark it.
func (p partial) due(have *progress, now time.Time) bool {
	return have.size-have.marked >= p.every || have.size > have.marked && now.Sub(have.markedAt) >= markTime
}

// mark makes what has arrived durable, and says so. The bytes that have been
// counted must have been written.
func (p partial) mark(have *progress) error {
	have.markedAt = time.Now()
	if have.size == have.marked {
		return nil
	}
	if err := p.disk.Sync(p.file()); err != nil {
		return err
	}
	// The first newline ends a line that an earlier end tore.
	line := fmt.Appendf([]byte("\n"), "%smark %d %s\n", have.unwritten, have.size, bundle.Digest(have.hash.Sum(nil)).Hex())
	if err := p.disk.Append(p.marks(), line); err != nil {
		return err
	}
	have.unwritten, have.marked = nil, have.size
	if have.named {
		return nil
	}
	have.named = true
	return p.disk.Sync(p.dir)
}
