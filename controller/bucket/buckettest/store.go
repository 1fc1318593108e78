// Package buckettest runs a real S3 server for tests: versitygw, in folders that
// go with the test, behind a way that counts what leaves it, cuts it and breaks it
// off.
//
// It owns the server's process and that way. It refuses to imitate the protocol:
// where the program is not installed, the test is skipped.
//
//	store := buckettest.Open(t)
//	b, err := bucket.Open(store.Config, reg, log)
//	store.CutAfter(1000)
package buckettest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/squadron-edge/squadron/controller/bucket"
)

// Program is the server, at the version that was tried.
const Program = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// Store is a server with one empty bucket.
type Store struct {
	Config bucket.Config // reaches the bucket through the way
	t      *testing.T
	admin  *minio.Client // past the way
	way    *httptest.Server

	mu     sync.Mutex
	reads  []string // the Range of each presigned GET
	sent   int64    // bytes of their answers
	cut    int64    // breaks the next one off after so many; 0 does not
	broken bool
}

// Open starts a server; it ends with the test.
func Open(t *testing.T) *Store {
	t.Helper()
	const access, secret, name = "access", "a secret of the tests", "models"
	address := serve(t, program(t), access, secret)
	s := &Store{t: t}
	var err error
	s.admin, err = minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(access, secret, "")})
	if err == nil {
		err = s.admin.MakeBucket(t.Context(), name, minio.MakeBucketOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.way = httptest.NewServer(s.to(address))
	t.Cleanup(s.way.Close)
	_, port, _ := net.SplitHostPort(s.way.Listener.Addr().String())
	s.Config = bucket.Config{
		// Another name of this machine than a controller's 127.0.0.1.
		Endpoint: "http://localhost:" + port, Name: name,
		Credentials: bucket.Credentials{AccessKeyID: access, SecretAccessKey: secret},
	}
	return s
}

// program finds the server, or skips the test; under CI a skip fails.
func program(t *testing.T) string {
	t.Helper()
	if found, err := exec.LookPath("versitygw"); err == nil {
		return found
	}
	gopath, err := exec.Command("go", "env", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(strings.TrimSpace(string(gopath)), "bin", "versitygw")
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("versitygw is not installed, and CI must not skip this test: go install " + Program)
	}
	t.Skip("install versitygw to test a bucket with a real S3 server: go install " + Program)
	return ""
}

// serve starts the server and waits until it listens.
func serve(t *testing.T, program, access, secret string) (address string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--access", access, "--secret", secret, "--port", address, "--quiet",
		"posix", "--sidecar", t.TempDir(), t.TempDir())
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed, or said why it ended
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // unless it has ended
		<-ended
	})
	await(t, address, ended, &said)
	return address
}

// patience bounds the start of the server.
const patience = 15 * time.Second

func await(t *testing.T, address string, ended <-chan struct{}, said *strings.Builder) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	tooLate := time.After(patience)
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case <-ended:
			t.Fatalf("versitygw ended: %s", said)
		case <-tooLate:
			t.Fatalf("versitygw did not listen on %s within %v", address, patience)
		case <-tick.C:
		}
	}
}

// to is the way to the server. The host is part of what is signed.
func (s *Store) to(address string) http.Handler {
	target := &url.URL{Scheme: "http", Host: address}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		broken := s.broken
		presigned := r.Method == http.MethodGet && r.URL.Query().Has("X-Amz-Signature")
		if presigned && !broken {
			s.reads = append(s.reads, r.Header.Get("Range"))
		}
		s.mu.Unlock()
		if broken {
			panic(http.ErrAbortHandler)
		}
		if presigned {
			w = &counted{w, s}
		}
		proxy.ServeHTTP(w, r)
	})
}

// counted counts the bytes of an answer, and cuts it.
type counted struct {
	http.ResponseWriter
	store *Store
}

func (c *counted) Write(b []byte) (int, error) {
	s := c.store
	s.mu.Lock()
	cuts := s.cut > 0 && s.cut <= int64(len(b))
	if cuts {
		b = b[:s.cut]
	}
	s.cut -= min(s.cut, int64(len(b)))
	s.sent += int64(len(b))
	s.mu.Unlock()
	n, err := c.ResponseWriter.Write(b)
	if cuts && err == nil {
		err = http.NewResponseController(c.ResponseWriter).Flush()
	}
	if cuts && err == nil {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// Unwrap lets the proxy flush.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Host is what a device has to name among its redirect_hosts.
func (s *Store) Host() string { return strings.TrimPrefix(s.Config.Endpoint, "http://") }

// Read tells which ranges were read through presigned addresses, and how many
// bytes went out for them.
func (s *Store) Read() (ranges []string, sent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reads), s.sent
}

// CutAfter breaks the next read off after so many bytes.
func (s *Store) CutAfter(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = n
}

// Break makes the store hang up on everybody, or answer again.
func (s *Store) Break(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// Put writes a key as somebody does who has the keys to the bucket.
func (s *Store) Put(key, content string) {
	s.t.Helper()
	_, err := s.admin.PutObject(s.t.Context(), s.Config.Name, key, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
}

// Sizes lists the keys of the bucket, with their lengths in bytes.
func (s *Store) Sizes() map[string]int64 {
	s.t.Helper()
	sizes := map[string]int64{}
	for o := range s.admin.ListObjectsIter(s.t.Context(), s.Config.Name, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
		sizes[o.Key] = o.Size
	}
	return sizes
}
