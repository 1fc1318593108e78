package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The roles, as the cases name them.
const (
	root, timestamp, snapshot, targets = metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS
)

const day = 24 * time.Hour

// simulator is a TUF repository that a case changes as it goes, its web server,
// and the client under test: squadron tuf, as the TUF project's conformance
// suite drives it (CLIENT-CLI.md of github.com/theupdateframework/tuf-conformance).
type simulator struct {
	t         *testing.T
	expires   time.Time
	root      *metadata.Metadata[metadata.RootType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	targets   map[string]*metadata.Metadata[metadata.TargetsType] // delegated ones too
	signers   map[string][]signer
	published map[string][][]byte // by role; version 1 first
	artifacts map[string][]byte
	withHash  bool // timestamp and snapshot give hashes and lengths

	base, dir string
	requests  []string // of metadata: "root 2", "timestamp"
	downloads []string // of artifacts: "path hash"
}

func newSimulator(t *testing.T) *simulator {
	t.Helper()
	s := &simulator{t: t, expires: time.Now().UTC().Truncate(time.Second).Add(30 * day), dir: t.TempDir(),
		signers: map[string][]signer{}, published: map[string][][]byte{}, artifacts: map[string][]byte{}}
	s.root, s.timestamp, s.snapshot = metadata.Root(s.expires), metadata.Timestamp(s.expires), metadata.Snapshot(s.expires)
	s.targets = map[string]*metadata.Metadata[metadata.TargetsType]{targets: metadata.Targets(s.expires)}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		s.addKey(role, newSigner(t, "ecdsa"))
	}
	s.publish(targets, snapshot, timestamp, root)
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.base = server.URL + "/" + url.PathEscape("a test: "+t.Name())
	for _, dir := range []string{"metadata", "targets"} {
		s.must(os.Mkdir(filepath.Join(s.dir, dir), 0o700))
	}
	return s
}

func (s *simulator) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// addKey lets a key sign a top-level role, and has it do so.
func (s *simulator) addKey(role string, k signer) {
	s.t.Helper()
	s.must(s.root.Signed.AddKey(k.key, role))
	s.signers[role] = append(s.signers[role], k)
}

// rotate gives a top-level role one new key.
func (s *simulator) rotate(role string) {
	s.root.Signed.Roles[role].KeyIDs, s.signers[role] = nil, nil
	s.addKey(role, newSigner(s.t, "ecdsa"))
}

// publish signs roles and serves them: the next version of each, but for what was
// never published or was forgotten. What names a role's version names the new one.
func (s *simulator) publish(roles ...string) {
	s.t.Helper()
	for _, role := range roles {
		var named *metadata.MetaFiles
		switch role {
		case root:
			publish(s, role, s.root, &s.root.Signed.Version)
		case timestamp:
			publish(s, role, s.timestamp, &s.timestamp.Signed.Version)
		case snapshot:
			named = publish(s, role, s.snapshot, &s.snapshot.Signed.Version)
			s.timestamp.Signed.Meta["snapshot.json"] = named
		default:
			named = publish(s, role, s.targets[role], &s.targets[role].Signed.Version)
			s.snapshot.Signed.Meta[role+".json"] = named
		}
	}
}

func publish[T metadata.Roles](s *simulator, role string, m *metadata.Metadata[T], version *int64) *metadata.MetaFiles {
	s.t.Helper()
	if len(s.published[role]) > 0 {
		*version++
	}
	payload, err := cjson.EncodeCanonical(m.Signed)
	s.must(err)
	m.ClearSignatures()
	for _, k := range s.signers[role] {
		m.Signatures = append(m.Signatures, metadata.Signature{KeyID: k.id, Signature: k.sign(payload)})
	}
	b, err := m.ToBytes(false)
	s.must(err)
	s.published[role] = append(s.published[role], b)
	named := metadata.MetaFile(*version)
	if s.withHash {
		sum := sha256.Sum256(b)
		named.Length, named.Hashes = int64(len(b)), metadata.Hashes{"sha256": sum[:]}
	}
	return named
}

// forget unpublishes all versions of a role and goes back to a version.
func (s *simulator) forget(role string, version *int64, to int64) {
	delete(s.published, role)
	*version = to
}

// newest is what a role last published; change edits it as plain JSON, under
// signatures that stay what they are.
func (s *simulator) newest(role string) []byte {
	return s.published[role][len(s.published[role])-1]
}

func (s *simulator) change(role string, edit func(file map[string]any)) {
	s.t.Helper()
	var file map[string]any
	s.must(json.Unmarshal(s.newest(role), &file))
	edit(file)
	b, err := json.Marshal(file)
	s.must(err)
	s.published[role][len(s.published[role])-1] = b
}

func signaturesOf(file map[string]any) []any { return file["signatures"].([]any) }

// delegate lets a role, with a new key, speak for paths behind another.
func (s *simulator) delegate(from string, d metadata.DelegatedRole) {
	s.t.Helper()
	k := newSigner(s.t, "ecdsa")
	if s.targets[d.Name] == nil {
		s.targets[d.Name] = metadata.Targets(s.expires)
	}
	signed := &s.targets[from].Signed
	if signed.Delegations == nil {
		signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}, Roles: []metadata.DelegatedRole{}}
	}
	d.KeyIDs, d.Threshold = append(d.KeyIDs, k.id), 1
	signed.Delegations.Roles = append(signed.Delegations.Roles, d)
	signed.Delegations.Keys[k.id] = k.key
	s.signers[d.Name] = append(s.signers[d.Name], k)
}

