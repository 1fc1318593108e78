package main

import (
	"slices"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Further cases of the TUF project's conformance suite: see tuf_conformance_test.go.

func TestConformanceRollback(t *testing.T) {
	cases(t, map[string]func(*simulator){
		"new_timestamp_version_rollback": func(s *simulator) {
			s.start()
			s.publish(timestamp)
			s.refresh(0)
			s.forget(timestamp, &s.timestamp.Signed.Version, 1)
			s.publish(timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 1", "targets 1", "timestamp 2")
			s.wantLastRequest("timestamp")
		},
		"snapshot_rollback/basic":       func(s *simulator) { s.rollsSnapshotBack() },
		"snapshot_rollback/with hashes": func(s *simulator) { s.withHash = true; s.rollsSnapshotBack() },
		"targets_rollback/basic":        func(s *simulator) { s.rollsTargetsBack() },
		"targets_rollback/with hashes":  func(s *simulator) { s.withHash = true; s.rollsTargetsBack() },
		"new_snapshot_version_mismatch": func(s *simulator) {
			s.start()
			s.publish(snapshot)
			s.timestamp.Signed.Meta["snapshot.json"].Version = 1
			s.published[snapshot] = s.published[snapshot][1:] // version 2 lies under 1
			s.publish(timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "timestamp 2")
			s.wantLastRequest("snapshot 1")
		},
		"targets_role_removal": func(s *simulator) {
			s.start()
			s.delegate(targets, metadata.DelegatedRole{Name: "delegated", Paths: []string{"delegatedpath/*"}})
			s.publish("delegated", targets, snapshot, timestamp)
			s.refresh(0)
			delete(s.snapshot.Signed.Meta, "delegated.json")
			s.publish(snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 2", "targets 2", "timestamp 3")
		},
		"targets_fast_forward_recovery": func(s *simulator) {
			s.start()
			s.delegate(targets, metadata.DelegatedRole{Name: "delegated", Paths: []string{"delegatedpath/*"}})
			s.publish("delegated")
			s.publish(slices.Repeat([]string{targets}, 99)...)
			s.publish(snapshot, timestamp)
			s.refresh(0)
			s.wantTrusted("root 1", "snapshot 2", "targets 100", "timestamp 2")
			s.rotate(snapshot)
			s.forget(targets, &s.targets[targets].Signed.Version, 1)
			delete(s.snapshot.Signed.Meta, "delegated.json")
			s.publish(root, targets, snapshot, timestamp)
			s.refresh(0)
			s.wantTrusted("root 2", "snapshot 3", "targets 1", "timestamp 3")
		},
		"new_snapshot_fast_forward_recovery": func(s *simulator) {
			s.start()
			s.publish(slices.Repeat([]string{snapshot}, 99)...)
			s.publish(timestamp)
			s.refresh(0)
			s.wantTrusted("root 1", "snapshot 100", "targets 1", "timestamp 2")
			s.rotate(snapshot)
			s.rotate(timestamp)
			s.forget(snapshot, &s.snapshot.Signed.Version, 1)
			s.publish(root, targets, snapshot, timestamp)
			s.refresh(0)
			s.wantTrusted("root 2", "snapshot 1", "targets 2", "timestamp 3")
		},
		"new_timestamp_fast_forward_recovery": func(s *simulator) {
			s.start()
			s.publish(slices.Repeat([]string{timestamp}, 99)...)
			s.refresh(0)
			s.wantTrusted("root 1", "snapshot 1", "targets 1", "timestamp 100")
			s.rotate(timestamp)
			s.forget(timestamp, &s.timestamp.Signed.Version, 1)
			s.publish(root, timestamp)
			s.refresh(0)
			s.wantTrusted("root 2", "snapshot 1", "targets 1", "timestamp 1")
		},
	})
}

func (s *simulator) rollsSnapshotBack() {
	s.start()
	s.publish(snapshot, timestamp)
	s.refresh(0)
	s.forget(snapshot, &s.snapshot.Signed.Version, 1)
	s.publish(snapshot, timestamp)
	s.refresh(1)
	s.wantTrusted("root 1", "snapshot 2", "targets 1", "timestamp 2")
	s.wantLastRequest("timestamp")
}

func (s *simulator) rollsTargetsBack() {
	s.start()
	s.publish(targets, snapshot, timestamp)
	s.refresh(0)
	s.forget(targets, &s.targets[targets].Signed.Version, 1)
	s.publish(targets, snapshot, timestamp)
	s.refresh(1)
	s.wantTrusted("root 1", "snapshot 2", "targets 2", "timestamp 3")
}

func TestConformanceExpiration(t *testing.T) {
	now := time.Now().UTC()
	yesterday := now.Add(-day)
	role := metadata.DelegatedRole{Name: "delegated", Paths: []string{"delegatedpath/*"}}
	cases(t, map[string]func(*simulator){
		"root_expired": func(s *simulator) {
			s.start()
			s.publish(root)
			s.refresh(0)
			s.root.Signed.Expires = yesterday
			s.publish(root, targets, snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 3", "snapshot 1", "targets 1", "timestamp 1")
		},
		"timestamp_expired": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.timestamp.Signed.Expires = yesterday
			s.publish(timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 1", "targets 1", "timestamp 1")
		},
		"snapshot_expired": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.snapshot.Signed.Expires = yesterday
			s.publish(snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 1", "targets 1", "timestamp 2")
		},
		"targets_expired": func(s *simulator) {
			s.start()
			s.refresh(0)
			s.targets[targets].Signed.Expires = yesterday
			s.publish(targets, snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 1", "snapshot 2", "targets 1", "timestamp 2")
		},
		"expired_local_root": func(s *simulator) {
			s.start()
			s.root.Signed.Expires = now.Add(7 * day)
			s.publish(root)
			s.refresh(0)
			s.root.Signed.Expires = now.Add(21 * day)
			s.publish(root)
			s.in(18*day, func() { s.refresh(0) })
			s.wantTrusted("root 3", "snapshot 1", "targets 1", "timestamp 1")
		},
		"expired_local_timestamp": func(s *simulator) {
			s.start()
			s.timestamp.Signed.Expires = now.Add(7 * day)
			s.publish(timestamp)
			s.refresh(0)
			s.timestamp.Signed.Expires = now.Add(21 * day)
			s.publish(targets, snapshot, timestamp)
			s.in(18*day, func() { s.refresh(0) })
			s.wantTrusted("root 1", "snapshot 2", "targets 2", "timestamp 3")
		},
		"delegated_targets_expired": func(s *simulator) {
			s.start()
			s.delegate(targets, role)
			s.targets["delegated"].Signed.Expires = yesterday
			s.addArtifact("delegated", "delegatedpath/target", "delegated content")
			s.publish("delegated", targets, snapshot, timestamp)
			s.refresh(0)
			s.download(1, "delegatedpath/target")
			s.wantArtifacts()
			s.wantTrusted("root 1", "snapshot 2", "targets 2", "timestamp 2")
		},
		"expired_local_delegated_targets": func(s *simulator) {
			s.learnsDelegated(role, now.Add(7*day))
			s.in(18*day, func() { s.download(1, "delegatedpath/second") })
			s.wantArtifacts("first")
		},
		"expired_local_delegated_targets_updates": func(s *simulator) {
			s.learnsDelegated(role, now.Add(7*day))
			s.targets["delegated"].Signed.Expires = now.Add(21 * day)
			s.publish("delegated", snapshot, timestamp)
			s.in(18*day, func() { s.download(0, "delegatedpath/second") })
			s.wantArtifacts("first", "second")
		},
	})
}

// learnsDelegated has the client download the first of two artifacts of a role
// that will expire.
func (s *simulator) learnsDelegated(role metadata.DelegatedRole, expires time.Time) {
	s.start()
	s.delegate(targets, role)
	s.targets[role.Name].Signed.Expires = expires
	s.addArtifact(role.Name, "delegatedpath/first", "first")
	s.addArtifact(role.Name, "delegatedpath/second", "second")
	s.publish(role.Name, targets, snapshot, timestamp)
	s.download(0, "delegatedpath/first")
	s.wantArtifacts("first")
}
