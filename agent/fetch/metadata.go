package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// Metadata brings the small files by which a repository says what may run:
// trust.Client's way to a server, or to a folder.
type Metadata struct {
	base   *url.URL
	client *http.Client
	folder *Folder // in place of both; within it is where they lie
	within string
}

// NewMetadata checks where the files lie: Base/timestamp.json and so on. Dir
// counts for nothing here; what was verified is the client's to keep.
func NewMetadata(o Options) (*Metadata, error) {
	base, err := CheckURL(o.Base, o.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	if base.Scheme == "file" {
		return NewFolder(base.Path).Metadata("."), nil
	}
	return &Metadata{base: base, client: &http.Client{
		Transport: o.transport(), CheckRedirect: redirects{}.check, Timeout: metadataTimeout,
	}}, nil
}

// metadataTimeout ends the transfer of one file of at most trust.MaxTargets
// bytes, on a link of 306 kbit/s: before package update gives up all of them, so
// that the file is named.
const metadataTimeout = 110 * time.Second

// Fetch is the trust.Fetch of one refresh.
func (m *Metadata) Fetch(ctx context.Context) trust.Fetch {
	return func(name string, max int64) ([]byte, error) {
		var b []byte
		var err error
		if m.folder != nil {
			b, err = m.folder.Read(ctx, path.Join(m.within, path.Base(name)), max)
		} else {
			b, err = m.get(ctx, name, max)
		}
		if err != nil {
			return nil, fmt.Errorf("fetch it from %s: %w", m.origin(), oneLine(err))
		}
		return b, nil
	}
}

func (m *Metadata) origin() string {
	if m.folder != nil {
		return m.folder.place(m.within)
	}
	return m.base.Host
}

// get reads one file. Object stores answer 403 for a file that is not there to
// those who may not list them.
func (m *Metadata) get(ctx context.Context, name string, max int64) (b []byte, err error) {
	// The name is escaped already: it must reach the server as it is.
	address := m.base.Scheme + "://" + m.base.Host + strings.TrimSuffix(m.base.EscapedPath(), "/") + "/" + name
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", "identity")
	reply, err := m.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	switch reply.StatusCode {
	case http.StatusOK:
		b, err := bounded(reply.Body, max)
		if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
			err = fmt.Errorf("not all of it came in %s", metadataTimeout)
		}
		return b, err
	case http.StatusNotFound, http.StatusForbidden:
		return nil, fmt.Errorf("%w (%s)", trust.ErrNoFile, reply.Status)
	}
	return nil, fmt.Errorf("the server answered %s", reply.Status)
}

// bounded reads all of it, and fails on the first byte beyond max.
func bounded(r io.Reader, max int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("it has more than the %d bytes that it may have", max)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}
