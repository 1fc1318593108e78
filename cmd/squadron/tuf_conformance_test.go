package main

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The cases of the TUF project's conformance suite for clients
// (github.com/theupdateframework/tuf-conformance), each under its name there. That
// suite drives a program from Python; here the same repositories are built with
// go-tuf, and squadron tuf runs as the suite runs it. What it asserts is asserted:
// exit statuses, what the client keeps, and what it asked the server for.

func TestConformanceBasic(t *testing.T) {
	cases(t, map[string]func(*simulator){
		"basic_refresh": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.wantRequests("root 2", "timestamp", "snapshot 1", "targets 1")
			s.wantKept(root, timestamp, snapshot, targets)
		},
		"implicit_refresh": func(s *simulator) {
			s.start()
			s.download(1, "nonexistent artifact")
			s.wantRequests("root 2", "timestamp", "snapshot 1", "targets 1")
			s.wantKept(root, timestamp, snapshot, targets)
		},
		"invalid_initial_root": func(s *simulator) {
			s.change(root, func(file map[string]any) { delete(file["signed"].(map[string]any), "version") })
			s.startWith(1, s.newest(root))
			s.refresh(1)
			s.wantRequests()
		},
		"unsigned_initial_root": func(s *simulator) {
			other := newSigner(s.t, "ecdsa")
			s.change(root, func(file map[string]any) {
				signaturesOf(file)[0].(map[string]any)["sig"] = hex.EncodeToString(other.sign([]byte("another message")))
			})
			s.startWith(1, s.newest(root))
			s.refresh(1)
			s.wantRequests()
		},
		"timestamp_content_changes": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.timestamp.Signed.Meta["snapshot.json"].Version = 100
			s.forget(timestamp, &s.timestamp.Signed.Version, 1)
			s.publish(timestamp)
			kept := s.keeps(timestamp)
			s.refresh(0)
			s.wantLastRequest("timestamp")
			if string(s.keeps(timestamp)) != string(kept) {
				s.t.Error("another timestamp of the same version was kept")
			}
		},
		"basic_metadata_hash_support": func(s *simulator) {
			s.withHash = true
			s.publish(targets, snapshot, timestamp)
			s.start()
			s.refresh(0)
			s.publish(targets)
			s.snapshot.Signed.Meta["targets.json"].Hashes["sha256"][0] ^= 1
			s.publish(snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 3", "targets 2", "timestamp 3")
		},
		"a length that is not the file's": func(s *simulator) { // beyond the suite
			s.withHash = true
			s.start()
			s.publish(targets)
			s.snapshot.Signed.Meta["targets.json"].Length--
			s.publish(snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 2", "timestamp 2")
		},
		"new_targets_version_mismatch": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.publish(targets)
			s.refresh(0)
			s.wantLastRequest("timestamp")
			s.wantTrusted("root 1", "snapshot 1", "targets 1", "timestamp 1")
		},
		"metadata_bytes_match": func(s *simulator) {
			s.start()
			s.published[timestamp][0] = append(s.published[timestamp][0], ' ')
			s.refresh(0)
			s.wantKept(timestamp)
		},
		"custom_fields": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.root.Signed.UnrecognizedFields = map[string]any{"custom-field": "value"}
			s.root.Signed.Roles[root].UnrecognizedFields = map[string]any{"another-field": "value"}
			s.addKey(root, newSigner(s.t, "ecdsa").with(s.t, "extra-field", map[string]any{"a": 1, "b": 2}))
			s.publish(root)
			s.refresh(0)
			s.wantKept(root)
		},
		"deprecated_keyid_hash_algorithms": func(s *simulator) {
			s.start()
			s.root.Signed.Roles[snapshot].KeyIDs, s.signers[snapshot] = nil, nil
			s.addKey(snapshot, newSigner(s.t, "ecdsa").with(s.t, "keyid_hash_algorithms", "md5"))
			s.publish(root, snapshot, timestamp)
			s.refresh(0)
			s.wantTrusted("root 2", "snapshot 2", "targets 1", "timestamp 2")
		},
		"snapshot_404": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.timestamp.Signed.Meta["snapshot.json"].Version++
			s.publish(timestamp)
			s.refresh(1)
			s.wantLastRequest("snapshot 2")
			s.wantTrusted("root 1", "snapshot 1", "targets 1", "timestamp 2")
		},
		"targets_404": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.snapshot.Signed.Meta["targets.json"].Version++
			s.publish(snapshot, timestamp)
			s.refresh(1)
			s.wantLastRequest("targets 2")
			s.wantTrusted("root 1", "snapshot 2", "targets 1", "timestamp 2")
		},
		"timestamp_404": func(s *simulator) {
			s.start()
			s.refresh(0)
			delete(s.published, timestamp)
			s.refresh(1)
			s.wantLastRequest("timestamp")
		},
		"incorrect_metadata_type": func(s *simulator) {
			s.start()
			s.addKey(snapshot, s.signers[timestamp][0])
			s.snapshot.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": metadata.MetaFile(1)}
			s.publish(root, snapshot)
			s.published[timestamp] = append(s.published[timestamp], s.newest(snapshot))
			s.refresh(1)
			s.wantTrusted("root 2")
		},
		"faketime": func(s *simulator) {
			s.start()
			s.root.Signed.Expires = time.Now().UTC().Add(7 * day)
			s.publish(root)
			s.refresh(0)
			s.in(8*day, func() { s.refresh(1) })
			s.refresh(0)
		},
		"consistent snapshot off": func(s *simulator) { // beyond the suite, which had such a case once
			s.root.Signed.ConsistentSnapshot = false
			s.addArtifact(targets, "a/file", "content")
			s.delegate(targets, metadata.DelegatedRole{Name: "..", Paths: []string{"*"}})
			s.publish(root, "..", targets, snapshot, timestamp)
			s.start()
			s.download(0, "a/file")
			s.wantRequests("root 2", "root 3", "timestamp", "snapshot", "targets")
			s.wantArtifacts("content")
			s.download(1, "missing")
			s.wantRequests("root 3", "timestamp", "..")
			if !slices.Equal(s.downloads, []string{"a/file"}) {
				s.t.Errorf("downloaded %q", s.downloads)
			}
		},
	})
	for role, trusted := range map[string][]string{
		root: {"root 1"}, timestamp: {"root 2"}, snapshot: {"root 2", "timestamp 2"}, targets: {"root 2", "snapshot 2", "timestamp 2"},
	} {
		t.Run("unsigned_metadata/"+role, func(t *testing.T) {
			s := newSimulator(t)
			s.signers[role] = nil
			s.publish(root, targets, snapshot, timestamp)
			s.start()
			s.refresh(1)
			s.wantTrusted(trusted...)
		})
	}
	for role, trusted := range map[string][]string{
		root: {"root 1"}, snapshot: {"root 2", "timestamp 2"}, targets: {"root 2", "snapshot 2", "timestamp 2"},
	} {
		t.Run("url_and_metadata_version_mismatch/"+role, func(t *testing.T) {
			s := newSimulator(t)
			*map[string]*int64{root: &s.root.Signed.Version, snapshot: &s.snapshot.Signed.Version, targets: &s.targets[targets].Signed.Version}[role]++
			s.publish(root, targets, snapshot, timestamp)
			s.start()
			s.refresh(1)
			s.wantTrusted(trusted...)
		})
	}
}

