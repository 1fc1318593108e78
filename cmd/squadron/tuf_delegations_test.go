package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Further cases of the TUF project's conformance suite: see tuf_conformance_test.go.

// edge is a delegation: from one role to another, of all paths unless it names some.
type edge struct {
	from, to    string
	terminating bool
	paths       string // between spaces; empty is all in the root folder
}

func (s *simulator) delegateAll(edges ...edge) {
	s.t.Helper()
	changed := []string{targets}
	for _, e := range edges {
		paths := strings.Fields(e.paths)
		if len(paths) == 0 {
			paths = []string{"*"}
		}
		s.delegate(e.from, metadata.DelegatedRole{Name: e.to, Terminating: e.terminating, Paths: paths})
		if !slices.Contains(changed, e.to) {
			changed = append(changed, e.to)
		}
	}
	s.publish(append(changed, snapshot, timestamp)...)
}

// In which order roles are visited for a target that none of them has.
func TestConformanceGraphTraversal(t *testing.T) {
	for name, c := range map[string]struct {
		edges   []edge
		visited string
	}{
		"basic-delegation":         {[]edge{{from: targets, to: "A"}}, "A"},
		"single-level-delegations": {[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}}, "A B"},
		"two-level-delegations":    {[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "B", to: "C"}}, "A B C"},
		"two-level-test-DFS-order-of-traversal": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "A", to: "C"}, {from: "A", to: "D"}}, "A C D B",
		},
		"three-level-delegation-test-DFS-order-of-traversal": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "A", to: "C"}, {from: "C", to: "D"}}, "A C D B",
		},
		"two-level-terminating-ignores-all-but-roles-descendants": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "A", to: "C", terminating: true}, {from: "A", to: "D"}}, "A C",
		},
		"three-level-terminating-ignores-all-but-roles-descendants": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "A", to: "C", terminating: true}, {from: "C", to: "D"}}, "A C D",
		},
		"two-level-ignores-all-branches-not-matching-paths": {
			[]edge{{from: targets, to: "A", paths: "*.py"}, {from: targets, to: "B"}, {from: "A", to: "C"}}, "B",
		},
		"three-level-ignores-all-branches-not-matching-paths": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "A", to: "C", paths: "*.py"}, {from: "C", to: "D"}}, "A B",
		},
		"cyclic-graph": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "B", to: "C"}, {from: "C", to: "D"}, {from: "D", to: "B"}}, "A B C D",
		},
		"two-roles-delegating-to-a-third": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "B", to: "C"}, {from: "A", to: "C"}}, "A C B",
		},
		"two-roles-delegating-to-a-third-different-paths": {
			[]edge{{from: targets, to: "A"}, {from: targets, to: "B"}, {from: "B", to: "C"}, {from: "A", to: "C", paths: "*.py"}}, "A B C",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSimulator(t)
			s.start()
			s.delegateAll(c.edges...)
			s.download(1, "missingpath")
			s.wantVisited(strings.Fields(c.visited)...)
		})
	}
}

// wantVisited checks which delegated roles were asked for, each in its first version.
func (s *simulator) wantVisited(roles ...string) {
	s.t.Helper()
	want := []string{"root 2", "timestamp", fmt.Sprintf("snapshot %d", s.snapshot.Signed.Version), fmt.Sprintf("targets %d", s.targets[targets].Signed.Version)}
	for _, role := range roles {
		want = append(want, role+" 1")
	}
	s.wantRequests(want...)
}

func TestConformanceTargetfileSearch(t *testing.T) {
	for path, c := range map[string]struct {
		found   bool
		visited string
	}{
		"targetfile":          {true, ""},
		"README.md":           {true, "A"},
		"releases/x/x_v1":     {true, "B C"},
		"releases/y/y_v1.zip": {true, "B D"},
		"releases/z/z_v1.zip": {false, "B"},
	} {
		t.Run(url.PathEscape(path), func(t *testing.T) {
			s := newSimulator(t)
			s.start()
			s.addArtifact(targets, "targetfile", "content of targetfile")
			for role, paths := range map[string][]string{"A": {"README.md"}, "B": nil, "C": {"releases/x/x_v1"}, "D": {"releases/y/y_v1.zip", "releases/z/z_v1.zip"}} {
				s.targets[role] = metadata.Targets(s.expires)
				for _, p := range paths {
					s.addArtifact(role, p, "content of "+p)
				}
			}
			s.delegateAll(edge{targets, "A", false, "*.doc *.md"}, edge{targets, "B", false, "releases/*/*"},
				edge{"B", "C", false, "releases/x/*"}, edge{"B", "D", false, "releases/y/*.zip"})
			status := map[bool]int{true: 0, false: 1}[c.found]
			s.download(status, path)
			s.wantVisited(strings.Fields(c.visited)...)
			if c.found {
				s.wantArtifacts("content of " + path)
			}
		})
	}
}

