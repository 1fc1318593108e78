package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// bundleInspection is what a bundle holds, by its own word: nobody was asked
// whether its signer is trusted.
type bundleInspection struct {
	how           string            // its bytes were checked
	Digest        bundle.Digest     `json:"digest"`
	EnvelopeBytes int               `json:"envelope_bytes"`
	SignedBy      []string          `json:"signed_by_key_ids"`
	Minimum       string            `json:"minimum_version,omitempty"` // of the model, as the controller has it
	Manifest      bundle.Manifest   `json:"manifest"`
	Files         []bundleInspected `json:"files"`
}

type bundleInspected struct {
	Path   string        `json:"path"`
	Digest bundle.Digest `json:"sha256"`
	Size   int64         `json:"size_bytes"`
}

// inspectBundle reads a bundle to its last byte.
func inspectBundle(file string, s program.Streams) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	var found bundleInspection
	err = bundle.Read(f, func(envelope []byte) (*bundle.Manifest, error) {
		var err error
		found, err = inspectEnvelope(envelope, "each byte as its manifest says")
		return &found.Manifest, err
	}, func(_ bundle.File, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("inspect %s: %w", file, err)
	}
	return s.Print(found, found.tell)
}

// inspectEnvelope reads what an envelope says of its bundle.
func inspectEnvelope(envelope []byte, how string) (bundleInspection, error) {
	payload, err := trust.Unjudged(envelope)
	if err != nil {
		return bundleInspection{}, err
	}
	m, err := bundle.ParseManifest(payload)
	if err != nil {
		return bundleInspection{}, err
	}
	found := bundleInspection{
		how: how, Digest: bundle.DigestOf(envelope), EnvelopeBytes: len(envelope), Manifest: *m, SignedBy: trust.Signers(envelope),
	}
	for _, f := range m.Files {
		found.Files = append(found.Files, bundleInspected(f))
	}
	return found, nil
}

func (b bundleInspection) tell(w io.Writer) {
	m, p := b.Manifest, b.Manifest.Provenance
	fmt.Fprintf(w, "%s %s, %s, %s\n", m.Name, m.Version, b.Digest, b.how)
	fmt.Fprintf(w, "signed by key %s (whether it is trusted is for a controller or device to say)\n", strings.Join(b.SignedBy, ", "))
	line := func(what, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-11s %s\n", what, value)
		}
	}
	line("minimum", minimumFor(m.Version, b.Minimum))
	line("packed", strings.TrimSpace(p.At.Format(time.RFC3339)+" "+p.By)+" with "+p.Tool)
	line("commit", p.Commit)
	for _, d := range p.Datasets {
		line("trained on", d.Name+named(" ", d.Digest)+in(d.Region))
	}
	line("parent", p.Parent)
	line("run", p.Run)
	if p.Evaluation.Report != "" {
		line("evaluation", p.Evaluation.Report+named(" ", p.Evaluation.Digest))
	}
	line("fits", fits(m.Fits))
	line("golden", fmt.Sprintf("%d pictures, %.1f %% read as labelled when packed, %.1f %% needed", len(m.Golden.Samples), 100*m.Golden.Measured, 100*m.Golden.MinAgreement))
	row := table(w, "FILE", "BYTES", "SHA-256")
	for _, f := range b.Files {
		row(f.Path, fmt.Sprint(f.Size), f.Digest.Hex())
	}
	row()
}

func named(before string, d bundle.Digest) string {
	if d.IsZero() {
		return ""
	}
	return before + d.String()
}

func in(region string) string {
	if region == "" {
		return ""
	}
	return ", must stay in " + region
}

func fits(f bundle.Fits) string {
	var parts []string
	if len(f.Arch) > 0 {
		parts = append(parts, strings.Join(f.Arch, " or "))
	}
	if len(f.Boards) > 0 {
		parts = append(parts, strings.Join(f.Boards, " or "))
	}
	if f.MinMemoryMiB > 0 {
		parts = append(parts, fmt.Sprintf("at least %d MiB of memory", f.MinMemoryMiB))
	}
	if len(parts) == 0 {
		return "any board"
	}
	return strings.Join(parts, ", ")
}