// cases runs each on a repository of its own.
func cases(t *testing.T, all map[string]func(*simulator)) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { all[name](newSimulator(t)) })
	}
}

// A repository as tuf-on-ci makes it, which the suite has copies of: keys with fields of
// that tool's own, signatures that are empty, a page for people beside the metadata.
func TestConformanceStaticRepository(t *testing.T) {
	s := newSimulator(t)
	s.addKey(root, newSigner(t, "ecdsa").with(t, "x-tuf-on-ci-keyowner", "@somebody"))
	s.root.Signed.Roles[timestamp].UnrecognizedFields = map[string]any{"x-tuf-on-ci-expiry-period": json.Number("365")}
	s.published[root] = nil
	s.delegate(targets, metadata.DelegatedRole{Name: "delegatedrole", Terminating: true, Paths: []string{"delegatedrole/*"}})
	s.addArtifact("delegatedrole", "delegatedrole/artifact", "content")
	s.publish(root, "delegatedrole", targets, snapshot, timestamp)
	for _, role := range []string{root, targets} {
		s.change(role, func(file map[string]any) {
			file["signatures"] = append(signaturesOf(file), map[string]any{"keyid": strings.Repeat("ab", 32), "sig": ""})
		})
	}
	s.start()
	s.refresh(0)
	s.download(0, "delegatedrole/artifact")
	s.wantArtifacts("content")
}