func TestConformanceUnusualRoleNames(t *testing.T) {
	for role, quoted := range map[string]string{"?": "%3F", "#": "%23", "/delegatedrole": "%2Fdelegatedrole", "../delegatedrole": "..%2Fdelegatedrole"} {
		t.Run(url.PathEscape(role), func(t *testing.T) {
			s := newSimulator(t)
			s.delegateAll(edge{from: targets, to: role})
			s.start()
			s.download(1, "nonexistent target")
			s.wantVisited(quoted)
			s.wantTrusted("root 1", "timestamp 2", "snapshot 2", "targets 2", role+" 1")
		})
	}
}

// Of bins by hash, only the one that can have the target is asked for: succinct
// ones (TAP 15), which the suite had once, and prefixes, as the specification has them.
func TestConformanceHashBins(t *testing.T) {
	for _, c := range []struct {
		bits      int
		path, bin string
	}{
		{1, "boo", "bin-0"}, {1, "too", "bin-1"},
		{2, "foo", "bin-0"}, {2, "doo", "bin-1"}, {2, "too", "bin-2"}, {2, "bar", "bin-3"},
		{8, "bar", "bin-fc"},
	} {
		t.Run(fmt.Sprintf("succinct_%d_%s", c.bits, c.path), func(t *testing.T) {
			s, k := newSimulator(t), newSigner(t, "ecdsa")
			bins := &metadata.SuccinctRoles{KeyIDs: []string{k.id}, Threshold: 1, BitLength: c.bits, NamePrefix: "bin"}
			s.targets[targets].Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{k.id: k.key}, SuccinctRoles: bins}
			for _, role := range bins.GetRoles() {
				s.targets[role], s.signers[role] = metadata.Targets(s.expires), []signer{k}
				s.publish(role)
			}
			s.publish(targets, snapshot, timestamp)
			s.start()
			s.download(1, c.path)
			s.wantVisited(c.bin)
		})
	}
	t.Run("prefixes", func(t *testing.T) {
		s := newSimulator(t)
		for _, half := range []string{"01234567", "89abcdef"} {
			s.delegate(targets, metadata.DelegatedRole{Name: half, PathHashPrefixes: strings.Split(half, "")})
			s.publish(half)
		}
		s.addArtifact("89abcdef", "bar", "content") // whose hash begins with fc
		s.forget("89abcdef", &s.targets["89abcdef"].Signed.Version, 1)
		s.publish("89abcdef", targets, snapshot, timestamp)
		s.start()
		s.download(0, "bar")
		s.wantVisited("89abcdef")
		s.wantArtifacts("content")
	})
}

// The suite has a case of this name, which python-tuf is expected to fail: a role
// that one delegator's key let in is not let in by another's.
func TestConformanceCachedRoleIsVerifiedAgainstCurrentDelegator(t *testing.T) {
	s := newSimulator(t)
	s.targets["C"] = metadata.Targets(s.expires)
	s.addArtifact("C", "a/file", "by A's leave")
	s.addArtifact("C", "b/file", "by nobody's")
	s.delegate(targets, metadata.DelegatedRole{Name: "A", Paths: []string{"a/*"}})
	s.delegate(targets, metadata.DelegatedRole{Name: "B", Paths: []string{"b/*"}})
	s.delegate("A", metadata.DelegatedRole{Name: "C", Paths: []string{"a/*"}})
	s.delegate("B", metadata.DelegatedRole{Name: "C", Paths: []string{"b/*"}})
	s.signers["C"] = s.signers["C"][:1]
	s.publish("A", "B", "C", targets, snapshot, timestamp)
	s.start()
	s.download(0, "a/file")
	s.download(1, "b/file")
	s.wantArtifacts("by A's leave")
}