// addArtifact serves an artifact and lets a role vouch for it.
func (s *simulator) addArtifact(role, path, content string, hashes ...string) {
	s.t.Helper()
	f, err := metadata.TargetFile().FromBytes(path, []byte(content), hashes...)
	s.must(err)
	s.targets[role].Signed.Targets[path] = f
	s.artifacts[path] = []byte(content)
}

// serve is the web server: {base}/metadata/{file} and {base}/targets/{file}.
func (s *simulator) serve(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	var b []byte
	if name, ok := strings.CutPrefix(path, "metadata/"); ok {
		b = s.file(strings.TrimSuffix(name, ".json"))
	} else if name, ok := strings.CutPrefix(path, "targets/"); ok {
		b = s.artifact(name)
	}
	if b == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	if _, err := w.Write(b); err != nil {
		s.t.Error(err)
	}
}

func (s *simulator) file(name string) []byte {
	role, version := name, len(s.published[name])
	if before, after, ok := strings.Cut(name, "."); ok && name != timestamp && (after == root || s.root.Signed.ConsistentSnapshot) {
		n, err := strconv.Atoi(before)
		if err != nil {
			return nil
		}
		role, version = after, n
		s.requests = append(s.requests, fmt.Sprintf("%s %d", role, n))
	} else {
		s.requests = append(s.requests, name)
	}
	role, err := url.PathUnescape(role)
	if list := s.published[role]; err == nil && version >= 1 && version <= len(list) {
		return list[version-1]
	}
	return nil
}

func (s *simulator) artifact(name string) []byte {
	name, err := url.PathUnescape(name)
	s.must(err)
	dir, base := filepath.Split(name)
	hash := ""
	if s.root.Signed.ConsistentSnapshot {
		hash, base, _ = strings.Cut(base, ".")
	}
	s.downloads = append(s.downloads, strings.TrimSpace(dir+base+" "+hash))
	return s.artifacts[dir+base]
}

// client runs a command of the client under test, which must end with the status.
func (s *simulator) client(status int, args ...string) {
	s.t.Helper()
	args = append([]string{"tuf", "--metadata-url", s.base + "/metadata/", "--metadata-dir", filepath.Join(s.dir, "metadata")}, args...)
	_, said := squadron(s.t, status, args...)
	if status != 0 {
		s.t.Logf("%s", said)
	}
}

// start gives the client its first root.
func (s *simulator) start() {
	s.t.Helper()
	s.startWith(0, s.published[root][0])
}

func (s *simulator) startWith(status int, first []byte) {
	s.t.Helper()
	file := filepath.Join(s.dir, "initial_root.json")
	s.must(os.WriteFile(file, first, 0o600))
	if _, said := squadron(s.t, status, "tuf", "--metadata-dir", filepath.Join(s.dir, "metadata"), "init", file); status != 0 {
		s.t.Logf("%s", said)
	}
	s.wantRequests()
}

func (s *simulator) refresh(status int) {
	s.t.Helper()
	s.client(status, "refresh")
}

func (s *simulator) download(status int, path string) {
	s.t.Helper()
	s.client(status, "--target-name", path, "--target-dir", filepath.Join(s.dir, "targets"), "--target-base-url", s.base+"/targets/", "download")
}

// in runs the client as faketime would, so long from now.
func (s *simulator) in(ahead time.Duration, do func()) {
	s.t.Setenv("FAKETIME", fmt.Sprintf("%+d", ahead/time.Second))
	do()
	s.must(os.Unsetenv("FAKETIME"))
}

// wantTrusted checks which files the client keeps, and their versions.
func (s *simulator) wantTrusted(want ...string) {
	s.t.Helper()
	var got []string
	for _, name := range s.kept() {
		role, err := url.PathUnescape(name)
		s.must(err)
		got = append(got, fmt.Sprintf("%s %d", role, s.version(name)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("the client trusts %q, want %q", got, want)
	}
}

func (s *simulator) kept() (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "metadata"))
	s.must(err)
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

func (s *simulator) version(name string) int64 {
	s.t.Helper()
	var file struct {
		Signed struct {
			Version int64 `json:"version"`
		} `json:"signed"`
	}
	s.must(json.Unmarshal(s.keeps(name), &file))
	return file.Signed.Version
}

// keeps is what the client keeps of a role.
func (s *simulator) keeps(role string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "metadata", role+".json"))
	s.must(err)
	return b
}

// wantKept checks that the client keeps the very bytes that were last published.
func (s *simulator) wantKept(roles ...string) {
	s.t.Helper()
	for _, role := range roles {
		if got := s.keeps(role); string(got) != string(s.newest(role)) {
			s.t.Errorf("of %s the client keeps %.200s, want %.200s", role, got, s.newest(role))
		}
	}
}

// wantRequests checks what was asked for since the last time.
func (s *simulator) wantRequests(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.requests, want) {
		s.t.Errorf("asked for %q, want %q", s.requests, want)
	}
	s.requests = nil
}

// wantLastRequest checks what was asked for last.
func (s *simulator) wantLastRequest(want string) {
	s.t.Helper()
	if n := len(s.requests); n == 0 || s.requests[n-1] != want {
		s.t.Errorf("asked for %q, want %q last", s.requests, want)
	}
}

// wantArtifacts checks what the client has downloaded.
func (s *simulator) wantArtifacts(want ...string) {
	s.t.Helper()
	var got []string
	entries, err := os.ReadDir(filepath.Join(s.dir, "targets"))
	s.must(err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(s.dir, "targets", e.Name()))
		s.must(err)
		got = append(got, string(b))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("the client has %q, want %q", got, want)
	}
}
