package main

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Further cases of the TUF project's conformance suite: see tuf_conformance_test.go.

func TestConformanceKeys(t *testing.T) {
	cases(t, map[string]func(*simulator){
		"snapshot_does_not_meet_threshold": func(s *simulator) {
			s.addKey(snapshot, newSigner(s.t, "ecdsa"))
			s.addKey(snapshot, newSigner(s.t, "ecdsa"))
			s.root.Signed.Roles[snapshot].Threshold = 3
			s.publish(root, targets, snapshot, timestamp)
			s.start()
			s.refresh(0)
			s.signers[snapshot] = s.signers[snapshot][:2]
			s.publish(targets, snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 2", "snapshot 2", "targets 2", "timestamp 3")
		},
		"snapshot_has_too_few_keys": func(s *simulator) {
			s.start()
			for range 4 {
				s.addKey(snapshot, newSigner(s.t, "ecdsa"))
			}
			s.root.Signed.Roles[snapshot].Threshold = 6
			s.publish(root, snapshot, timestamp)
			s.refresh(1)
			s.wantTrusted("root 2", "timestamp 2")
		},
		"duplicate_keys": func(s *simulator) {
			s.start()
			k := s.repeatsKey(1)
			s.change(snapshot, func(file map[string]any) { repeatSignature(file, k, 8) })
			s.refresh(1)
			s.wantTrusted("root 2", "timestamp 2")
		},
		"duplicate_keys/in the role too": func(s *simulator) {
			s.start()
			k := s.repeatsKey(9)
			s.change(snapshot, func(file map[string]any) { repeatSignature(file, k, 8) })
			s.refresh(1)
			s.wantTrusted("root 1") // a root with a key twice in a role is not taken
		},
		"duplicate_sig_keyids": func(s *simulator) {
			s.start()
			s.change(snapshot, func(file map[string]any) {
				file["signatures"] = append(signaturesOf(file), signaturesOf(file)[0])
			})
			s.refresh(1)
			s.wantTrusted("root 1", "timestamp 1")
		},
		"invalid_sig_in_valid_metadata": func(s *simulator) {
			s.start()
			other := s.timestamp.Signatures[0] // of version 1
			s.addKey(timestamp, newSigner(s.t, "ecdsa"))
			s.publish(root, timestamp)
			for _, sig := range []string{other.Signature.String(), ""} {
				s.change(timestamp, func(file map[string]any) {
					for _, entry := range signaturesOf(file) {
						if entry := entry.(map[string]any); entry["keyid"] == other.KeyID {
							entry["sig"] = sig
						}
					}
				})
				s.refresh(0)
				s.wantKept(timestamp)
				s.publish(timestamp)
			}
		},
	})
	for _, kind := range []string{"rsa/rsassa-pss-sha256", "ecdsa/ecdsa-sha2-nistp256", "ed25519/ed25519"} {
		t.Run("keytype_and_scheme/"+strings.ReplaceAll(kind, "/", "_"), func(t *testing.T) {
			s := newSimulator(t)
			s.start()
			k := newSigner(t, kind[:strings.Index(kind, "/")])
			s.addKey(root, k)
			s.root.Signed.Roles[root].Threshold++
			s.publish(root)
			s.refresh(0)
			s.wantTrusted("root 2", "snapshot 1", "targets 1", "timestamp 1")
			s.publish(root)
			s.change(root, func(file map[string]any) {
				for _, entry := range signaturesOf(file) {
					if entry := entry.(map[string]any); entry["keyid"] == k.id {
						entry["sig"] = hex.EncodeToString(k.sign([]byte("another message")))
					}
				}
			})
			s.refresh(1)
			s.wantTrusted("root 2", "snapshot 1", "targets 1", "timestamp 1")
		})
	}
}

// repeatsKey names a second key of the snapshot so many times, and wants six signatures.
func (s *simulator) repeatsKey(times int) signer {
	s.t.Helper()
	k := newSigner(s.t, "ecdsa")
	s.addKey(snapshot, k)
	role := s.root.Signed.Roles[snapshot]
	role.KeyIDs = append(role.KeyIDs, slices.Repeat([]string{k.id}, times-1)...)
	role.Threshold = 6
	s.publish(root, snapshot, timestamp)
	return k
}

func repeatSignature(file map[string]any, k signer, times int) {
	all := signaturesOf(file)
	for _, entry := range all {
		if entry.(map[string]any)["keyid"] == k.id {
			file["signatures"] = append(all, slices.Repeat([]any{entry}, times)...)
		}
	}
}

// keyed is one version of a role: its keys, how many of them have to sign, and
// which do, by number.
type keyed struct {
	keys      []int
	threshold int
	signed    []int
}

var oneToFive, oneRotated = []int{0, 1, 2, 3, 4}, []int{0, 1, 3, 4, 5}

// The client follows roots as long as each is signed by enough keys of its own and of
// the one before. The last is refused where the name says so.
func TestConformanceRootRotation(t *testing.T) {
	for name, versions := range map[string][]keyed{
		"1-of-1-key-rotation":                   {{[]int{1}, 1, []int{1}}, {[]int{2}, 1, []int{2, 1}}, {[]int{2}, 1, []int{2}}},
		"1-of-1-key-rotation-unused-signatures": {{[]int{1}, 1, []int{3, 1, 4}}, {[]int{2}, 1, []int{3, 2, 1, 4}}, {[]int{2}, 1, []int{3, 2, 4}}},
		"3-of-5-sign-with-different-keycombos": {
			{oneToFive, 3, []int{0, 2, 4}}, {oneToFive, 3, []int{0, 4, 1}}, {oneToFive, 3, []int{0, 1, 3}}, {oneToFive, 3, []int{0, 1, 3}},
		},
		"3-of-5-one-key-rotated":                        {{oneToFive, 3, []int{0, 2, 4}}, {oneRotated, 3, []int{0, 4, 1}}},
		"3-of-5-one-key-rotated-with-intermediate-step": {{oneToFive, 3, []int{0, 2, 4}}, {oneRotated, 3, []int{0, 2, 4, 5}}, {oneRotated, 3, []int{0, 4, 5}}},
		"3-of-5-all-keys-rotated-with-intermediate-step": {
			{oneToFive, 3, []int{0, 2, 4}}, {[]int{5, 6, 7, 8, 9}, 3, []int{0, 2, 4, 5, 6, 7}}, {[]int{5, 6, 7, 8, 9}, 3, []int{5, 6, 7}},
		},
		"1-of-3-threshold-increase-to-2-of-3":                            {{[]int{1, 2, 3}, 1, []int{1}}, {[]int{1, 2, 3}, 2, []int{1, 2}}},
		"2-of-3-threshold-decrease-to-1-of-3":                            {{[]int{1, 2, 3}, 2, []int{1, 2}}, {[]int{1, 2, 3}, 1, []int{1, 2}}, {[]int{1, 2, 3}, 1, []int{1}}},
		"1-of-2-threshold-increase-to-2-of-2":                            {{[]int{1}, 1, []int{1}}, {[]int{1, 2}, 2, []int{1, 2}}},
		"1-of-1-key-rotation-fail-not-signed-with-old-key":               {{[]int{1}, 1, []int{1}}, {[]int{2}, 1, []int{2, 3, 4}}},
		"1-of-1-key-rotation-fail-not-signed-with-new-key":               {{[]int{1}, 1, []int{1}}, {[]int{2}, 1, []int{1, 3, 4}}},
		"3-of-5-one-key-rotate-fail-not-signed-with-3-new-keys":          {{oneToFive, 3, []int{0, 2, 4}}, {oneRotated, 3, []int{0, 2, 4}}},
		"3-of-5-one-key-rotate-fail-not-signed-with-3-old-keys":          {{oneToFive, 3, []int{0, 2, 4}}, {oneRotated, 3, []int{0, 4, 5}}},
		"1-of-3-threshold-bump-to-2-of-3-fail-new-threshold-not-reached": {{[]int{1, 2, 3}, 1, []int{1}}, {[]int{1, 2, 3}, 2, []int{2}}},
		"2-of-3-threshold-decr-to-1-of-3-fail-old-threshold-not-reached": {{[]int{1, 2, 3}, 2, []int{1, 2}}, {[]int{1, 2, 3}, 1, []int{1}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSimulator(t)
			keys := tenKeys(t)
			s.forget(root, &s.root.Signed.Version, 1)
			for _, v := range versions {
				s.rekey(root, v, keys)
				s.publish(root)
			}
			s.publish(targets, snapshot, timestamp)
			s.start()
			if strings.Contains(name, "-fail-") {
				s.refresh(1)
				s.published[root] = s.published[root][:len(versions)-1]
			} else {
				s.refresh(0)
			}
			s.wantKept(root)
		})
	}
}

// The keys of the other roles change with a root, and with them who has to sign.
func TestConformanceNonRootRotations(t *testing.T) {
	for name, v := range map[string]keyed{
		"1-of-1-key-rotation":                                           {[]int{2}, 1, []int{2}},
		"1-of-1-key-rotation-unused-signatures":                         {[]int{1}, 1, []int{3, 1, 4}},
		"1-of-1-key-rotation-fail-not-signed-with-new-key":              {[]int{2}, 1, []int{1, 3, 4}},
		"3-of-5-one-key-signature-fail-not-signed-with-3-expected-keys": {oneRotated, 3, []int{0, 2, 4}},
		"2-of-5-one-key-signature-missing-fail-threshold-not-reached":   {oneRotated, 3, []int{0, 4}},
		"3-of-5-sign-first-combo":                                       {oneToFive, 3, []int{0, 2, 4}},
		"3-of-5-sign-second-combo":                                      {oneToFive, 3, []int{0, 4, 1}},
		"3-of-5-sign-third-combo":                                       {oneToFive, 3, []int{0, 1, 3}},
		"3-of-5-sign-fourth-combo":                                      {oneToFive, 3, []int{1, 2, 3}},
		"3-of-5-sign-fifth-combo":                                       {oneToFive, 3, []int{2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSimulator(t)
			keys := tenKeys(t)
			s.start()
			for _, role := range []string{timestamp, snapshot, targets} {
				s.rekey(role, v, keys)
				s.publish(root, targets, snapshot, timestamp)
				if strings.Contains(name, "-fail-") {
					s.refresh(1)
					continue
				}
				s.refresh(0)
				s.wantKept(role)
			}
		})
	}
}

func tenKeys(t *testing.T) (keys []signer) {
	for range 10 {
		keys = append(keys, newSigner(t, "ecdsa"))
	}
	return keys
}

// rekey gives a role the keys of a version, and has those sign that do in it.
func (s *simulator) rekey(role string, v keyed, keys []signer) {
	s.root.Signed.Roles[role] = &metadata.Role{Threshold: v.threshold}
	for _, i := range v.keys {
		s.addKey(role, keys[i])
	}
	s.signers[role] = nil
	for _, i := range v.signed {
		s.signers[role] = append(s.signers[role], keys[i])
	}
}