func TestConformanceFileDownload(t *testing.T) {
	const path, content = "target_file.txt", "target file contents"
	cases(t, map[string]func(*simulator){
		"client_downloads_expected_file": func(s *simulator) {
			s.offers(path, content)
			s.refresh(0)
			s.wantArtifacts()
			s.download(0, path)
			s.wantArtifacts(content)
		},
		"client_downloads_expected_file_in_sub_dir": func(s *simulator) {
			s.offers("path/to/a/target_file.txt", content)
			s.download(0, "path/to/a/target_file.txt")
			s.wantArtifacts(content)
		},
		"repository_substitutes_target_file": func(s *simulator) {
			s.offers(path, content)
			s.addArtifact(targets, "another", "other contents")
			s.publish(targets, snapshot, timestamp)
			s.download(0, path)
			s.artifacts[path], s.artifacts["another"] = []byte("malicious"), []byte("malicious data - should not download")
			s.download(0, path) // which it has
			s.download(1, "another")
			s.wantArtifacts(content)
		},
		"multiple_changes_to_target": func(s *simulator) { s.changesOften(path) },
		"download_with_unknown_hash_algorithm": func(s *simulator) {
			s.addArtifact(targets, path, content, "sha512")
			hashes := s.targets[targets].Signed.Targets[path].Hashes
			hashes["unknown-hash"] = hashes["sha512"]
			delete(hashes, "sha512")
			s.publish(targets, snapshot, timestamp)
			s.start()
			s.download(1, path)
			s.wantArtifacts()
		},
		"artifact_cache": func(s *simulator) {
			s.offers(path, content)
			s.download(0, path)
			s.download(0, path)
			if len(s.downloads) != 1 {
				s.t.Errorf("downloaded %q", s.downloads)
			}
		},
		"an artifact that is missing": func(s *simulator) { // beyond the suite
			s.offers(path, content)
			delete(s.artifacts, path)
			s.download(1, path)
			s.wantArtifacts()
		},
	})
	for _, hashes := range [][]string{{"sha256"}, {"sha512"}, {"sha256", "sha512"}} {
		t.Run("download_with_hash_algorithms/"+strings.Join(hashes, "_"), func(t *testing.T) {
			s := newSimulator(t)
			s.addArtifact(targets, path, content, hashes...)
			s.publish(targets, snapshot, timestamp)
			s.start()
			s.download(0, path)
			s.wantArtifacts(content)
			prefixes := []string{}
			for _, sum := range s.targets[targets].Signed.Targets[path].Hashes {
				prefixes = append(prefixes, path+" "+sum.String())
			}
			if len(s.downloads) != 1 || !slices.Contains(prefixes, s.downloads[0]) {
				t.Errorf("downloaded %q, want one of %q", s.downloads, prefixes)
			}
		})
	}
}

// offers publishes an artifact, and starts the client.
func (s *simulator) offers(path, content string) {
	s.t.Helper()
	s.addArtifact(targets, path, content)
	s.publish(targets, snapshot, timestamp)
	s.start()
}

// changesOften replaces an artifact rightly, adds another each time, and then
// exchanges what is served; the client looks at every fifth version.
func (s *simulator) changesOften(path string) {
	s.t.Helper()
	s.offers(path, "as it was")
	s.download(0, path)
	var others []string
	for i := range 11 {
		fresh, other := fmt.Sprint("modified ", i), fmt.Sprint("new ", i)
		s.addArtifact(targets, path, fresh)
		s.addArtifact(targets, "new-target-"+fmt.Sprint(i), other)
		s.publish(targets, snapshot, timestamp)
		if i%5 != 0 {
			continue
		}
		s.download(0, path)
		s.download(0, "new-target-"+fmt.Sprint(i))
		others = append(others, other)
		s.wantArtifacts(append([]string{fresh}, others...)...)
		s.artifacts[path] = []byte("malicious")
		s.publish(targets, snapshot, timestamp)
		s.download(0, path)
		s.wantArtifacts(append([]string{fresh}, others...)...)
	}
}
