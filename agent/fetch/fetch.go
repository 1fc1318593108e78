// Package fetch brings objects to the device: raw bytes, named by their
// SHA-256, bounded, resumable, and checked while they arrive.
//
// It is the sole importer of go-getter, and owns the guard around it: that
// library resumes blindly, and with a limit truncates silently, so that here an
// http.RoundTripper below it answers for every byte. Package fetch refuses to
// unpack, to follow a redirect to another host or out of TLS, to speak plain
// HTTP with another machine unless told to, and to know what an object means.
//
// Vocabulary: a partial is what has arrived of an object, in a private folder,
// with the ETag that it belongs to; a partial is poisoned if what is to come
// cannot belong to it, and is then dropped and started again.
//
//	f, err := fetch.New(fetch.Options{Base: "https://ctl.example/v1/artefacts", Dir: store.Incoming()})
//	if err != nil {
//		return err
//	}
//	file, err := f.Fetch(ctx, digest, size) // resumes what an earlier try left
//	if err != nil {
//		return err
//	}
//	return store.Adopt(digest, size, file)
package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	getter "github.com/hashicorp/go-getter/v2"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Options say where objects come from and where they go.
type Options struct {
	// Base is where objects lie, at Base/sha256/{hex}: https://…, http://… on
	// this machine, or file:///….
	Base string
	// Dir holds partials. It is made with mode 0700 and must be nobody else's.
	Dir string
	// RootCAs are the authorities of a site with its own; nil is the system's.
	RootCAs *x509.CertPool
	// InsecureHTTP allows http:// to other machines. Digests still hold; who
	// listens learns which models run here.
	InsecureHTTP bool
}

// Fetcher fetches from one base. Its methods may be called concurrently, but
// not for the same object.
type Fetcher struct {
	base      *url.URL
	dir       string
	transport http.RoundTripper
	idle      time.Duration
}

// idleTimeout ends a transfer that brings nothing at all.
const idleTimeout = 30 * time.Second

// New checks the options and makes the folder.
func New(o Options) (*Fetcher, error) {
	base, err := CheckURL(o.Base, o.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make download folder: %w", err)
	}
	if err := checkPrivate(o.Dir); err != nil {
		return nil, err
	}
	return &Fetcher{base: base, dir: o.Dir, transport: Transport(o.RootCAs), idle: idleTimeout}, nil
}

// CheckURL refuses an address that an agent may not fetch from: another scheme
// than https, http and file; plain http to another machine, unless insecure;
// passwords, queries and fragments.
func CheckURL(address string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("address %.200q: %w", address, err)
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("address %s: it may have no password, query or fragment", u.Redacted())
	case u.Scheme == "file":
		if u.Host != "" || !path.IsAbs(u.Path) {
			return nil, fmt.Errorf("address %s: want file:/// and an absolute path", u)
		}
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("address %.200q: want https://host, http:// on this machine, or file:///path", address)
	case u.Scheme == "http" && !insecure && !OnThisMachine(u.Hostname()):
		return nil, fmt.Errorf(`address %s: it is neither encrypted nor on this machine: use https, or name "insecure_http": true in the config`, u)
	}
	u.Path = path.Clean("/" + u.Path) // go-getter splits a path at "//"
	return u, nil
}

// OnThisMachine reports whether a host is this machine whatever the network says.
func OnThisMachine(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Fetch brings one object and returns its file in Dir, of that size and digest.
// After an error the partial stays, and the next Fetch goes on with it; a
// poisoned partial is dropped and fetched once more from the start.
func (f *Fetcher) Fetch(ctx context.Context, d bundle.Digest, size int64) (file string, err error) {
	p := partial{dir: f.dir, digest: d, size: size}
	err = f.once(ctx, p)
	if errors.Is(err, errPoisoned) {
		err = f.once(ctx, p)
	}
	if err != nil {
		return "", fmt.Errorf("fetch %s from %s: %w", d.Short(), f.origin(), plain(err))
	}
	return p.file(), nil
}

// once makes one try. It leaves no poisoned partial behind.
func (f *Fetcher) once(ctx context.Context, p partial) error {
	have, err := p.open()
	if err != nil {
		return err
	}
	if have.size < p.size {
		if err = f.get(ctx, p, have); err == nil && f.base.Scheme == "file" {
			have, err = p.open()
		}
	}
	if err == nil {
		err = have.judge(p)
	}
	if errors.Is(err, errPoisoned) {
		return errors.Join(err, p.drop())
	}
	return err
}

// get lets go-getter bring what is missing: one file, never a folder, nothing
// unpacked, no links followed, by no getter but ours.
func (f *Fetcher) get(ctx context.Context, p partial, have *progress) error {
	g, err := f.getter(p, have)
	if err != nil {
		return err
	}
	client := getter.Client{
		Getters:         []getter.Getter{g},
		Decompressors:   map[string]getter.Decompressor{},
		DisableSymlinks: true,
	}
	_, err = client.Get(ctx, &getter.Request{
		Src: f.address(p.digest), Dst: p.file(), GetMode: getter.ModeFile, Copy: true, Umask: 0o077,
	})
	return err
}

func (f *Fetcher) getter(p partial, have *progress) (getter.Getter, error) {
	if f.base.Scheme == "file" {
		return &getter.FileGetter{}, p.checkSource(path.Join(f.base.Path, "sha256", p.digest.Hex()))
	}
	return &getter.HttpGetter{
		Netrc:                 false,
		XTerraformGetDisabled: true,
		Client: &http.Client{
			Transport:     &guard{next: f.transport, partial: p, have: have, idle: f.idle},
			CheckRedirect: checkRedirect,
		},
	}, nil
}

func (f *Fetcher) address(d bundle.Digest) string {
	return f.base.JoinPath("sha256", d.Hex()).String()
}

// origin names the server in a sentence.
func (f *Fetcher) origin() string {
	if f.base.Scheme == "file" {
		return f.base.Path
	}
	return f.base.Host
}

// plain takes the request line out of an error of net/http, and makes one line
// of it.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) && u.Err != nil {
		err = u.Err
	}
	if text := err.Error(); strings.Contains(text, "\n") {
		return errors.New(strings.ReplaceAll(text, "\n", "; "))
	}
	return err
}
