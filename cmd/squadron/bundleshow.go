package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/controller/api"
)

// bundlesShowCommand leads from what runs somewhere back to what it was made of.
type bundlesShowCommand struct {
	controllerFlags
	Bundle publishedName `arg:"" help:"NAME@VERSION, or the digest that a device says it runs, or the first 8 or more of its digits."`
}

func (bundlesShowCommand) Help() string {
	return `Examples:

  squadron bundles show meter-reader@2.0.0
  squadron bundles show 3fa9c1d20b7e        # as squadron devices show, or mosquitto_sub, has it

Prints the lowest version of the model that a device may install, if there is one, the commit, the datasets with their digests and regions, the parent model, the pipeline's run and the evaluation that the publisher named when the bundle was packed, and every file with its digest.`
}

// publishedName is how people name a bundle.
type publishedName string

// leastDigits tell one digest from all others in practice.
const leastDigits = 8

func (n publishedName) Validate() error {
	if strings.Contains(string(n), "@") {
		return new(release).UnmarshalText([]byte(n))
	}
	if digits := n.digits(); len(digits) < leastDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return fmt.Errorf("bundle %.80q: want NAME@VERSION, such as meter-reader@2.0.0, or %d or more digits of its digest", string(n), leastDigits)
	}
	return nil
}

func (n publishedName) digits() string { return strings.TrimPrefix(string(n), "sha256:") }

func (n publishedName) names(b api.Bundle) bool {
	if strings.Contains(string(n), "@") {
		return string(n) == b.Name+"@"+b.Version
	}
	return strings.HasPrefix(b.Digest.Hex(), n.digits())
}

// Run finds the bundle among the published ones, and reads its envelope.
func (c bundlesShowCommand) Run(ctx context.Context, s program.Streams) error {
	client := c.client()
	b, err := find(ctx, client, c.Bundle)
	var envelope []byte
	if err == nil {
		envelope, err = client.Object(ctx, b.Digest, b.EnvelopeBytes)
	}
	if err != nil {
		return remote(fmt.Errorf("show bundle %s: %w", c.Bundle, err), "squadron bundles list")
	}
	found, err := inspectEnvelope(envelope, "published "+b.Published.UTC().Format("2006-01-02 15:04Z")+" by "+b.By)
	if err != nil {
		return fmt.Errorf("show bundle %s: %w", c.Bundle, err)
	}
	found.Minimum = b.Minimum
	return s.Print(found, found.tell)
}

func find(ctx context.Context, client *api.Client, name publishedName) (found api.Bundle, err error) {
	all, err := client.Bundles(ctx)
	if err != nil {
		return found, err
	}
	n := 0
	for _, b := range all {
		if name.names(b) {
			found, n = b, n+1
		}
	}
	switch n {
	case 0:
		return found, errors.New("nothing that is published has that name or digest; squadron bundles list shows what there is")
	case 1:
		return found, nil
	}
	return found, fmt.Errorf("%d published bundles begin so: give more digits", n)
}
